"""Connects the choice of the model: lists what there is, verifies what is chosen, and puts it to use."""

from pathlib import Path

from qtpy.QtCore import QObject
from qtpy.QtWidgets import QFileDialog

from napari_stimg._widgets.model_view import ModelView
from napari_stimg._widgets.tasks import Model
from napari_stimg._widgets.workers import TaskRunner
from napari_stimg._widgets.workspace import Workspace
from napari_stimg.memory_use import in_words, memory_use
from napari_stimg.models import ModelFile, describe, list_models

DEVICE_NAMES = {"cpu": "the CPU", "cuda": "a GPU (CUDA)", "mps": "Apple's GPU (MPS)"}

FILE_FILTER = "Models (*.safetensors);;All files (*)"


class ModelControl(QObject):
    """Changes the model only once the new one is verified; until then, and if it is damaged, the earlier one stays.

    Parameters
    ----------
    workspace : Workspace
        Whose model is chosen.
    view : ModelView
        Where it is chosen.
    runner : TaskRunner
        Runs the verification.
    """

    def __init__(self, workspace: Workspace, view: ModelView, runner: TaskRunner) -> None:
        super().__init__(view)
        self._workspace, self._view, self._runner = workspace, view, runner
        self._opened: list[Path] = []
        self._in_memory: list[Model] = []
        self._checking: Path | None = None
        view.model_requested.connect(self.choose)
        view.file_requested.connect(self._on_open_file)
        view.list_requested.connect(self._show)
        runner.ended.connect(self._on_ended)
        workspace.model_changed.connect(self.show_model)
        self.show_model()

    def show_use(self) -> None:
        """Say where the model runs, and how much memory is taken now."""
        self._view.show_use(use_in_words(self._workspace.model.device))

    def choose(self, path: Path) -> None:
        """Use this checkpoint once it is verified, off the GUI thread; one that was made here needs no verifying."""
        self._runner.cancel()
        for made in self._in_memory:
            if made.path == path:
                self._workspace.use(made)
                return
        model = Model(path)
        self._runner.start(f"Checking {path.stem}", model.load, lambda _: self._on_verified(model))
        self._checking = path
        self._show()

    def _on_verified(self, model: Model) -> None:
        used = self._workspace.model
        if (model.path, model.sha256) != (used.path, used.sha256):
            self._workspace.use(model)

    def show_model(self) -> None:
        """Show the model in use and the list; one that was fine-tuned stays in it, and is a file once it is saved."""
        model = self._workspace.model
        path = model.path
        self._in_memory = [made for made in dict.fromkeys([*self._in_memory, model]) if not made.is_file]
        if model.is_file and path not in [listed.path for listed in list_models()]:
            self._opened.append(path)
        self._view.show_card(self._known()[path])
        self._show()
        self.show_use()

    def _on_ended(self) -> None:
        """Go back to the model in use: the one that was checked is damaged, or will be in use in a moment."""
        self._checking = None
        self._show()

    def _show(self) -> None:
        known = self._known()
        self._view.show_models(tuple(known.values()), self._checking or self._workspace.model.path)

    def _known(self) -> dict[Path, ModelFile]:
        """Return what the folder holds now, what was opened from elsewhere, what is in use and being checked."""
        known = {model.path: model for model in list_models()}
        known |= {made.path: made.described for made in self._in_memory}
        checking = [] if self._checking is None else [self._checking]
        for path in (*self._opened, self._workspace.model.path, *checking):
            if path not in known:
                known[path] = describe(path, name=f"{path.stem} ({path.parent.name})")
        return known

    def _on_open_file(self) -> None:
        chosen, _ = QFileDialog.getOpenFileName(self._view, "Use a model", filter=FILE_FILTER)
        if chosen:
            self.choose(Path(chosen))


def use_in_words(device: str | None) -> str:
    """Return in one line where a model runs, and what memory this process takes there and in RAM.

    Parameters
    ----------
    device : str or None
        ``cpu``, ``cuda:0``, ``mps``; None = it is not loaded yet.
    """
    parts = ["Not loaded yet" if device is None else f"Runs on {DEVICE_NAMES.get(device.split(':')[0], device)}"]
    if device is not None:
        from napari_stimg.devices import gpu_memory

        on_gpu = gpu_memory(device)
        if on_gpu is not None:
            parts.append(f"{in_words(on_gpu[0])} of its {in_words(on_gpu[1])}")
    use = memory_use()
    if use is not None:
        parts.append(f"{'at most ' if use.is_peak else ''}{in_words(use.resident_bytes)} of memory")
    return " · ".join(parts)
