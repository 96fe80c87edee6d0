"""Connects the save bar: what is unsaved, and writing it beside the input, never over it."""

from pathlib import Path

from qtpy.QtCore import QObject
from qtpy.QtWidgets import QFileDialog

from napari_stimg._widgets.save_view import SaveView
from napari_stimg._widgets.session import Session
from napari_stimg._widgets.tasks import save
from napari_stimg._widgets.workers import TaskRunner
from napari_stimg._widgets.workspace import Workspace


class SaveControl(QObject):
    """Saves the current section.

    Parameters
    ----------
    workspace : Workspace
        Whose current section is saved.
    view : SaveView
        The bar.
    runner : TaskRunner
        Runs the writing.
    """

    def __init__(self, workspace: Workspace, view: SaveView, runner: TaskRunner) -> None:
        super().__init__(view)
        self._workspace, self._view, self._runner = workspace, view, runner
        view.save_requested.connect(self._on_save)
        workspace.current_changed.connect(self._show_state)
        workspace.saved_changed.connect(self._show_state)

    def save_to(self, target: Path) -> None:
        """Write the current section with its results, off the GUI thread."""
        session = self._workspace.session
        if session is not None:
            results, written = session.results(), frozenset(session.unsaved)
            self._runner.start(
                f"Saving {target.name}",
                lambda: save(session, target, results),
                lambda path: session.note_saved(path, written),
            )

    def _on_save(self) -> None:
        session = self._workspace.session
        if session is None:
            return
        suggested = session.saved_to or suggested_target(session)
        chosen, _ = QFileDialog.getSaveFileName(
            self._view, "Save the section and its results", str(suggested), "AnnData (*.h5ad)"
        )
        if chosen:
            self.save_to(Path(chosen) if chosen.endswith(".h5ad") else Path(f"{chosen}.h5ad"))

    def _show_state(self) -> None:
        session = self._workspace.session
        if session is None:
            self._view.show_idle()
        elif session.unsaved:
            self._view.show_unsaved(", ".join(sorted(session.unsaved)))
        elif session.saved_to is not None and session.saved_at is not None:
            self._view.show_saved(f"{session.saved_to.name}, {session.saved_at:%H:%M}", str(session.saved_to))
        else:
            self._view.show_idle()


def suggested_target(session: Session) -> Path:
    """Return where to save a section: beside its source, under a name of its own."""
    source = session.slide.source
    folder = Path.home() if source is None else source.parent
    return folder / f"{session.slide.name.replace('/', '_')}_stimg.h5ad"
