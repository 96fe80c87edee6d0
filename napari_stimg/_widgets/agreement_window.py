"""How the domains agree with labels that the file has, in a window of its own."""

from collections.abc import Sequence

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QComboBox, QLabel, QVBoxLayout, QWidget

from napari_stimg._widgets.figure_window import FigureWindow
from napari_stimg._widgets.forms import note, row
from napari_stimg.confusion import Confusion, draw_confusion

SIZE_PX = (720, 560)
EXPLANATION = (
    "ARI: 1 = the same division, 0 = as by chance. NMI: 1 = each tells the other, 0 = neither says anything of the "
    "other. Spots without a label or a domain do not count."
)


class AgreementWindow(FigureWindow):
    """Shows a `Confusion`; asks for the column of labels that the user chooses.

    Signals
    -------
    column_requested : str
        The domains are to be compared with the labels in this column of ``obs``.
    """

    column_requested = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Agreement with labels", size_px=SIZE_PX, parent=parent)
        self.columns = QComboBox()
        self.columns.setToolTip("Columns of the file's table of spots that hold 2 to 64 different labels")
        self.columns.currentTextChanged.connect(self._on_column)
        self._scores = QLabel()
        layout = QVBoxLayout()
        layout.addLayout(row(QLabel("Labels"), self.columns, self._scores, stretch=1))
        layout.addWidget(self.figure, 1)
        layout.addWidget(note(EXPLANATION))
        self.setLayout(layout)

    @property
    def scores_text(self) -> str:
        """What is said of the agreement."""
        return self._scores.text()

    def offer(self, columns: Sequence[str]) -> str:
        """List the columns, and return the one that is chosen: the former choice where it is there."""
        before = self.columns.currentText()
        self.columns.blockSignals(True)
        self.columns.clear()
        self.columns.addItems(list(columns))
        self.columns.setCurrentIndex(max(self.columns.findText(before), 0))
        self.columns.blockSignals(False)
        return self.columns.currentText()

    def show_confusion(
        self, table: Confusion, *, key: str, label_names: Sequence[str], domain_names: Sequence[str]
    ) -> None:
        """Show how the labels of a column and the domains share spots."""
        self._scores.setText(f"ARI {table.ari:.2f} · NMI {table.nmi:.2f} · {table.n_spots:,} spots")
        self.figure.show_drawing(
            lambda axes: draw_confusion(axes, table, label_names=label_names, domain_names=domain_names, key=key)
        )

    def show_nothing(self, why: str) -> None:
        """Show no agreement, and why."""
        self._scores.setText(why)
        self.figure.show_nothing()

    def _on_column(self, key: str) -> None:
        if key:
            self.column_requested.emit(key)
