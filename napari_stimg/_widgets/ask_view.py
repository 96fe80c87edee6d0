"""The end of the Reconstruct tab: what the model says beyond what was measured."""

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QWidget

from napari_stimg._widgets.forms import button, column, row


class AskView(QWidget):
    """Buttons that ask the model for more than a reconstruction.

    Signals
    -------
    what_if_requested
        A window is wanted in which one gene is changed.
    fill_requested
        The gene shown is to be predicted where nothing was measured.
    """

    what_if_requested = Signal()
    fill_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.what_if = button(
            "What if…",
            "Change the gene shown in the hidden spots, and see what the model then expects of others and around.",
            self.what_if_requested.emit,
        )
        self.fill = button(
            "Fill holes",
            "Predict the gene shown, in log expression, in holes, narrow tears and spots without counts. "
            "Nothing of it was measured, and nothing of it is saved.",
            self.fill_requested.emit,
        )
        layout = column(row(self.what_if, self.fill), margin_px=0)
        self.setLayout(layout)
