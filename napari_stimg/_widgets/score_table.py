"""How well each gene was reconstructed, as a table that sorts, below one sentence over all of them."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QWidget

from napari_stimg._widgets.forms import column, note
from napari_stimg._widgets.sortable_table import Column, SortableTable

SCORES = (
    ("pcc", "PCC", "Pearson correlation of truth and reconstruction over the hidden spots, -1 to 1", 2),
    ("gain_percent", "Gain %", "Squared error saved against the section's mean of the gene, in percent", 1),
    ("gain_over_neighbours_percent", "vs near %", "Squared error saved against visible neighbours' mean, percent", 1),
    ("mse", "MSE", "Mean squared error over the hidden spots, in (log expression) squared", 3),
    ("mae", "MAE", "Mean absolute error over the hidden spots, in log expression", 3),
)
"""Columns of the score table: key, header, tooltip, digits."""

TABLE_PX = 160
"""Least height of the table: five rows; a lower window scrolls the tab."""


class ScoreTable(QWidget):
    """Lists scores; says which gene the user wants to see.

    Signals
    -------
    gene_requested : int
        The gene of this column of the slide is to be shown.
    """

    gene_requested = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._columns: NDArray[np.intp] = np.empty(0, dtype=np.intp)
        self._summary = note()
        self.table = SortableTable()
        self.table.setMinimumHeight(TABLE_PX)
        self.table.row_chosen.connect(lambda place: self.gene_requested.emit(int(self._columns[place])))
        layout = column(self._summary, self.table, margin_px=0)
        layout.setStretchFactor(self.table, 1)
        self.setLayout(layout)

    @property
    def summary_text(self) -> str:
        """What is said of the reconstruction."""
        return self._summary.text()

    def show_scores(self, scores: pd.DataFrame, columns: NDArray[np.intp], summary: str) -> None:
        """List the scores gene by gene, the best correlated first.

        Parameters
        ----------
        scores : DataFrame, K rows, indexed by gene
            With the columns of `SCORES`.
        columns : (K,) int
            The slide's column of each.
        summary : str
            One sentence over all genes.
        """
        self._columns = columns
        names = Column(title="Gene", tooltip="Symbol of the gene", values=scores.index.to_numpy(dtype=np.str_))
        numbers = [
            Column(title=header, tooltip=tooltip, values=scores[key].to_numpy(np.float64), digits=digits, width_px=66)
            for key, header, tooltip, digits in SCORES
        ]
        self.table.set_columns([names, *numbers], sort_by=1, descending=True)
        self._summary.setText(summary)

    def clear(self, why: str) -> None:
        """List nothing, and say why."""
        self._columns = np.empty(0, dtype=np.intp)
        self.table.set_columns((), sort_by=0)
        self._summary.setText(why)

    def show_gene(self, column_shown: int | None) -> None:
        """Mark the gene that is shown, if it was scored."""
        place = np.flatnonzero(self._columns == (-1 if column_shown is None else column_shown))
        self.table.select_row(int(place[0]) if place.size else -1)
