"""Connects the scribbles of the Domains tab: their classes and strokes."""

import numpy as np
from napari.layers import Labels, Layer
from napari.utils.events import Event
from numpy.typing import NDArray
from qtpy.QtCore import QObject, QTimer, Signal

from napari_stimg._widgets.domains_view import DomainsView
from napari_stimg._widgets.layers import Role
from napari_stimg._widgets.pictures import SectionPictures
from napari_stimg._widgets.tools_view import Tool
from napari_stimg._widgets.workspace import Workspace

MODES = {Tool.BRUSH: "paint", Tool.ERASER: "erase"}

CLASS_COLORS = (
    "#e69f00", "#56b4e9", "#009e73", "#f0e442", "#0072b2", "#d55e00", "#cc79a7", "#999999",
)  # fmt: skip
"""Okabe and Ito's palette, safe for the colour-blind (jfly.uni-koeln.de/color), grey for its black."""


class ScribbleControl(QObject):
    """Takes in strokes, each of a class.

    Parameters
    ----------
    workspace : Workspace
        Whose current section is worked on.
    view : DomainsView
        The tab.

    Signals
    -------
    scribbled
        A stroke is over.
    """

    scribbled = Signal()

    def __init__(self, workspace: Workspace, view: DomainsView) -> None:
        super().__init__(view)
        self._workspace, self._view = workspace, view
        view.class_added.connect(self.add_class)
        view.class_chosen.connect(self._on_class_chosen)
        view.class_renamed.connect(self._on_class_renamed)
        view.class_recolored.connect(self._on_class_recolored)
        view.scribble_requested.connect(self._on_tool)
        view.brush_requested.connect(self._on_brush)
        view.scribbles_cleared.connect(self._on_scribbles_cleared)
        workspace.current_changed.connect(self._on_current_changed)
        workspace.connections.connect(workspace.viewer.layers.selection.events.active, self._on_active_layer)

    def add_class(self) -> None:
        """Add a class to scribble with, and take up the brush."""
        session = self._workspace.session
        if session is None:
            return
        session.classes.append(f"Class {len(session.classes) + 1}")
        session.class_colors.append(CLASS_COLORS[(len(session.classes) - 1) % len(CLASS_COLORS)])
        self._show_classes()
        self._view.classes.choose(len(session.classes) - 1)
        self.use(Tool.BRUSH)

    def use(self, tool: Tool) -> None:
        """Give the mouse this tool, in the layer of scribbles; the first stroke makes the first class."""
        pictures = self._workspace.pictures
        if pictures is None:
            return
        if tool is not Tool.PAN and not pictures.session.classes:
            self.add_class()
            return
        if tool is Tool.PAN:
            pictures.pan()
            self._view.tools.show_tool(tool)
            return
        self._workspace.compare(False)
        layer = self._scribble_layer(pictures)
        layer.brush_size = pictures.drawings.brush_px(self._view.brush.spots)
        layer.selected_label = max(self._view.classes.currentRow(), 0) + 1
        pictures.layers.activate(Role.SCRIBBLES, MODES[tool])
        self._view.tools.show_tool(tool)

    def scribble(self, spots: NDArray[np.bool_]) -> None:
        """Give these spots, (S,) bool, the class that is chosen, as one stroke; the first one makes the first class."""
        pictures = self._workspace.pictures
        if pictures is None:
            return
        if not pictures.session.classes:
            self.add_class()
        scribbles = pictures.session.scribbles.copy()
        scribbles[spots] = max(self._view.classes.currentRow(), 0)
        self._workspace.compare(False)
        self._scribble(pictures, scribbles)
        pictures.layers.set_visible(Role.SCRIBBLES, True)

    def _on_tool(self, tool: str) -> None:
        self.use(Tool(tool))

    def _scribble_layer(self, pictures: SectionPictures) -> Labels:
        layer = pictures.drawings.show_scribbles()
        connections = self._workspace.connections
        if connections.connect_once(layer.events.paint, self._on_painted):
            # napari's own history knows nothing of whole spots.
            connections.bind_key(layer, "Control-Z", self._on_undo_key)
            connections.bind_key(layer, "Control-Shift-Z", self._on_redo_key)
        return layer

    def _on_painted(self, event: Event) -> None:
        pictures = self._workspace.pictures
        if pictures is not None and event.source is pictures.layers.get(Role.SCRIBBLES):
            # napari's fill says so before it paints.
            QTimer.singleShot(0, self._take_strokes)

    def _take_strokes(self) -> None:
        """Take over what has been painted."""
        pictures = self._workspace.pictures
        if pictures is not None:
            self._scribble(pictures, pictures.drawings.painted_scribbles())

    def _scribble(self, pictures: SectionPictures, scribbles: NDArray[np.intp]) -> None:
        if pictures.session.scribble_history.change(scribbles):
            self._workspace.touch("scribbles")
        self._on_scribbles_changed(pictures)

    def _on_scribbles_changed(self, pictures: SectionPictures) -> None:
        self._scribble_layer(pictures)
        self._show_classes()
        self.scribbled.emit()

    def _on_undo_key(self, _layer: Layer) -> None:
        pictures = self._workspace.pictures
        if pictures is not None and pictures.session.scribble_history.undo():
            self._workspace.touch("scribbles")
            self._on_scribbles_changed(pictures)

    def _on_redo_key(self, _layer: Layer) -> None:
        pictures = self._workspace.pictures
        if pictures is not None and pictures.session.scribble_history.redo():
            self._workspace.touch("scribbles")
            self._on_scribbles_changed(pictures)

    def _on_scribbles_cleared(self) -> None:
        pictures = self._workspace.pictures
        if pictures is not None:
            self._scribble(pictures, np.full(pictures.session.slide.n_spots, -1, dtype=np.intp))

    def _on_class_chosen(self, place: int) -> None:
        pictures = self._workspace.pictures
        layer = None if pictures is None else pictures.layers.get(Role.SCRIBBLES)
        if layer is not None:
            layer.selected_label = place + 1

    def _on_class_renamed(self, place: int, name: str) -> None:
        if self._workspace.session is not None:
            self._workspace.session.classes[place] = name

    def _on_class_recolored(self, place: int, color: str) -> None:
        pictures = self._workspace.pictures
        if pictures is not None:
            pictures.session.class_colors[place] = color
            self._scribble_layer(pictures)
            self._show_classes()

    def _on_brush(self, spots: int) -> None:
        pictures = self._workspace.pictures
        layer = None if pictures is None else pictures.layers.get(Role.SCRIBBLES)
        if pictures is not None and layer is not None:
            layer.brush_size = pictures.drawings.brush_px(spots)

    def _show_classes(self) -> None:
        session = self._workspace.session
        if session is None:
            self._view.show_classes((), (), ())
            return
        counts = np.bincount(session.scribbles[session.scribbles >= 0], minlength=len(session.classes))
        self._view.show_classes(session.classes, session.class_colors, counts.tolist())

    def _on_active_layer(self, event: Event) -> None:
        """Show that no tool is in use once the mouse works on another layer."""
        pictures = self._workspace.pictures
        if pictures is None or event.value is not pictures.layers.get(Role.SCRIBBLES):
            self._view.tools.show_tool(Tool.PAN)

    def _on_current_changed(self) -> None:
        self._view.tools.show_tool(Tool.PAN)
        pictures = self._workspace.pictures
        if pictures is not None and Role.SCRIBBLES in pictures.layers:
            self._scribble_layer(pictures)
        self._show_classes()
