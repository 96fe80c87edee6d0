"""Truth against reconstruction of one gene in a window of its own."""

import numpy as np
from numpy.typing import NDArray
from qtpy.QtWidgets import QVBoxLayout, QWidget

from napari_stimg._widgets.figure_window import FigureWindow
from napari_stimg._widgets.forms import note
from napari_stimg.scatter import draw_scatter

SIZE_PX = (520, 580)


class ScatterWindow(FigureWindow):
    """Shows one gene's truth against its reconstruction."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Truth against reconstruction", size_px=SIZE_PX, parent=parent)
        self._note = note()
        layout = QVBoxLayout()
        layout.addWidget(self.figure, 1)
        layout.addWidget(self._note)
        self.setLayout(layout)

    @property
    def note_text(self) -> str:
        """What is said below the figure."""
        return self._note.text()

    def show_gene(
        self, gene: str, truth: NDArray[np.float32], expected: NDArray[np.float32], *, is_current: bool
    ) -> None:
        """Show a gene's (N,) measured and expected log expression in hidden spots.

        Parameters
        ----------
        gene : str
            What it is called.
        is_current : bool
            Whether the mask is still the one that was reconstructed.
        """
        self._note.setText("" if is_current else "The mask has changed since: these are the spots hidden before.")
        self.figure.show_drawing(lambda axes: draw_scatter(axes, truth, expected, gene=gene))

    def show_nothing(self, why: str) -> None:
        """Show no figure, and say why."""
        self.figure.show_nothing()
        self._note.setText(why)
