"""One sentence on what was restored of a section, and the button that goes back on it."""

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QWidget

from napari_stimg._widgets.forms import button, column, note, row


class KeptView(QWidget):
    """Says what was restored, or why nothing could be; out of sight where there is nothing to say.

    Signals
    -------
    afresh_requested
        What is drawn on the section is to be put aside.
    back_requested
        What was put aside is to come back.
    """

    afresh_requested = Signal()
    back_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._text = note(muted=False)
        self.afresh = button(
            "Start afresh",
            "Put aside mask, scribbles, domains and channels of this section; they can be brought back.",
            self.afresh_requested.emit,
        )
        self.back = button(
            "Bring it back", "Show what was put aside, in place of what is drawn now.", self.back_requested.emit
        )
        self.setLayout(column(row(self._text, self.afresh, self.back, stretch=0), margin_px=0))
        self.say("")

    @property
    def text(self) -> str:
        """What is said; empty if nothing is."""
        return self._text.text()

    def say(self, text: str, *, can_start_afresh: bool = False, can_bring_back: bool = False) -> None:
        """Say this, with the buttons that apply; an empty text hides the view."""
        self._text.setText(text)
        self.afresh.setVisible(can_start_afresh)
        self.back.setVisible(can_bring_back)
        self.setVisible(bool(text))
