"""A table of columns that sorts and filters tens of thousands of rows at once, for genes and their scores."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, Qt, Signal
from qtpy.QtWidgets import QAbstractItemView, QHeaderView, QTableView, QWidget

Index = QModelIndex | QPersistentModelIndex


@dataclass(frozen=True, kw_only=True, eq=False)
class Column:
    """One column of a table.

    Parameters
    ----------
    title, tooltip : str
        The header, and what it says when one hovers over it (with the unit).
    values : (R,) str or float
        One value a row; NaN is shown as n/a and sorted last.
    digits : int
        Digits after the point of a number.
    width_px : int
        Width of the column; the first column takes what is left.
    searched : bool
        Whether the filter looks here.
    """

    title: str
    tooltip: str
    values: NDArray[Any]
    digits: int = 3
    width_px: int = 74
    searched: bool = False

    @property
    def is_text(self) -> bool:
        """Whether the values are words."""
        return self.values.dtype.kind == "U"

    def text(self, row: int) -> str:
        """Return what the table shows for a row."""
        value = self.values[row]
        if self.is_text:
            return str(value)
        return f"{value:,.{self.digits}f}" if np.isfinite(value) else "n/a"


class ColumnsModel(QAbstractTableModel):
    """Columns as a Qt model; `order` says which rows are shown, and in which order."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._columns: tuple[Column, ...] = ()
        self._upper: list[NDArray[np.str_]] = []
        self._filter = ""
        self._sorted_by = (0, Qt.SortOrder.AscendingOrder)
        self.order: NDArray[np.intp] = np.empty(0, dtype=np.intp)

    def set_columns(self, columns: Sequence[Column], *, sort_by: int, descending: bool) -> None:
        """Show other columns, sorted by one of them; the filter stays."""
        self.beginResetModel()
        self._columns = tuple(columns)
        self._upper = [np.char.upper(column.values) for column in columns if column.searched]
        self._sorted_by = (sort_by, Qt.SortOrder.DescendingOrder if descending else Qt.SortOrder.AscendingOrder)
        self.order = self._ordered()
        self.endResetModel()

    def set_filter(self, text: str) -> None:
        """Show only rows with this text in a searched column: the exact ones first, then those that begin with it."""
        self.beginResetModel()
        self._filter = text.strip().upper()
        self.order = self._ordered()
        self.endResetModel()

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        """Sort by a column (Qt calls this when a header is clicked)."""
        if not self._columns:
            return
        self.layoutAboutToBeChanged.emit()
        self._sorted_by = (column, order)
        self.order = self._ordered()
        self.layoutChanged.emit()

    def _ordered(self) -> NDArray[np.intp]:
        if not self._columns:
            return np.empty(0, dtype=np.intp)
        column, direction = self._sorted_by
        rows = _argsort(self._columns[column].values, descending=direction == Qt.SortOrder.DescendingOrder)
        if not self._filter:
            return rows
        rank = np.min([_match_rank(words, self._filter) for words in self._upper], axis=0)[rows]
        hits = rank < _NO_MATCH
        return rows[hits][np.argsort(rank[hits], kind="stable")]

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008, N802 (Qt's signature)
        return 0 if parent.isValid() else len(self.order)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008, N802 (Qt's signature)
        return 0 if parent.isValid() else len(self._columns)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        column = self._columns[index.column()]
        if role == Qt.ItemDataRole.DisplayRole:
            return column.text(int(self.order[index.row()]))
        if role == Qt.ItemDataRole.TextAlignmentRole and not column.is_text:
            return Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        return None

    def headerData(  # noqa: N802 (Qt's signature)
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        if orientation == Qt.Orientation.Horizontal and section < len(self._columns):
            if role == Qt.ItemDataRole.DisplayRole:
                return self._columns[section].title
            if role == Qt.ItemDataRole.ToolTipRole:
                return self._columns[section].tooltip
        return None


class SortableTable(QTableView):
    """A table of `Column`s whose headers sort; choosing a row (click or arrow keys) says which one.

    Signals
    -------
    row_chosen : int
        The row of the columns' values, whatever the table's order.
    """

    row_chosen = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.columns = ColumnsModel(self)
        self.setModel(self.columns)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSortingEnabled(True)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setAlternatingRowColors(True)
        self.setStyleSheet("QTableView { alternate-background-color: rgba(128, 128, 128, 28); }")
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(22)
        self.horizontalHeader().setHighlightSections(False)

    def set_columns(self, columns: Sequence[Column], *, sort_by: int, descending: bool = False) -> None:
        """Fill the table, sorted by one of the columns."""
        header = self.horizontalHeader()
        header.blockSignals(True)
        self.columns.set_columns(columns, sort_by=sort_by, descending=descending)
        order = Qt.SortOrder.DescendingOrder if descending else Qt.SortOrder.AscendingOrder
        header.setSortIndicator(sort_by, order)
        header.blockSignals(False)
        for position, column in enumerate(columns):
            stretches = position == 0
            header.setSectionResizeMode(
                position, QHeaderView.ResizeMode.Stretch if stretches else QHeaderView.ResizeMode.Interactive
            )
            if not stretches:
                header.resizeSection(position, column.width_px)

    def select_row(self, row: int) -> None:
        """Mark a row, if it is shown, without saying that it was chosen."""
        place = np.flatnonzero(self.columns.order == row)
        selection = self.selectionModel()
        selection.blockSignals(True)
        self.clearSelection()
        if place.size:
            self.selectRow(int(place[0]))
            self.scrollTo(self.columns.index(int(place[0]), 0))
        selection.blockSignals(False)
        self.viewport().update()

    def choose_first(self) -> None:
        """Choose the first row shown, if there is any."""
        if self.columns.order.size:
            self.selectRow(0)

    def currentChanged(self, current: Index, previous: Index) -> None:  # noqa: N802 (Qt's signature)
        super().currentChanged(current, previous)
        if current.isValid() and not self.selectionModel().signalsBlocked():
            self.row_chosen.emit(int(self.columns.order[current.row()]))


_NO_MATCH = 3


def _argsort(values: NDArray[Any], *, descending: bool) -> NDArray[np.intp]:
    """Return the stable order of the values, NaN last either way."""
    if values.dtype.kind == "U":
        order = np.argsort(values, kind="stable")
        return order[::-1] if descending else order
    return np.argsort(-values if descending else values, kind="stable")


def _match_rank(words: NDArray[np.str_], text: str) -> NDArray[np.intp]:
    """Return 0 where a word is the text, 1 where it begins with it, 2 where it holds it, else 3."""
    found = np.char.find(words, text)
    rank = np.select([found == 0, found > 0], [1, 2], default=_NO_MATCH)
    rank[words == text] = 0
    return rank
