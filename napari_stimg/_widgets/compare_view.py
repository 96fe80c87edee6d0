"""The lower part of the Reconstruct tab's comparison: what shows truth and reconstruction against each other."""

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QLabel, QSlider, QWidget

from napari_stimg._widgets.forms import button, column, row

FULL_SWIPE = 1000
"""Steps of the slider from all truth to all reconstruction."""


class CompareView(QWidget):
    """Further ways to compare the truth with the reconstruction.

    Signals
    -------
    scatter_requested
        The gene shown is to be drawn, truth against reconstruction.
    swipe_requested : float
        From the left, this share of the hidden region's width is to be seen as reconstructed, 0 to 1.
    """

    scatter_requested = Signal()
    swipe_requested = Signal(float)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.scatter = button(
            "Scatter…",
            "Truth against reconstruction of the gene shown, one point a hidden spot, in log expression.",
            self.scatter_requested.emit,
        )
        self.swipe = QSlider(Qt.Orientation.Horizontal)
        self.swipe.setRange(0, FULL_SWIPE)
        self.swipe.setToolTip("Share of the hidden region's width, from the left, that shows the reconstruction")
        self.swipe.valueChanged.connect(lambda step: self.swipe_requested.emit(step / FULL_SWIPE))
        slider = row(QLabel("Truth"), self.swipe, QLabel("Reconstruction"), stretch=1)
        self.setLayout(column(slider, self.scatter, margin_px=0))

    def show_swipe(self, share: float) -> None:
        """Show how far the reconstruction is revealed, 0 to 1, without asking for it."""
        self.swipe.blockSignals(True)
        self.swipe.setValue(round(share * FULL_SWIPE))
        self.swipe.blockSignals(False)
