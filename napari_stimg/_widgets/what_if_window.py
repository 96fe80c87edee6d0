"""One gene changed in some spots, and what the model then expects, in a window of its own."""

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QDialog, QDoubleSpinBox, QLabel, QVBoxLayout, QWidget

from napari_stimg._widgets.forms import button, note, row
from napari_stimg._widgets.sortable_table import Column, SortableTable

SIZE_PX = (480, 600)
MAX_FACTOR = 100.0
WARNING = (
    "This is what the model associates with such expression on tissues it has seen; it is no prediction of what "
    "causing the change would do."
)


class WhatIfWindow(QDialog):
    """Asks by how much a gene is multiplied, and lists the genes whose expectation changes.

    Signals
    -------
    asked : float
        The gene shown is to be multiplied by this, 0 = knocked out.
    gene_requested : int
        The gene of this column of the slide is to be shown.
    """

    asked = Signal(float)
    gene_requested = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("What if")
        self.resize(*SIZE_PX)
        self._columns: NDArray[np.intp] = np.empty(0, dtype=np.intp)
        self._change, self._result = note(muted=False), note(muted=False)
        self.factor = QDoubleSpinBox()
        self.factor.setRange(0.0, MAX_FACTOR)
        self.factor.setDecimals(2)
        self.factor.setSingleStep(0.5)
        self.factor.setPrefix("x ")
        self.factor.setSpecialValueText("x 0 (knock-out)")
        self.factor.setToolTip("What the gene's normalised expression is multiplied by; 0 knocks it out")
        self.ask = button(
            "Ask the model",
            "Predict with and without the change, each place from its surroundings, and take the difference.",
            lambda: self.asked.emit(self.factor.value()),
            primary=True,
        )
        self.table = SortableTable()
        self.table.row_chosen.connect(lambda place: self.gene_requested.emit(int(self._columns[place])))
        layout = QVBoxLayout()
        layout.addWidget(self._change)
        layout.addLayout(row(QLabel("Expression"), self.factor, self.ask, stretch=1))
        layout.addWidget(note(WARNING))
        layout.addWidget(self._result)
        layout.addWidget(self.table, 1)
        self.setLayout(layout)

    @property
    def change_text(self) -> str:
        """What is said of the change to ask for."""
        return self._change.text()

    @property
    def result_text(self) -> str:
        """What is said of the result."""
        return self._result.text()

    def show_change(self, said: str, *, is_possible: bool) -> None:
        """Say what would be changed, or why nothing can be."""
        self._change.setText(said)
        self.ask.setEnabled(is_possible)

    def show_result(
        self,
        said: str,
        columns: NDArray[np.intp],
        names: NDArray[np.str_],
        inside: NDArray[np.float64],
        around: NDArray[np.float64],
    ) -> None:
        """List genes, the most changed first.

        Parameters
        ----------
        said : str
            What was changed.
        columns : (K,) int
            The slide's column of each gene.
        names : (K,) str
            What they are called.
        inside, around : (K,) float
            Mean change of expected log expression in the changed spots, and around them.
        """
        self._columns = columns
        self._result.setText(said)
        of_change = "of expected log expression, with the change less without"
        self.table.set_columns(
            [
                Column(title="Gene", tooltip="Symbol of the gene", values=names, searched=True),
                Column(title="|inside|", tooltip="Size of the change inside", values=np.abs(inside), digits=4),
                Column(title="inside", tooltip=f"Mean change {of_change}: changed spots", values=inside, digits=4),
                Column(title="around", tooltip=f"Mean change {of_change}: around them", values=around, digits=4),
            ],
            sort_by=1,
            descending=True,
        )

    def clear(self) -> None:
        """Show no result."""
        self._columns = np.empty(0, dtype=np.intp)
        self._result.setText("")
        self.table.set_columns((), sort_by=0)
