"""One gene changed in some spots, and what the model then expects, in a window of its own."""

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QComboBox, QDialog, QDoubleSpinBox, QLabel, QVBoxLayout, QWidget

from napari_stimg._widgets.forms import button, note, row
from napari_stimg._widgets.sortable_table import Column, SortableTable
from napari_stimg.expression_change import MAX_LOG_EXPRESSION, Change, Scale, SetTo

SIZE_PX = (480, 600)
MAX_FACTOR = 100.0
WARNING = (
    "This is what the model associates with such expression on tissues it has seen; it is no prediction of what "
    "causing the change would do."
)


class WhatIfWindow(QDialog):
    """Asks how a gene is changed, and lists the genes whose expectation changes.

    Signals
    -------
    asked : Scale or SetTo
        The expression of the gene shown is to be changed so.
    gene_requested : int
        The gene of this column of the slide is to be shown.
    """

    asked = Signal(object)
    gene_requested = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("What if")
        self.resize(*SIZE_PX)
        self._columns: NDArray[np.intp] = np.empty(0, dtype=np.intp)
        self._change, self._result = note(muted=False), note(muted=False)
        self.kind = QComboBox()
        self.kind.addItems(["multiplied by", "set to"])
        self.kind.setToolTip("Whether the spots keep their differences or all become alike")
        self.factor = _number(MAX_FACTOR, "What the gene's normalised expression is multiplied by; 0 knocks it out")
        self.value = _number(MAX_LOG_EXPRESSION, "Log expression that all these spots get; 0 knocks it out")
        self.value.setValue(1.0)
        self.value.setVisible(False)
        self.kind.currentIndexChanged.connect(self._on_kind)
        self.ask = button(
            "Ask the model",
            "Predict with and without the change, each place from its surroundings, and take the difference.",
            lambda: self.asked.emit(self.change),
            primary=True,
        )
        self.table = SortableTable()
        self.table.row_chosen.connect(lambda place: self.gene_requested.emit(int(self._columns[place])))
        layout = QVBoxLayout()
        layout.addWidget(self._change)
        layout.addLayout(row(QLabel("Expression"), self.kind, self.factor, self.value, self.ask, stretch=4))
        layout.addWidget(note(WARNING))
        layout.addWidget(self._result)
        layout.addWidget(self.table, 1)
        self.setLayout(layout)

    @property
    def change(self) -> Change:
        """How the gene is to be changed."""
        if self.kind.currentIndex() == 0:
            return Scale(factor=self.factor.value())
        return SetTo(log_expression=self.value.value())

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

    def _on_kind(self, place: int) -> None:
        self.factor.setVisible(place == 0)
        self.value.setVisible(place == 1)

    def clear(self) -> None:
        """Show no result."""
        self._columns = np.empty(0, dtype=np.intp)
        self._result.setText("")
        self.table.set_columns((), sort_by=0)


def _number(most: float, tooltip: str) -> QDoubleSpinBox:
    """Return a box for a number from 0, which knocks a gene out."""
    made = QDoubleSpinBox()
    made.setRange(0.0, most)
    made.setDecimals(2)
    made.setSingleStep(0.5)
    made.setSpecialValueText("0 (knock-out)")
    made.setToolTip(tooltip)
    return made
