"""The genes shown together: up to eight channels, each in a colour of its own."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QSize, Signal
from qtpy.QtGui import QColor
from qtpy.QtWidgets import QColorDialog, QDoubleSpinBox, QHBoxLayout, QPushButton, QToolButton, QVBoxLayout, QWidget

from napari_stimg._widgets.forms import SWATCH_PX, button, column, gamma_box, note, row, show_value, swatch, title
from napari_stimg._widgets.session import MAX_CHANNELS, Channel

CHANNEL_COLORS = ("#e63bff", "#2bd94a", "#ffb000", "#22a8ff", "#ff5a36", "#00e0c6", "#f5f53c", "#ffffff")
"""First colours of the eight channels: bright, and far apart also for the colour-blind."""


class ChannelsView(QWidget):
    """Lists the channels, and offers the gene that is shown as another one.

    Signals
    -------
    gene_requested : int
        This column of the slide is to be shown alone.
    channel_added : int, str
        This column is to be a channel of this colour.
    channel_removed : int, channel_recolored : int, str
        The channel at this place is to go, or to have this colour.
    gamma_requested : int, float
        The channel at this place is to have this gamma.
    channels_requested : bool
        The channels are to be seen together, or the one gene.
    """

    gene_requested = Signal(int)
    channel_added = Signal(int, str)
    channel_removed = Signal(int)
    channel_recolored = Signal(int, str)
    gamma_requested = Signal(int, float)
    channels_requested = Signal(bool)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._column: int | None = None
        self._taken: dict[int, str] = {}
        self._names: NDArray[np.str_] = np.empty(0, dtype=np.str_)
        self._gammas: list[QDoubleSpinBox] = []
        self._channels = QVBoxLayout()
        self._channels.setSpacing(2)
        self._count = note()
        self._hint = note("Add genes here to see several at once, each in a colour of its own.")
        self._add = button("+ Add as channel", "Show the chosen gene together with the other channels", self._on_add)
        self._together = button(
            "Show together",
            "On: the channels, added up. Off: the one gene.",
            lambda: self.channels_requested.emit(self._together.isChecked()),
            checkable=True,
        )
        head = row(title("Channels"), self._count, self._together, stretch=1)
        self.setLayout(column(head, self._hint, self._channels, self._add, margin_px=0))
        self.show_channels((), seen=False)

    def show_names(self, names: NDArray[np.str_]) -> None:
        """Call genes by these names, (G,)."""
        self._names, self._column = names, None

    def offer(self, column_shown: int | None) -> None:
        """Offer this gene as a channel."""
        self._column = column_shown
        self._update_add()

    def show_channels(self, channels: Sequence[Channel], *, seen: bool) -> None:
        """List the channels; ``seen`` says whether they are on the canvas."""
        while (item := self._channels.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.hide()
                widget.deleteLater()
        self._gammas = []
        for place, channel in enumerate(channels):
            self._channels.addWidget(self._channel_row(place, channel))
        self._taken = {channel.column: channel.color for channel in channels}
        self._count.setText(f"{len(channels)} of {MAX_CHANNELS}")
        self._hint.setVisible(not channels)
        self._together.setEnabled(bool(channels))
        self._together.setChecked(seen)
        self._update_add()

    def show_gamma(self, place: int, gamma: float) -> None:
        """Show the gamma of the channel at this place."""
        if place < len(self._gammas):
            show_value(self._gammas[place], gamma)

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
        name.clicked.connect(lambda *_: self.gene_requested.emit(channel.column))
        gamma = gamma_box()
        gamma.setValue(channel.gamma)
        gamma.valueChanged.connect(lambda value: self.gamma_requested.emit(place, value))
        self._gammas.append(gamma)
        box = QWidget()
        layout = QHBoxLayout()
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(color)
        layout.addWidget(name, 1)
        layout.addWidget(gamma)
        layout.addWidget(remove)
        box.setLayout(layout)
        return box

    def _ask_color(self, place: int, color: str) -> None:
        chosen = QColorDialog.getColor(QColor(color), self, "Colour of the channel")
        if chosen.isValid():
            self.channel_recolored.emit(place, chosen.name())
