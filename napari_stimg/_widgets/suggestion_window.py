"""The criterion by which a number of domains was suggested, in a window of its own."""

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QDialog, QVBoxLayout, QWidget

from napari_stimg._widgets.figure_view import FigureView
from napari_stimg._widgets.forms import note
from napari_stimg.domain_number import Suggestion, draw_suggestion

SIZE_PX = (520, 420)
WARNING = (
    "A guess to start from: against experts' labels it was good in layered cortex, and two to three times too high in "
    "small tumour sections. Where the curve bends softly, another seed suggests another number."
)


class SuggestionWindow(QDialog):
    """Shows a `Suggestion`.

    Signals
    -------
    failed : str
        The figure could not be written, and why.
    """

    failed = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Number of domains")
        self.resize(*SIZE_PX)
        self.figure = FigureView()
        self.figure.failed.connect(self.failed)
        layout = QVBoxLayout()
        layout.addWidget(self.figure, 1)
        layout.addWidget(note(WARNING))
        self.setLayout(layout)

    def show_suggestion(self, suggestion: Suggestion) -> None:
        """Show how the criterion runs over the numbers that were tried."""
        self.figure.show_drawing(lambda axes: draw_suggestion(axes, suggestion))
