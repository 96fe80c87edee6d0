"""A legend: colours, names and numbers of spots, all of which but the numbers can be edited."""

from collections.abc import Sequence

from qtpy.QtCore import Qt, Signal
from qtpy.QtGui import QColor
from qtpy.QtWidgets import QAbstractItemView, QColorDialog, QHeaderView, QTableWidget, QTableWidgetItem, QWidget

from napari_stimg._widgets.forms import swatch

COLOR, NAME, COUNT = range(3)


class LegendTable(QTableWidget):
    """One row a class: its colour (double-click to change), its name (double-click to edit), its spots.

    Parameters
    ----------
    several : bool
        Whether several rows can be selected.

    Signals
    -------
    chosen : int
        This row was chosen.
    renamed : int, str
        This row has a new name.
    recolored : int, str
        This row is to have this colour, ``#rrggbb``.
    selected : int
        So many rows are selected now.
    """

    chosen = Signal(int)
    renamed = Signal(int, str)
    recolored = Signal(int, str)
    selected = Signal(int)

    def __init__(self, parent: QWidget | None = None, *, several: bool = False) -> None:
        super().__init__(0, 3, parent)
        self.setHorizontalHeaderLabels(["", "Name", "Spots"])
        self.setToolTip("Double-click a colour or a name to change it.")
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(24)
        self.setShowGrid(False)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        mode = QAbstractItemView.SelectionMode
        self.setSelectionMode(mode.ExtendedSelection if several else mode.SingleSelection)
        header = self.horizontalHeader()
        header.setHighlightSections(False)
        header.setSectionResizeMode(COLOR, QHeaderView.ResizeMode.Fixed)
        header.setSectionResizeMode(NAME, QHeaderView.ResizeMode.Stretch)
        header.setSectionResizeMode(COUNT, QHeaderView.ResizeMode.Fixed)
        header.resizeSection(COLOR, 32)
        header.resizeSection(COUNT, 70)
        self.itemChanged.connect(self._on_item_changed)
        self.cellDoubleClicked.connect(self._on_double_clicked)
        self.itemSelectionChanged.connect(lambda: self.selected.emit(len(self.selected_rows)))
        self.currentCellChanged.connect(lambda now, *_: self.chosen.emit(now) if now >= 0 else None)

    @property
    def selected_rows(self) -> list[int]:
        """The rows that are selected, from the top."""
        return sorted(index.row() for index in self.selectionModel().selectedRows())

    def show_rows(self, names: Sequence[str], colors: Sequence[str], counts: Sequence[int]) -> None:
        """Fill the legend; the chosen row stays chosen, and is the only one that is selected."""
        current = self.currentRow()
        self.blockSignals(True)
        self.setRowCount(len(names))
        for place, (name, color, count) in enumerate(zip(names, colors, counts, strict=True)):
            self.setItem(place, COLOR, self._color_item(color))
            self.setItem(place, NAME, QTableWidgetItem(name))
            self.setItem(place, COUNT, self._count_item(count))
        if 0 <= current < len(names):
            self.setCurrentCell(current, NAME)
        self.blockSignals(False)
        self.selected.emit(len(self.selected_rows))

    def choose(self, place: int) -> None:
        """Choose a row, as a click on it would."""
        self.setCurrentCell(place, NAME)

    def _on_item_changed(self, item: QTableWidgetItem) -> None:
        if item.column() == NAME:
            self.renamed.emit(item.row(), item.text())

    def _on_double_clicked(self, place: int, cell: int) -> None:
        item = self.item(place, COLOR)
        if cell != COLOR or item is None:
            return
        before = QColor(item.data(Qt.ItemDataRole.UserRole))
        after = QColorDialog.getColor(before, self, "Colour")
        if after.isValid():
            self.recolored.emit(place, after.name())

    def _color_item(self, color: str) -> QTableWidgetItem:
        item = QTableWidgetItem(swatch(color), "")
        item.setData(Qt.ItemDataRole.UserRole, color)
        item.setFlags(Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable)
        return item

    def _count_item(self, count: int) -> QTableWidgetItem:
        item = QTableWidgetItem(f"{count:,}")
        item.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        item.setFlags(Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable)
        return item
