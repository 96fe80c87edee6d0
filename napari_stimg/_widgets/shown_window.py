"""What the model sees of one crop, in a window of its own: the genes that were drawn for it, with their variances."""

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import Signal
from qtpy.QtGui import QHideEvent
from qtpy.QtWidgets import QDialog, QWidget

from napari_stimg._widgets.forms import button, column, note
from napari_stimg._widgets.sortable_table import Column, SortableTable
from napari_stimg.shown_genes import ShownCrop

SIZE_PX = (380, 620)
EXPLAINED = (
    "In training the model sees a section crop by crop, of each crop other genes: those that vary more in it are drawn "
    "more often. Draw again to see how much of that is chance; click a gene to look at it."
)


class ShownWindow(QDialog):
    """Lists the genes of a `ShownCrop`; says which one the user wants to see.

    Signals
    -------
    again_requested
        Other genes are to be drawn for the same crop.
    gene_requested : int
        The gene of this column of the slide is to be shown.
    hidden
        The window is out of sight.
    """

    again_requested = Signal()
    gene_requested = Signal(int)
    hidden = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("What the model sees")
        self.resize(*SIZE_PX)
        self._columns = np.empty(0, dtype=np.intp)
        self._said = note(muted=False)
        self.table = SortableTable()
        self.table.row_chosen.connect(lambda row: self.gene_requested.emit(int(self._columns[row])))
        self.again = button("Draw again", "Draw genes for the same crop with the next seed.", self.again_requested.emit)
        self.setLayout(column(self._said, self.again, self.table, note(EXPLAINED)))

    @property
    def said(self) -> str:
        """What is said of the crop."""
        return self._said.text()

    def show_crop(self, shown: ShownCrop, gene_names: NDArray[np.str_]) -> None:
        """Show the genes of this crop, the one that varies most first.

        Parameters
        ----------
        gene_names : (G,) str
            The slide's genes.
        """
        self._columns = shown.columns
        rows, cols = shown.crop.shape
        self._said.setText(
            f"{rows} x {cols} cells, {shown.crop.tokens.size:,} of them with tissue. "
            f"{shown.columns.size:,} of the {shown.n_known:,} genes that it knows were drawn (seed {shown.seed})."
        )
        gene = Column(title="Gene", tooltip="Symbol of the gene", values=gene_names[shown.columns], searched=True)
        variance = Column(
            title="Variance", tooltip="Of its log expression over the crop's cells", values=shown.variances, width_px=90
        )
        self.table.set_columns([gene, variance], sort_by=1, descending=True)

    def hideEvent(self, event: QHideEvent) -> None:  # noqa: N802 (Qt's name)
        """Say so."""
        super().hideEvent(event)
        self.hidden.emit()
