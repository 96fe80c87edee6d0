"""Two lines that say what is under the cursor."""

from html import escape

from qtpy.QtCore import Qt
from qtpy.QtGui import QResizeEvent
from qtpy.QtWidgets import QLabel, QSizePolicy, QWidget

UNITS = (
    "What is under the cursor. Log expression: ln(1 + counts in 10,000 of the spot); ± is the standard deviation that "
    "the model gives; a number behind a domain is its probability, 0 to 1."
)


class CursorView(QLabel):
    """Shows two lines of text, cut at the panel's edge; both are always there, so that nothing jumps."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.lines: tuple[str, str] = ("", "")
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setContentsMargins(8, 0, 8, 0)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.say(("", ""))

    def say(self, lines: tuple[str, str]) -> None:
        """Show these lines; what is cut off is in the tooltip."""
        self.lines = lines
        width = self.contentsRect().width()
        cut = [self.fontMetrics().elidedText(line, Qt.TextElideMode.ElideRight, width) for line in lines]
        self.setText("\n".join(cut))
        self.setToolTip("".join(f"<p>{escape(line)}</p>" for line in (*lines, UNITS) if line))

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 (Qt's name)
        """Cut the lines anew."""
        super().resizeEvent(event)
        self.say(self.lines)
