"""The Genes tab: search, one gene at a time, and up to eight together as additive channels."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QComboBox, QDoubleSpinBox, QLabel, QWidget

from napari_stimg._widgets.channels_view import ChannelsView
from napari_stimg._widgets.forms import column, gamma_box, row, show_value
from napari_stimg._widgets.gene_list import GeneList
from napari_stimg._widgets.session import Channel
from napari_stimg._widgets.sortable_table import Column

COLORMAPS = ("viridis", "magma", "inferno", "plasma", "gray", "turbo")


class GenesView(QWidget):
    """Lists genes; says which one to show, and which to show together.

    Signals
    -------
    gene_requested : int
        This column of the slide is to be shown.
    colormap_requested : str, clip_requested : float
        How a gene is to be shown; the share of spots clipped at either end, in percent.
    gamma_requested : float, channel_gamma_requested : int, float
        The gamma that the one gene, or the channel at this place, is to have.
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
    gamma_requested = Signal(float)
    channel_gamma_requested = Signal(int, float)
    channel_added = Signal(int, str)
    channel_removed = Signal(int)
    channel_recolored = Signal(int, str)
    channels_requested = Signal(bool)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.genes = GeneList()
        self.search, self.table = self.genes.search, self.genes.table
        self.genes.gene_chosen.connect(self._on_gene_chosen)
        self.channels = ChannelsView()
        self.channels.gene_requested.connect(self._on_gene_chosen)
        self.channels.channel_added.connect(self.channel_added)
        self.channels.channel_removed.connect(self.channel_removed)
        self.channels.channel_recolored.connect(self.channel_recolored)
        self.channels.gamma_requested.connect(self.channel_gamma_requested)
        self.channels.channels_requested.connect(self.channels_requested)
        layout = column(self.genes, self._build_look(), self.channels)
        layout.setStretch(0, 1)
        self.setLayout(layout)

    def show_genes(self, names: NDArray[np.str_], ids: NDArray[np.str_] | None, numbers: Sequence[Column]) -> None:
        """List the genes of a slide.

        Parameters
        ----------
        names : (G,) str
            Symbols.
        ids : (G,) str or None
            Ensembl ids.
        numbers : Columns of (G,)
            What is known of each gene; the first sorts them, highest first.
        """
        self.channels.show_names(names)
        self.genes.show_genes(names, ids, numbers)

    def show_gene(self, column_shown: int | None) -> None:
        """Mark the gene that is shown."""
        if column_shown is not None:
            self.table.select_row(column_shown)
        self.channels.offer(column_shown)

    def show_look(self, colormap: str, clip_percent: float) -> None:
        """Show how genes are drawn."""
        for control in (self._colormap, self._clip):
            control.blockSignals(True)
        self._colormap.setCurrentText(colormap)
        self._clip.setValue(clip_percent)
        for control in (self._colormap, self._clip):
            control.blockSignals(False)

    def show_gamma(self, gamma: float) -> None:
        """Show the gamma of the one gene."""
        show_value(self._gamma, gamma)

    def show_channels(self, channels: Sequence[Channel], *, seen: bool) -> None:
        """List the channels; ``seen`` says whether they are on the canvas."""
        self.channels.show_channels(channels, seen=seen)

    def _on_gene_chosen(self, chosen: int) -> None:
        self.show_gene(chosen)
        self.gene_requested.emit(chosen)

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
        self._gamma = gamma_box()
        self._gamma.valueChanged.connect(self.gamma_requested)
        box = QWidget()
        layout = row(QLabel("Colours"), self._colormap, QLabel("Clip"), self._clip, self._gamma, stretch=1)
        layout.setContentsMargins(0, 0, 0, 0)
        box.setLayout(layout)
        return box
