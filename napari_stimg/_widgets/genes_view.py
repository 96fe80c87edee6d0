"""The Genes tab: search, one gene at a time, and up to eight together as additive channels."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QSize, Signal
from qtpy.QtGui import QColor
from qtpy.QtWidgets import (
    QColorDialog,
    QComboBox,
    QDoubleSpinBox,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from napari_stimg._widgets.forms import SWATCH_PX, button, column, note, row, swatch, title
from napari_stimg._widgets.session import MAX_CHANNELS, Channel
from napari_stimg._widgets.sortable_table import Column, SortableTable

COLORMAPS = ("viridis", "magma", "inferno", "plasma", "gray", "turbo")

CHANNEL_COLORS = ("#e63bff", "#2bd94a", "#ffb000", "#22a8ff", "#ff5a36", "#00e0c6", "#f5f53c", "#ffffff")
"""First colours of the eight channels: bright, and far apart also for the colour-blind."""


class GenesView(QWidget):
    """Lists genes; says which one to show, and which to show together.

    Signals
    -------
    gene_requested : int
        This column of the slide is to be shown.
    colormap_requested : str, clip_requested : float
        How a gene is to be shown; the share of spots clipped at either end, in percent.
    channel_added : int, str
        This column is to be a channel of this colour.
    channel_removed : int, channel_recolored : int, str
        The channel at this place is to go, or to have this colour.
    channels_requested : bool
        The channels are to be seen together, or the one gene.
    """

    gene_requested = Signal(int)
    colormap_requested = Signal(str)
    clip_requested = Signal(float)
    channel_added = Signal(int, str)
    channel_removed = Signal(int)
    channel_recolored = Signal(int, str)
    channels_requested = Signal(bool)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._column: int | None = None
        self._taken: dict[int, str] = {}
        self._names: NDArray[np.str_] = np.empty(0, dtype=np.str_)
        self.search = QLineEdit()
        self.search.setPlaceholderText("Search a gene: symbol or Ensembl id")
        self.search.setClearButtonEnabled(True)
        self.table = SortableTable()
        self.search.textChanged.connect(self.table.columns.set_filter)
        self.search.returnPressed.connect(self.table.choose_first)
        self.table.row_chosen.connect(self._on_row_chosen)
        self._channels = QVBoxLayout()
        self._channels.setSpacing(2)
        layout = column(self.search, self.table, self._build_look(), self._build_channels())
        layout.setStretch(1, 1)
        self.setLayout(layout)
        self.show_channels((), seen=False)

    def show_genes(self, names: NDArray[np.str_], ids: NDArray[np.str_] | None, variance: NDArray[np.float32]) -> None:
        """List the genes of a slide, the most variable first.

        Parameters
        ----------
        names : (G,) str
            Symbols.
        ids : (G,) str or None
            Ensembl ids.
        variance : (G,) float32
            Variance of log expression over the section.
        """
        self._names, self._column = names, None
        columns = [Column(title="Gene", tooltip="Symbol of the gene", values=names, searched=True)]
        if ids is not None:
            columns.append(Column(title="Ensembl id", tooltip="Ensembl id", values=ids, width_px=130, searched=True))
        columns.append(
            Column(
                title="Variance",
                tooltip="Variance over all spots of log expression (counts scaled to 10,000 a spot, log1p)",
                values=variance.astype(np.float64),
            )
        )
        self.search.clear()
        self.table.set_columns(columns, sort_by=len(columns) - 1, descending=True)

    def show_gene(self, column_shown: int | None) -> None:
        """Mark the gene that is shown."""
        self._column = column_shown
        if column_shown is not None:
            self.table.select_row(column_shown)
        self._update_add()

    def show_look(self, colormap: str, clip_percent: float) -> None:
        """Show how genes are drawn."""
        for control in (self._colormap, self._clip):
            control.blockSignals(True)
        self._colormap.setCurrentText(colormap)
        self._clip.setValue(clip_percent)
        for control in (self._colormap, self._clip):
            control.blockSignals(False)

    def show_channels(self, channels: Sequence[Channel], *, seen: bool) -> None:
        """List the channels; ``seen`` says whether they are on the canvas."""
        while (item := self._channels.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.hide()
                widget.deleteLater()
        for place, channel in enumerate(channels):
            self._channels.addWidget(self._channel_row(place, channel))
        self._taken = {channel.column: channel.color for channel in channels}
        self._count.setText(f"{len(channels)} of {MAX_CHANNELS}")
        self._hint.setVisible(not channels)
        self._together.setEnabled(bool(channels))
        self._together.setChecked(seen)
        self._update_add()

    def _on_row_chosen(self, chosen: int) -> None:
        self.show_gene(chosen)
        self.gene_requested.emit(chosen)

    def _update_add(self) -> None:
        room, taken = len(self._taken) < MAX_CHANNELS, self._column in self._taken
        self._add.setEnabled(self._column is not None and room and not taken)
        name = "" if self._column is None else f" {self._names[self._column]}"
        self._add.setText(f"{name.strip()} is a channel" if taken else f"+ Add{name} as channel")

    def _on_add(self) -> None:
        if self._column is not None:
            self.channel_added.emit(self._column, self._free_color())

    def _free_color(self) -> str:
        """Return the first colour that no channel has."""
        return next((color for color in CHANNEL_COLORS if color not in self._taken.values()), CHANNEL_COLORS[-1])

    def _build_look(self) -> QWidget:
        self._colormap = QComboBox()
        self._colormap.addItems(COLORMAPS)
        self._colormap.setToolTip("Colours of a gene: dark = low, bright = high")
        self._colormap.currentTextChanged.connect(self.colormap_requested)
        self._clip = QDoubleSpinBox()
        self._clip.setRange(0.0, 25.0)
        self._clip.setSingleStep(0.5)
        self._clip.setDecimals(1)
        self._clip.setSuffix(" %")
        self._clip.setKeyboardTracking(False)
        self._clip.setToolTip("Share of the spots, in percent, beyond the darkest and the brightest colour")
        self._clip.valueChanged.connect(self.clip_requested)
        box = QWidget()
        layout = row(QLabel("Colours"), self._colormap, QLabel("Clip"), self._clip, stretch=1)
        layout.setContentsMargins(0, 0, 0, 0)
        box.setLayout(layout)
        return box

    def _build_channels(self) -> QWidget:
        self._count = note()
        self._hint = note("Add genes here to see several at once, each in a colour of its own.")
        self._add = button("+ Add as channel", "Show the chosen gene together with the other channels", self._on_add)
        self._together = button(
            "Show together",
            "On: the channels, added up. Off: the one gene.",
            lambda: self.channels_requested.emit(self._together.isChecked()),
            checkable=True,
        )
        box = QWidget()
        head = row(title("Channels"), self._count, self._together, stretch=1)
        box.setLayout(column(head, self._hint, self._channels, self._add, margin_px=0))
        return box

    def _channel_row(self, place: int, channel: Channel) -> QWidget:
        color = QToolButton()
        color.setIcon(swatch(channel.color))
        color.setIconSize(QSize(SWATCH_PX, SWATCH_PX))
        color.setToolTip("Choose another colour")
        color.clicked.connect(lambda *_: self._ask_color(place, channel.color))
        remove = QToolButton()
        remove.setText("✕")
        remove.setToolTip("Take this channel away")
        remove.clicked.connect(lambda *_: self.channel_removed.emit(place))
        name = QPushButton(str(self._names[channel.column]))
        name.setFlat(True)
        name.setStyleSheet("text-align: left;")
        name.setToolTip("Show this gene alone")
        name.clicked.connect(lambda *_: self._on_row_chosen(channel.column))
        box = QWidget()
        layout = QHBoxLayout()
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(color)
        layout.addWidget(name, 1)
        layout.addWidget(remove)
        box.setLayout(layout)
        return box

    def _ask_color(self, place: int, color: str) -> None:
        chosen = QColorDialog.getColor(QColor(color), self, "Colour of the channel")
        if chosen.isValid():
            self.channel_recolored.emit(place, chosen.name())
