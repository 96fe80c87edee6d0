"""The criterion by which a number of domains was suggested, in a window of its own."""

from qtpy.QtWidgets import QVBoxLayout, QWidget

from napari_stimg._widgets.figure_window import FigureWindow
from napari_stimg._widgets.forms import note
from napari_stimg.domain_number import Suggestion, draw_suggestion

SIZE_PX = (520, 420)
WARNING = (
    "A guess to start from: against experts' labels it was good in layered cortex, and two to three times too high in "
    "small tumour sections. Where the curve bends softly, another seed suggests another number."
)


class SuggestionWindow(FigureWindow):
    """Shows a `Suggestion`."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Number of domains", size_px=SIZE_PX, parent=parent)
        layout = QVBoxLayout()
        layout.addWidget(self.figure, 1)
        layout.addWidget(note(WARNING))
        self.setLayout(layout)

    def show_suggestion(self, suggestion: Suggestion) -> None:
        """Show how the criterion runs over the numbers that were tried."""
        self.figure.show_drawing(lambda axes: draw_suggestion(axes, suggestion))
