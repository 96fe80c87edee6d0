"""Connects the Reconstruct tab's lower half: the model, the scores, the comparison."""

from collections.abc import Iterator
from html import escape

import numpy as np
from napari.utils.events import Event
from qtpy.QtCore import QObject

from napari_stimg._widgets.hide_view import HideView
from napari_stimg._widgets.layers import Role
from napari_stimg._widgets.pictures import SectionPictures
from napari_stimg._widgets.session import Session
from napari_stimg._widgets.tasks import Reconstructed, reconstruct
from napari_stimg._widgets.workers import TaskRunner, Turns
from napari_stimg._widgets.workspace import Workspace

OTHER_MODEL = "<br>Made by {}, which is not the model chosen now."
OUTDATED = "<br>The mask has changed since: reconstruct again to bring this up to date."


class ReconstructControl(QObject):
    """Reconstructs what is hidden, and compares it with the truth.

    Parameters
    ----------
    workspace : Workspace
        Whose current section is worked on.
    view : HideView
        The tab.
    runner : TaskRunner
        Runs the reconstruction.
    """

    def __init__(self, workspace: Workspace, view: HideView, runner: TaskRunner) -> None:
        super().__init__(view)
        self._workspace, self._view, self._runner = workspace, view, runner
        self._turns = Turns(self)
        view.reconstruct_requested.connect(self.reconstruct)
        view.comparison_requested.connect(workspace.compare)
        view.uncertainty_requested.connect(self._on_uncertainty)
        workspace.current_changed.connect(self._on_current_changed)
        workspace.gene_shown.connect(self._on_gene_shown)
        workspace.mask_changed.connect(self._show_scores)
        workspace.model_changed.connect(self._on_model_changed)
        workspace.stage_changed.connect(self._on_stage_changed)
        workspace.connections.connect(workspace.viewer.canvas.grid.events.enabled, self._on_grid)

    @property
    def is_showing(self) -> bool:
        """Whether a result is on its way to the canvas."""
        return self._turns.is_busy

    def stop_showing(self) -> None:
        """Leave the canvas as it is."""
        self._turns.cancel()

    def reconstruct(self) -> None:
        """Reconstruct the hidden spots, off the GUI thread."""
        session, model = self._workspace.session, self._workspace.model
        if session is None:
            return
        hidden, n_genes, display = session.hidden.copy(), self._view.n_genes, session.display
        always = [channel.column for channel in display.channels]
        always += [] if display.column is None else [display.column]
        self._runner.start(
            "Reconstructing",
            lambda: reconstruct(session, model, hidden=hidden, n_genes=n_genes, always=always),
            lambda result: self._on_reconstructed(session, result),
        )

    def _on_reconstructed(self, session: Session, result: Reconstructed) -> None:
        session.reconstruction, session.scores, session.summary = result.reconstruction, result.scores, result.summary
        session.note_made("reconstruction", result.how)
        self._workspace.saved_changed.emit()
        pictures = self._workspace.pictures
        if pictures is not None and pictures.session is session:
            self._turns.start(self._show(pictures))

    def _show(self, pictures: SectionPictures) -> Iterator[object]:
        """Show what was reconstructed, a little in each turn of the event loop."""
        display = pictures.session.display
        if display.column is None:
            display.column = int(np.argmax(pictures.session.planes.variance))
        pictures.show_gene()
        yield from pictures.reconstruction_steps(display.column)
        self._show_scores()
        yield None
        yield from pictures.comparison_steps()
        self._workspace.stage_changed.emit()
        self._workspace.gene_shown.emit()

    def _show_scores(self) -> None:
        session = self._workspace.session
        if session is None or session.reconstruction is None or session.scores is None:
            self._view.clear_scores()
            return
        how = session.how["reconstruction"]
        said = session.summary + ("" if session.reconstruction_is_current else OUTDATED)
        if self._workspace.made_by_another(how):
            said += OTHER_MODEL.format(escape(how["checkpoint"]))
        self._view.show_scores(session.scores, session.reconstruction.columns, said)
        self._view.show_comparison(self._workspace.is_comparing)
        self._view.scores.show_gene(session.display.column)

    def _on_uncertainty(self, wanted: bool) -> None:
        if self._workspace.pictures is not None:
            self._workspace.pictures.layers.set_visible(Role.UNCERTAINTY, wanted)

    def _on_grid(self, event: Event) -> None:
        """Follow napari's own button for the grid."""
        pictures = self._workspace.pictures
        if pictures is not None and pictures.is_comparing and not event.value:
            self._workspace.compare(False)

    def _on_stage_changed(self) -> None:
        self._view.show_comparison(self._workspace.is_comparing)

    def _on_model_changed(self) -> None:
        """Drop what the former model was at; what it has made already stays."""
        self._runner.cancel()
        self._show_scores()

    def _on_gene_shown(self) -> None:
        if self._workspace.session is not None:
            self._view.scores.show_gene(self._workspace.session.display.column)

    def _on_current_changed(self) -> None:
        self._turns.cancel()
        self._view.setEnabled(self._workspace.session is not None)
        self._show_scores()
