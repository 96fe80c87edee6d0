"""Asks for training the model further on the current section, for going back, and for saving what came of it."""

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QWidget

from napari_stimg._widgets.forms import button, column, note, parameter_form, row
from napari_stimg.tuning import FineTuneParameters

WORTH = (
    "Expect little: on three sections the gain of reconstructions over the mean changed by -1.3 to +1.1 percentage "
    "points, mostly for the better and least on the largest section, and domains did not improve."
)
"""What to expect, as measured (docs/method.md)."""


class FineTuneView(QWidget):
    """Shows how a model is fine-tuned, and what can be done with one that is.

    Signals
    -------
    tuning_requested
        The model is to be trained further on the current section.
    former_requested
        The model that it was before is to be used again.
    save_requested
        The fine-tuned model is to be written as a file.
    """

    tuning_requested = Signal()
    former_requested = Signal()
    save_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._form = parameter_form(
            FineTuneParameters, steps="Fine-tuning steps", learning_rate="Learning rate", seed="Seed"
        )
        self.tune = button(
            "Fine-tune on this section",
            "Train the model further on this section's visible spots, without labels: some of them are hidden in turn "
            f"and asked from the others. Spots that you hide take no part. {WORTH}",
            self.tuning_requested.emit,
        )
        self.back = button(
            "Back to the former",
            "Use the model again that was fine-tuned; the fine-tuned one stays in the list until napari is closed.",
            self.former_requested.emit,
        )
        self.save = button(
            "Save model…",
            "Write the fine-tuned model as a .safetensors file, with a card that says what it was tuned on. In the "
            "folder that is suggested, it is in the list from then on.",
            self.save_requested.emit,
        )
        self._state = note()
        self.setLayout(column(self._form.native, row(self.tune), row(self.back, self.save), self._state, margin_px=0))
        self.show_model(is_tuned=False, is_saved=False)

    @property
    def params(self) -> FineTuneParameters:
        """How it is to be trained."""
        return self._form()

    @params.setter
    def params(self, params: FineTuneParameters) -> None:
        self._form.update(steps=params.steps, learning_rate=params.learning_rate, seed=params.seed)

    @property
    def state_text(self) -> str:
        """What is said of the fine-tuned model."""
        return self._state.text()

    def show_model(self, *, is_tuned: bool, is_saved: bool) -> None:
        """Offer what can be done with the model in use."""
        self.back.setVisible(is_tuned)
        self.save.setVisible(is_tuned and not is_saved)
        self._state.setVisible(is_tuned and not is_saved)
        self._state.setText("Fine-tuned and not saved: it is gone when napari is closed." if is_tuned else "")
