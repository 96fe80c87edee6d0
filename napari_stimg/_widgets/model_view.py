"""Which model is in use: a list to choose from, a file to open, and what the model's card says."""

from collections.abc import Sequence
from html import escape
from pathlib import Path

from qtpy.QtCore import Qt, Signal
from qtpy.QtGui import QWheelEvent
from qtpy.QtWidgets import QComboBox, QSizePolicy, QWidget

from napari_stimg._widgets.forms import button, column, facts_table, note, row, title
from napari_stimg.model_card import Facts, details, summary
from napari_stimg.models import ModelFile


class ModelView(QWidget):
    """Shows the models there are and the one in use.

    Signals
    -------
    model_requested : Path
        This checkpoint is to be used.
    file_requested
        A checkpoint that is not in the list is to be opened.
    list_requested
        The list is about to be seen, and should be up to date.
    """

    model_requested = Signal(object)
    file_requested = Signal()
    list_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._models: tuple[ModelFile, ...] = ()
        self.chooser = _Chooser()
        self.chooser.setToolTip("The model that reconstructs and embeds, for all open sections")
        self.chooser.about_to_open.connect(self.list_requested)
        self.chooser.activated.connect(lambda place: self.model_requested.emit(self._models[place].path))
        open_file = button(
            "Open model…",
            "Use a .safetensors file that `stimg-train export` wrote. Those exported with --install are in the list.",
            self.file_requested.emit,
        )
        self._card = note(muted=False)
        self._use = note()
        self._use.setToolTip(
            "Where the model runs, and the memory of the whole program (napari, libraries, open sections), as of the "
            "last task's end"
        )
        self.setLayout(
            column(title("Model"), row(self.chooser, open_file, stretch=0), self._card, self._use, margin_px=0)
        )

    @property
    def names(self) -> list[str]:
        """The models that are offered, as they are called on screen."""
        return [self.chooser.itemText(place) for place in range(self.chooser.count())]

    @property
    def card_text(self) -> str:
        """What is said of the model in use."""
        return self._card.text()

    @property
    def use_text(self) -> str:
        """What is said of the device and of memory."""
        return self._use.text()

    def show_models(self, models: Sequence[ModelFile], chosen: Path) -> None:
        """Offer these models, of which the chosen one is in use or about to be; unusable ones are marked."""
        self._models = tuple(models)
        self.chooser.clear()
        for place, model in enumerate(models):
            self.chooser.addItem(f"⚠ {model.name}, unusable" if model.problem else model.name)
            self.chooser.setItemData(place, _rich(summary(model)), Qt.ItemDataRole.ToolTipRole)
        self.chooser.setCurrentIndex([model.path for model in models].index(chosen))

    def show_card(self, model: ModelFile) -> None:
        """Say what the model in use is; more of it on hovering."""
        self._card.setText(_rich(summary(model)))
        self._card.setToolTip(_rich(details(model)))

    def show_use(self, text: str) -> None:
        """Say where the model runs, and what memory is taken."""
        self._use.setText(text)


class _Chooser(QComboBox):
    """A combo box that says when its list is about to be seen, and that the mouse's wheel does not change."""

    about_to_open = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)

    def showPopup(self) -> None:  # noqa: N802 (Qt's name)
        """Say so, and open the list."""
        self.about_to_open.emit()
        super().showPopup()

    def wheelEvent(self, event: QWheelEvent) -> None:  # noqa: N802 (Qt's name)
        """Leave the wheel to the area around, which scrolls."""
        event.ignore()


def _rich(facts: Facts) -> str:
    """Return facts of a file as rich text, with nothing of the file's taken for it."""
    return facts_table((escape(what), escape(value)) for what, value in facts)
