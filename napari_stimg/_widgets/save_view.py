"""The bar at the panel's foot: whether everything is saved, and the button that saves it."""

from collections.abc import Collection
from functools import partial

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QLabel, QMenu, QPushButton, QSizePolicy, QWidget

from napari_stimg._widgets.forms import button, row

EXPORTS = {
    "spots": ("Spots as CSV…", "One row a spot: name, place, whether it is hidden, scribble, domain, probability"),
    "scores": ("Scores as CSV…", "One row a gene of the reconstruction: MSE, MAE, PCC and what it gains"),
    "hidden": ("Hidden region as GeoJSON…", "Its outlines, for QuPath and for stimg reconstruct --geojson"),
    "domains": ("Domains as GeoJSON…", "Their outlines with names and colours, for QuPath"),
    "crops": ("Crops as GeoJSON…", "Outlines of the spots in each region of the Section tab, with their names"),
    "figure": ("Figure as PNG or SVG…", "The section as it is on the canvas: colour bar or legend, scale bar, title"),
}
"""What can be exported: menu entry and tooltip."""

COPIES = {
    "python": ("Copy as Python", "What was last done, as a script that gives the same result"),
    "command": ("Copy as command", "What was last done, as a line for a terminal that gives the same result"),
}
"""What can go to the clipboard: menu entry and tooltip."""

UNSAVED, SAVED, IDLE = "#d97e00", "#2ea043", "#7a8494"


class SaveView(QWidget):
    """Says what is unsaved.

    Signals
    -------
    save_requested
        The results are to be saved as ``.h5ad``.
    export_requested : str
        This one of `EXPORTS` is to be written.
    copy_requested : str
        What was last done is to go to the clipboard in this one of `COPIES`.
    """

    save_requested = Signal()
    export_requested = Signal(str)
    copy_requested = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.state = QLabel()
        self.state.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.state.setWordWrap(True)
        self.save = button(
            "Save as .h5ad…",
            "Write the section with mask, reconstruction, uncertainty, embedding and domains to a new .h5ad file. "
            "The file that was opened is never changed.",
            self.save_requested.emit,
        )
        self.export = QPushButton("Export")
        self.export.setToolTip("Write tables and outlines for other programs; the .h5ad holds all of it.")
        menu = QMenu(self.export)
        menu.setToolTipsVisible(True)
        self.export_actions = {what: menu.addAction(text) for what, (text, _) in EXPORTS.items()}
        for what, action in self.export_actions.items():
            action.setToolTip(EXPORTS[what][1])
            action.triggered.connect(partial(self._on_export, what))
        menu.addSeparator()
        self.copy_actions = {form: menu.addAction(text) for form, (text, _) in COPIES.items()}
        for form, action in self.copy_actions.items():
            action.setToolTip(COPIES[form][1])
            action.triggered.connect(partial(self._on_copy, form))
        self.export.setMenu(menu)
        layout = row(self.state, self.export, self.save, stretch=0)
        layout.setContentsMargins(8, 4, 8, 8)
        self.setLayout(layout)
        self.show_idle()
        self.show_exports(())
        self.show_copies(False)

    def show_exports(self, what: Collection[str]) -> None:
        """Offer these of `EXPORTS`; none without a section."""
        self.export.setEnabled(bool(what))
        for name, action in self.export_actions.items():
            action.setEnabled(name in what)

    def show_copies(self, has_made: bool) -> None:
        """Offer to copy what was last done, if anything was."""
        for action in self.copy_actions.values():
            action.setEnabled(has_made)

    def show_idle(self) -> None:
        """Show that there is nothing to save."""
        self._show("○ Nothing to save yet", IDLE, "")
        self.save.setEnabled(False)

    def show_unsaved(self, what: str) -> None:
        """Show what has changed since the last save."""
        self._show(f"● Unsaved: {what}", UNSAVED, f"Not saved yet: {what}")
        self.save.setEnabled(True)

    def show_saved(self, where: str, full_path: str) -> None:
        """Show where everything has been written."""
        self._show(f"✓ Saved to {where}", SAVED, full_path)
        self.save.setEnabled(True)

    def _on_export(self, what: str, _checked: bool = False) -> None:
        self.export_requested.emit(what)

    def _on_copy(self, form: str, _checked: bool = False) -> None:
        self.copy_requested.emit(form)

    def _show(self, text: str, color: str, tooltip: str) -> None:
        self.state.setText(text)
        self.state.setStyleSheet(f"color: {color}; font-weight: 600;")
        self.state.setToolTip(tooltip)
