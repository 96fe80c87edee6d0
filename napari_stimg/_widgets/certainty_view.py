"""Buttons that show how certain painted domains are, and where labels would help most."""

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QWidget

from napari_stimg._widgets.forms import button, row


class CertaintyView(QWidget):
    """Asks for the certainty of painted domains.

    Signals
    -------
    certainty_requested : bool
        The probability of each spot's domain is to be seen, or what was seen before.
    next_requested : bool
        The spots to label next are to be marked, or no longer.
    """

    certainty_requested = Signal(bool)
    next_requested = Signal(bool)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.certainty = button(
            "Certainty",
            "",
            lambda: self.certainty_requested.emit(self.certainty.isChecked()),
            checkable=True,
        )
        self.next = button(
            "Where to label next", "", lambda: self.next_requested.emit(self.next.isChecked()), checkable=True
        )
        layout = row(self.certainty, self.next)
        layout.setContentsMargins(0, 0, 0, 0)
        self.setLayout(layout)
        self.offer(False)

    def offer(self, is_painted: bool) -> None:
        """Offer both where domains were painted."""
        for made, tooltip in (
            (self.certainty, "On: the probability, 0 to 1, of the domain that each spot was painted with."),
            (self.next, "Ring up to ten of the least certain spots, far from each other: scribble there next."),
        ):
            made.setEnabled(is_painted)
            made.setToolTip(tooltip if is_painted else "Paint the section from scribbles first.")

    def show_seen(self, *, certainty: bool, marks: bool) -> None:
        """Show what is on the canvas."""
        self.certainty.setChecked(certainty)
        self.next.setChecked(marks)
