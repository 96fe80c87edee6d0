"""Connects the tools of the Reconstruct tab: painting, drawing and choosing the mask, undo and redo."""

import numpy as np
from napari.layers import Labels, Layer, Shapes
from napari.utils.events import Event
from numpy.typing import NDArray
from qtpy.QtCore import QObject, QTimer

from napari_stimg._widgets.hide_view import HideView
from napari_stimg._widgets.layers import Role
from napari_stimg._widgets.outline_tool import OutlineTool
from napari_stimg._widgets.pictures import SectionPictures
from napari_stimg._widgets.tools_view import Tool
from napari_stimg._widgets.workspace import Workspace
from napari_stimg.masking import hide_share

OUTLINE_MODES = {Tool.RECTANGLE: "add_rectangle", Tool.LASSO: "add_polygon_lasso"}
BRUSH_MODES = {Tool.BRUSH: "paint", Tool.ERASER: "erase"}


class MaskControl(QObject):
    """Hides what is painted, drawn or chosen.

    Parameters
    ----------
    workspace : Workspace
        Whose current section is worked on.
    view : HideView
        The tab.
    """

    def __init__(self, workspace: Workspace, view: HideView) -> None:
        super().__init__(view)
        self._workspace, self._view = workspace, view
        self._outlines = OutlineTool(
            workspace,
            Role.OUTLINE,
            self._outline_layer,
            self._on_outlined,
            parent=self,
        )
        view.tool_requested.connect(self._on_tool)
        view.brush_requested.connect(self._on_brush)
        view.share_requested.connect(self._on_share)
        view.domain_requested.connect(self._on_domain)
        view.undo_requested.connect(self._on_undo)
        view.redo_requested.connect(self._on_redo)
        view.clear_requested.connect(self._on_clear)
        workspace.current_changed.connect(self._on_current_changed)
        workspace.mask_changed.connect(self._on_mask_changed)
        workspace.domains_changed.connect(self._on_domains_changed)
        workspace.stage_changed.connect(self._on_stage_changed)
        workspace.connections.connect(workspace.viewer.layers.selection.events.active, self._on_active_layer)

    def use(self, tool: Tool) -> None:
        """Give the mouse this tool, in a layer of its own kind."""
        pictures = self._workspace.pictures
        if pictures is None:
            return
        if tool is Tool.PAN:
            pictures.pan()
            self._view.tools.show_tool(tool)
            return
        self._workspace.compare(False)
        if tool in BRUSH_MODES:
            layer = self._mask_layer(pictures)
            layer.brush_size = pictures.drawings.brush_px(self._view.brush.spots)
            layer.selected_label = 1
            pictures.layers.activate(Role.HIDDEN, BRUSH_MODES[tool])
        else:
            self._mask_layer(pictures)
            self._outlines.take_up(OUTLINE_MODES[tool])
        self._view.tools.show_tool(tool)

    def _on_tool(self, tool: str) -> None:
        self.use(Tool(tool))

    def _mask_layer(self, pictures: SectionPictures) -> Labels:
        layer = pictures.drawings.show_hidden()
        self._workspace.connections.connect_once(layer.events.paint, self._on_painted)
        self._bind_undo(layer)  # napari's own history knows nothing of whole spots
        return layer

    def _outline_layer(self, pictures: SectionPictures) -> Shapes:
        layer = pictures.drawings.outline_layer()
        self._bind_undo(layer)
        return layer

    def _bind_undo(self, layer: Layer) -> None:
        self._workspace.connections.bind_key(layer, "Control-Z", self._on_undo_key)
        self._workspace.connections.bind_key(layer, "Control-Shift-Z", self._on_redo_key)

    def _on_painted(self, event: Event) -> None:
        pictures = self._workspace.pictures
        if pictures is not None and event.source is pictures.layers.get(Role.HIDDEN):
            # napari's fill says so before it paints.
            QTimer.singleShot(0, self._take_strokes)

    def _take_strokes(self) -> None:
        """Hide what has been painted."""
        if self._workspace.pictures is not None:
            self._hide(self._workspace.pictures, self._workspace.pictures.drawings.painted_hidden())

    def _on_outlined(self, pictures: SectionPictures, spots: NDArray[np.bool_]) -> None:
        self._hide(pictures, pictures.session.hidden | spots)

    def _on_share(self, percent: int) -> None:
        """Hide so many of the visible spots at random, the same ones whenever the mask is the same."""
        pictures = self._workspace.pictures
        if pictures is not None:
            more = hide_share(pictures.session.hidden, percent / 100, rng=np.random.default_rng(0))
            self._hide_and_show(pictures, more)

    def _on_domain(self, domain: int) -> None:
        pictures = self._workspace.pictures
        if pictures is not None and pictures.session.domains is not None:
            self._hide_and_show(pictures, pictures.session.hidden | (pictures.session.domains.labels == domain))

    def _hide_and_show(self, pictures: SectionPictures, spots: NDArray[np.bool_]) -> None:
        """Hide spots that were not drawn on the canvas, and let the canvas show them."""
        self._workspace.compare(False)
        self._hide(pictures, spots)
        pictures.layers.set_visible(Role.HIDDEN, True)

    def _on_domains_changed(self) -> None:
        session = self._workspace.session
        domains = None if session is None else session.domains
        self._view.show_domains(*(((), ()) if domains is None else (domains.names, domains.colors)))

    def _hide(self, pictures: SectionPictures, spots: NDArray[np.bool_]) -> None:
        pictures.session.hide(spots)
        self._workspace.mask_changed.emit()

    def _on_undo_key(self, _layer: Layer) -> None:
        self._on_undo()

    def _on_redo_key(self, _layer: Layer) -> None:
        self._on_redo()

    def _on_undo(self) -> None:
        if self._workspace.session is not None:
            self._workspace.session.undo_mask()
            self._workspace.mask_changed.emit()

    def _on_redo(self) -> None:
        if self._workspace.session is not None:
            self._workspace.session.redo_mask()
            self._workspace.mask_changed.emit()

    def _on_clear(self) -> None:
        if self._workspace.pictures is not None:
            nothing = np.zeros(self._workspace.pictures.session.slide.n_spots, dtype=np.bool_)
            self._hide(self._workspace.pictures, nothing)

    def _on_mask_changed(self) -> None:
        if self._workspace.pictures is not None:
            self._mask_layer(self._workspace.pictures)
        self._show_mask()
        self._workspace.saved_changed.emit()

    def _on_active_layer(self, event: Event) -> None:
        """Show that no tool is in use once the mouse works on another layer."""
        pictures = self._workspace.pictures
        own = () if pictures is None else (pictures.layers.get(Role.HIDDEN), pictures.layers.get(Role.OUTLINE))
        if event.value not in own:
            self._view.tools.show_tool(Tool.PAN)

    def _on_stage_changed(self) -> None:
        """Put the tool down where nothing can be drawn."""
        if self._workspace.is_comparing:
            self.use(Tool.PAN)

    def _on_current_changed(self) -> None:
        self._view.tools.show_tool(Tool.PAN)
        pictures = self._workspace.pictures
        if pictures is not None and Role.HIDDEN in pictures.layers:
            self._mask_layer(pictures)
        self._show_mask()

    def _show_mask(self) -> None:
        session = self._workspace.session
        if session is None:
            self._view.show_mask(0, 0, can_undo=False, can_redo=False)
            return
        n_hidden = int(session.hidden.sum())
        self._view.show_mask(
            n_hidden,
            session.slide.n_spots,
            can_undo=session.mask_history.can_undo,
            can_redo=session.mask_history.can_redo,
        )

    def _on_brush(self, spots: int) -> None:
        pictures = self._workspace.pictures
        layer = None if pictures is None else pictures.layers.get(Role.HIDDEN)
        if pictures is not None and layer is not None:
            layer.brush_size = pictures.drawings.brush_px(spots)
