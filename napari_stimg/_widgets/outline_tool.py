"""A tool of the mouse: spots are outlined on the canvas, and the outline is taken away again."""

from collections.abc import Callable

from napari.layers import Shapes
from napari.layers.base import ActionType
from napari.utils.events import Event
from napari.utils.notifications import show_warning
from numpy import bool_
from numpy.typing import NDArray
from qtpy.QtCore import QObject, QTimer

from napari_stimg._widgets.layers import Role
from napari_stimg._widgets.pictures import SectionPictures
from napari_stimg._widgets.workspace import Workspace


class OutlineTool(QObject):
    """Lets the mouse outline spots of the current section, as often as one likes.

    Parameters
    ----------
    workspace : Workspace
        Whose current section is drawn on.
    role : Role
        Of the layer that is drawn in.
    make_layer : callable
        Returns this layer of a section.
    on_outlined : callable
        Takes the section, and the (S,) spots whose centres were outlined: one at least.
    parent : QObject
        What owns the tool.
    """

    def __init__(
        self,
        workspace: Workspace,
        role: Role,
        make_layer: Callable[[SectionPictures], Shapes],
        on_outlined: Callable[[SectionPictures, NDArray[bool_]], object],
        *,
        parent: QObject,
    ) -> None:
        super().__init__(parent)
        self._workspace, self._role = workspace, role
        self._make_layer, self._on_spots = make_layer, on_outlined

    def take_up(self, mode: str) -> None:
        """Give the mouse the tool, in one of napari's modes of drawing (``add_rectangle``, ``add_polygon_lasso``)."""
        pictures = self._workspace.pictures
        if pictures is not None:
            self._workspace.compare(False)
            self._workspace.connections.connect_once(self._make_layer(pictures).events.data, self._on_drawn)
            pictures.layers.activate(self._role, mode)

    def _on_drawn(self, event: Event) -> None:
        if event.action == ActionType.ADDED:
            # napari is still drawing the shape while it says so.
            QTimer.singleShot(0, self._take)

    def _take(self) -> None:
        """Take in what was outlined, and take the outline away: what comes of it is to be seen."""
        pictures = self._workspace.pictures
        if pictures is None:
            return
        spots = pictures.drawings.outlined(self._role)
        pictures.drawings.clear_outlines(self._role)
        if spots.any():
            self._on_spots(pictures, spots)
        else:
            show_warning("The outline holds no spot's centre; draw it on the tissue.")
