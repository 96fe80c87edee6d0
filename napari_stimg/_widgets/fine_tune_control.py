"""Connects fine-tuning: trains the model off the GUI thread, puts it to use, and writes it."""

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from qtpy.QtCore import QObject, Signal
from qtpy.QtWidgets import QFileDialog

from napari_stimg._widgets.fine_tune_view import FineTuneView
from napari_stimg._widgets.tasks import Model
from napari_stimg._widgets.tuning_tasks import fine_tune, save_model
from napari_stimg._widgets.workers import TaskRunner
from napari_stimg._widgets.workspace import Workspace
from napari_stimg.models import SUFFIX, models_folder

if TYPE_CHECKING:
    from napari_stimg.checkpoint import Checkpoint

FILE_FILTER = f"Models (*{SUFFIX})"


class FineTuneControl(QObject):
    """Uses a fine-tuned model as soon as it is trained; the former one can be gone back to.

    Parameters
    ----------
    workspace : Workspace
        Whose model is trained, on whose current section.
    view : FineTuneView
        Where it is asked for.
    tuning, saving : TaskRunner
        Run the training and the writing.

    Signals
    -------
    model_saved
        A fine-tuned model is a file now.
    """

    model_saved = Signal()

    def __init__(self, workspace: Workspace, view: FineTuneView, *, tuning: TaskRunner, saving: TaskRunner) -> None:
        super().__init__(view)
        self._workspace, self._view, self._tuning, self._saving = workspace, view, tuning, saving
        view.tuning_requested.connect(self.tune)
        view.former_requested.connect(self._on_back)
        view.save_requested.connect(self._on_save)
        tuning.started.connect(lambda _: view.tune.setEnabled(False))
        tuning.ended.connect(self._show)
        workspace.current_changed.connect(self._show)
        workspace.model_changed.connect(self._on_model_changed)
        self._show()

    def tune(self) -> None:
        """Train the model in use further on the current section, off the GUI thread."""
        session, former = self._workspace.session, self._workspace.model
        if session is None:
            return
        hidden, params = session.hidden.copy(), self._view.params
        self._tuning.start(
            f"Fine-tuning on {session.slide.name}",
            lambda: fine_tune(session, former, hidden=hidden, params=params),
            lambda checkpoint: self._on_tuned(checkpoint, former),
        )

    def save_to(self, target: Path) -> None:
        """Write the fine-tuned model in use, off the GUI thread."""
        model = self._workspace.model
        self._saving.start(
            f"Saving {target.name}", lambda: save_model(model, target), lambda path: self._on_saved(model, path)
        )

    def _on_tuned(self, checkpoint: "Checkpoint", former: Model) -> None:
        self._workspace.use(Model.tuned(checkpoint, former))

    def _on_saved(self, model: Model, path: Path) -> None:
        model.note_saved(path)
        self._show()
        self.model_saved.emit()

    def _on_back(self) -> None:
        if self._workspace.model.former is not None:
            self._workspace.use(self._workspace.model.former)

    def _on_save(self) -> None:
        suggested = models_folder() / self._workspace.model.path.name
        with suppress(OSError):  # another place can be chosen
            suggested.parent.mkdir(parents=True, exist_ok=True)
        chosen, _ = QFileDialog.getSaveFileName(self._view, "Save the model", str(suggested), FILE_FILTER)
        if chosen:
            self.save_to(Path(chosen) if chosen.endswith(SUFFIX) else Path(f"{chosen}{SUFFIX}"))

    def _on_model_changed(self) -> None:
        """Drop what is being made of another model."""
        self._tuning.cancel()
        self._show()

    def _show(self) -> None:
        model = self._workspace.model
        self._view.tune.setEnabled(self._workspace.session is not None and not self._tuning.is_busy)
        self._view.show_model(is_tuned=model.former is not None, is_saved=model.former is not None and model.is_file)
