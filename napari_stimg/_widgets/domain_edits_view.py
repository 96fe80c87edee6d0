"""Buttons that change domains by hand: merge, split, undo, redo."""

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QWidget

from napari_stimg._widgets.forms import button, row


class DomainEditsView(QWidget):
    """Asks for changes of the domains that are selected in the legend.

    Signals
    -------
    merge_requested
        The selected domains are to be one.
    split_requested
        The selected domain is to be two.
    undo_requested, redo_requested
        The last change of the domains is to be taken back, or that undo.
    """

    merge_requested = Signal()
    split_requested = Signal()
    undo_requested = Signal()
    redo_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.merge = button("Merge", "", self.merge_requested.emit)
        self.split = button("Split", "", self.split_requested.emit)
        self.undo = button("Undo", "Take back the last change of the domains", self.undo_requested.emit)
        self.redo = button("Redo", "Take back the undo", self.redo_requested.emit)
        layout = row(self.merge, self.split, self.undo, self.redo)
        layout.setContentsMargins(0, 0, 0, 0)
        self.setLayout(layout)
        self.show_selected(0)
        self.show_past(can_undo=False, can_redo=False)

    def show_selected(self, n_domains: int) -> None:
        """Offer what can be done with so many selected domains."""
        self.merge.setEnabled(n_domains > 1)
        self.merge.setToolTip(
            "Make the selected domains one; their probabilities are added."
            if n_domains > 1
            else "Select two or more domains below first (Ctrl+click, Shift+click)."
        )
        self.split.setEnabled(n_domains == 1)
        self.split.setToolTip(
            "Make the selected domain two, found in its spots' embedding by the method, smoothing and seed above."
            if n_domains == 1
            else "Select one domain below first."
        )

    def show_past(self, *, can_undo: bool, can_redo: bool) -> None:
        """Offer to take back what can be taken back."""
        self.undo.setEnabled(can_undo)
        self.redo.setEnabled(can_redo)
