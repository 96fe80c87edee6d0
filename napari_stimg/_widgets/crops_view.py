"""The crop box of the Section tab: drawing regions, and the list of those that were drawn."""

from collections.abc import Sequence

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QWidget

from napari_stimg._widgets.forms import button, column, row, title
from napari_stimg._widgets.legend_table import COLOR, LegendTable

ROWS_SHOWN = 4
ROW_PX = 24


class CropsView(QWidget):
    """Lists the regions of a section; says what is to be done with them.

    Signals
    -------
    outline_requested : str
        A region is to be drawn: ``"rectangle"`` or ``"polygon_lasso"``.
    zoom_requested, open_requested, export_requested, delete_requested : int
        The region at this place is to be looked at, opened as a section, written as ``.h5ad``, deleted.
    rename_requested : int, str
        It is to have this name.
    undelete_requested
        The region that was deleted last is to come back.
    model_view_requested
        A crop is to be shown as the model sees it.
    """

    outline_requested = Signal(str)
    zoom_requested = Signal(int)
    open_requested = Signal(int)
    export_requested = Signal(int)
    delete_requested = Signal(int)
    rename_requested = Signal(int, str)
    undelete_requested = Signal()
    model_view_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._counts: tuple[int, ...] = ()
        self.table = LegendTable()
        self.table.hideColumn(COLOR)
        self.table.setToolTip("Regions of this section. Click one to zoom to it, double-click its name to change it.")
        self.table.setFixedHeight((ROWS_SHOWN + 1) * ROW_PX + 4)
        self.table.cellClicked.connect(lambda place, _: self.zoom_requested.emit(place))
        self.table.currentCellChanged.connect(lambda *_: self._enable())
        self.table.renamed.connect(self.rename_requested)
        rectangle = button(
            "▭ Rectangle",
            "Drag a rectangle on the canvas; the spots whose centres lie in it are a region of their own.",
            lambda: self.outline_requested.emit("rectangle"),
        )
        lasso = button(
            "✎ Lasso",
            "Drag a closed curve on the canvas; the spots whose centres lie in it are a region of their own.",
            lambda: self.outline_requested.emit("polygon_lasso"),
        )
        self.open_button = button(
            "Open as own section",
            "Open the spots of the chosen region as a section of their own; the whole section stays open.",
            lambda: self.open_requested.emit(self.chosen),
        )
        self.export_button = button(
            "Export to .h5ad…",
            "Write the spots of the chosen region, with mask, scribbles, embedding and domains, to a new file.",
            lambda: self.export_requested.emit(self.chosen),
        )
        self.delete_button = button(
            "Delete",
            "Delete the chosen region; it can be brought back.",
            lambda: self.delete_requested.emit(self.chosen),
        )
        self.undelete_button = button(
            "Undelete", "Bring back the region that was deleted last.", self.undelete_requested.emit
        )
        self.model_view_button = button(
            "What the model sees",
            "Outline one of the model's own crops (16 x 16 cells) around the middle of the canvas, and list the genes "
            "that it would be shown of it.",
            self.model_view_requested.emit,
        )
        self._list = QWidget()
        self._list.setLayout(
            column(
                self.table,
                row(self.open_button, self.export_button),
                row(self.delete_button, self.undelete_button),
                margin_px=0,
            )
        )
        self.setLayout(column(title("Crops"), row(rectangle, lasso), self._list, self.model_view_button, margin_px=0))
        self.show_crops((), (), can_undelete=False)

    @property
    def chosen(self) -> int:
        """Place of the chosen region, -1 if none is."""
        return self.table.currentRow()

    def show_crops(self, names: Sequence[str], counts: Sequence[int], *, can_undelete: bool) -> None:
        """List these regions with their numbers of spots; a region that is new is chosen."""
        is_more = len(names) > len(self._counts)
        self._counts = tuple(counts)
        self.table.show_rows(names, ["#ffffff"] * len(names), counts)
        if names and (is_more or self.chosen < 0):
            self.table.choose(len(names) - 1)
        self.undelete_button.setEnabled(can_undelete)
        self._list.setVisible(bool(names) or can_undelete)
        self._enable()

    def _enable(self) -> None:
        is_chosen = 0 <= self.chosen < len(self._counts)
        has_spots = is_chosen and self._counts[self.chosen] > 0
        self.open_button.setEnabled(has_spots)
        self.export_button.setEnabled(has_spots)
        self.delete_button.setEnabled(is_chosen)
