"""The bar at the panel's foot: whether everything is saved, and the button that saves it."""

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QLabel, QSizePolicy, QWidget

from napari_stimg._widgets.forms import button, row

UNSAVED, SAVED, IDLE = "#f2a33a", "#3fb950", "#8791a0"


class SaveView(QWidget):
    """Says what is unsaved.

    Signals
    -------
    save_requested
        The results are to be saved as ``.h5ad``.
    """

    save_requested = Signal()

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
        layout = row(self.state, self.save, stretch=0)
        layout.setContentsMargins(8, 4, 8, 8)
        self.setLayout(layout)
        self.show_idle()

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

    def _show(self, text: str, color: str, tooltip: str) -> None:
        self.state.setText(text)
        self.state.setStyleSheet(f"color: {color}; font-weight: 600;")
        self.state.setToolTip(tooltip)
