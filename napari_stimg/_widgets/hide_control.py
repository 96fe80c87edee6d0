"""Connects the Reconstruct tab: the mask and its tools, the model, the comparison."""

import numpy as np
from napari.layers import Labels, Shapes
from napari.layers.base import ActionType
from napari.utils.events import Event
from napari.utils.notifications import show_warning
from numpy.typing import NDArray
from qtpy.QtCore import QObject, QTimer

from napari_stimg._widgets.hide_view import HideView
from napari_stimg._widgets.layers import Role
from napari_stimg._widgets.pictures import SectionPictures
from napari_stimg._widgets.session import Session
from napari_stimg._widgets.tasks import Reconstructed, reconstruct
from napari_stimg._widgets.tools_view import Tool
from napari_stimg._widgets.workers import TaskRunner
from napari_stimg._widgets.workspace import Workspace

OUTLINE_MODES = {Tool.RECTANGLE: "add_rectangle", Tool.LASSO: "add_polygon_lasso"}
BRUSH_MODES = {Tool.BRUSH: "paint", Tool.ERASER: "erase"}

OUTDATED = "<br>The mask has changed since: reconstruct again to bring this up to date."


class HideControl(QObject):
    """Hides and reconstructs what the Reconstruct tab asks for.

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
        view.tool_requested.connect(self._on_tool)
        view.brush_requested.connect(self._on_brush)
        view.undo_requested.connect(self._on_undo)
        view.redo_requested.connect(self._on_redo)
        view.clear_requested.connect(self._on_clear)
        view.reconstruct_requested.connect(self.reconstruct)
        view.comparison_requested.connect(self._on_comparison)
        view.uncertainty_requested.connect(self._on_uncertainty)
        workspace.current_changed.connect(self._on_current_changed)
        workspace.stage_changed.connect(self._on_stage_changed)
        workspace.gene_shown.connect(self._on_gene_shown)
        workspace.mask_changed.connect(self._on_mask_changed)
        workspace.connections.connect(workspace.viewer.canvas.grid.events.enabled, self._on_grid)

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
        session.how["reconstruction"] = dict(result.how)
        session.unsaved.add("reconstruction")
        self._workspace.saved_changed.emit()
        pictures = self._workspace.pictures
        if pictures is None or pictures.session is not session:
            return
        if session.display.column is None:
            session.display.column = int(np.argmax(session.planes.variance))
        pictures.show_gene()
        self._use(Tool.PAN)
        self._workspace.compare(True)
        self._show_scores()
        self._workspace.gene_shown.emit()

    def _show_scores(self) -> None:
        session = self._workspace.session
        if session is None or session.reconstruction is None or session.scores is None:
            self._view.clear_scores()
            return
        outdated = "" if session.reconstruction_is_current else OUTDATED
        self._view.show_scores(session.scores, session.reconstruction.columns, session.summary + outdated)
        self._view.show_comparison(self._workspace.is_comparing)
        self._view.show_gene(session.display.column)

    def _on_tool(self, tool: str) -> None:
        self._use(Tool(tool))

    def _use(self, tool: Tool) -> None:
        """Give the mouse this tool, in a layer of its own kind."""
        pictures = self._workspace.pictures
        self._view.tools.show_tool(tool)
        if pictures is None:
            return
        if tool is Tool.PAN:
            pictures.pan()
            return
        self._workspace.compare(False)
        if tool in BRUSH_MODES:
            layer = self._mask_layer(pictures)
            layer.brush_size = pictures.brush_px(self._view.brush.spots)
            layer.selected_label = 1
            pictures.layers.activate(Role.HIDDEN, BRUSH_MODES[tool])
        else:
            self._mask_layer(pictures)
            self._outline_layer(pictures)
            pictures.layers.activate(Role.OUTLINE, OUTLINE_MODES[tool])

    def _mask_layer(self, pictures: SectionPictures) -> Labels:
        layer = pictures.show_hidden()
        self._workspace.connections.connect_once(layer.events.paint, self._on_painted)
        return layer

    def _outline_layer(self, pictures: SectionPictures) -> Shapes:
        layer = pictures.outline_layer()
        self._workspace.connections.connect_once(layer.events.data, self._on_outlined)
        return layer

    def _on_painted(self, event: Event) -> None:
        """Hide what was painted, once the stroke is over."""
        pictures = self._workspace.pictures
        if pictures is not None and event.source is pictures.layers.get(Role.HIDDEN):
            self._hide(pictures, pictures.painted_hidden())

    def _on_outlined(self, event: Event) -> None:
        if event.action == ActionType.ADDED:
            # napari is still drawing the shape while it says so.
            QTimer.singleShot(0, self._take_outlines)

    def _take_outlines(self) -> None:
        """Hide the spots in what was outlined, and take the outline away: the mask shows it."""
        pictures = self._workspace.pictures
        if pictures is None:
            return
        inside = pictures.outlined(Role.OUTLINE)
        pictures.clear_outlines(Role.OUTLINE)
        if inside.any():
            self._hide(pictures, pictures.session.hidden | inside)
        else:
            show_warning("The outline holds no spot's centre; draw it on the tissue.")

    def _hide(self, pictures: SectionPictures, spots: NDArray[np.bool_]) -> None:
        pictures.session.hide(spots)
        self._workspace.mask_changed.emit()

    def _on_undo(self) -> None:
        if self._workspace.session is not None:
            self._workspace.session.undo()
            self._workspace.mask_changed.emit()

    def _on_redo(self) -> None:
        if self._workspace.session is not None:
            self._workspace.session.redo()
            self._workspace.mask_changed.emit()

    def _on_clear(self) -> None:
        if self._workspace.pictures is not None:
            nothing = np.zeros(self._workspace.pictures.session.slide.n_spots, dtype=np.bool_)
            self._hide(self._workspace.pictures, nothing)

    def _on_mask_changed(self) -> None:
        pictures = self._workspace.pictures
        if pictures is None:
            return
        self._mask_layer(pictures)
        self._show_mask()
        self._show_scores()
        self._workspace.saved_changed.emit()

    def _show_mask(self) -> None:
        session = self._workspace.session
        if session is None:
            self._view.show_mask(0, 0, can_undo=False, can_redo=False)
            return
        n_hidden = int(session.hidden.sum())
        self._view.show_mask(n_hidden, session.slide.n_spots, can_undo=session.can_undo, can_redo=session.can_redo)

    def _on_brush(self, spots: int) -> None:
        pictures = self._workspace.pictures
        layer = None if pictures is None else pictures.layers.get(Role.HIDDEN)
        if pictures is not None and layer is not None:
            layer.brush_size = pictures.brush_px(spots)

    def _on_comparison(self, wanted: bool) -> None:
        if wanted:
            self._use(Tool.PAN)
        self._workspace.compare(wanted)

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

    def _on_gene_shown(self) -> None:
        if self._workspace.session is not None:
            self._view.show_gene(self._workspace.session.display.column)

    def _on_current_changed(self) -> None:
        self._view.setEnabled(self._workspace.session is not None)
        self._view.tools.show_tool(Tool.PAN)
        pictures = self._workspace.pictures
        if pictures is not None and Role.HIDDEN in pictures.layers:
            self._mask_layer(pictures)
        self._show_mask()
        self._show_scores()
