"""The lower part of the Reconstruct tab's comparison: what shows truth and reconstruction against each other."""

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QWidget

from napari_stimg._widgets.forms import button, column


class CompareView(QWidget):
    """Further ways to compare the truth with the reconstruction.

    Signals
    -------
    scatter_requested
        The gene shown is to be drawn, truth against reconstruction.
    """

    scatter_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.scatter = button(
            "Scatter…",
            "Truth against reconstruction of the gene shown, one point a hidden spot, in log expression.",
            self.scatter_requested.emit,
        )
        self.setLayout(column(self.scatter, margin_px=0))
