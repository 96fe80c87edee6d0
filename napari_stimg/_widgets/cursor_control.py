"""Connects the mouse with what the panel says of the spot under it."""

import numpy as np
from napari.utils.events import Event
from qtpy.QtCore import QObject

from napari_stimg._widgets.cursor_view import CursorView
from napari_stimg._widgets.layers import Role
from napari_stimg._widgets.pictures import SectionPictures, Stage
from napari_stimg._widgets.spot_text import belonging_text, values_text
from napari_stimg._widgets.workspace import Workspace


class CursorControl(QObject):
    """Says what is known of the spot under the cursor.

    Parameters
    ----------
    workspace : Workspace
        Whose current section is pointed at.
    view : CursorView
        Where it is said.
    """

    def __init__(self, workspace: Workspace, view: CursorView) -> None:
        super().__init__(view)
        self._workspace, self._view = workspace, view
        viewer = workspace.viewer
        workspace.connections.connect(viewer.cursor.events.position, self._on_event)
        workspace.connections.connect(viewer.events.mouse_over_canvas, self._on_event)
        for changed in (
            workspace.current_changed,
            workspace.gene_shown,
            workspace.stage_changed,
            workspace.mask_changed,
            workspace.domains_changed,
        ):
            changed.connect(self.say)

    def say(self) -> None:
        """Say what is under the cursor now, which is nothing off the canvas and off the tissue."""
        pictures = self._workspace.pictures
        spot = -1 if pictures is None or not self._workspace.viewer.mouse_over_canvas else self._spot(pictures)
        if pictures is None or spot < 0:
            self._view.say(("", ""))
            return
        session = pictures.session
        genes = values_text(session, spot, _columns(pictures))
        self._view.say((genes, belonging_text(session, spot, session.labels)))

    def _on_event(self, _: Event) -> None:
        self.say()

    def _spot(self, pictures: SectionPictures) -> int:
        """Return the spot under the cursor, -1 for none; of a canvas turned in space it is not known."""
        viewer, layer = self._workspace.viewer, pictures.layers.get(Role.GENE)
        if layer is None or viewer.dims.ndisplay != 2:
            return -1
        point = np.asarray(layer.world_to_data(viewer.cursor.position), dtype=np.float64)
        return pictures.session.raster.spot_under(point[-2:])


def _columns(pictures: SectionPictures) -> list[int]:
    """Return the columns of the genes that are looked at."""
    display = pictures.session.display
    if pictures.stage is Stage.CHANNELS and not pictures.is_comparing:
        return [channel.column for channel in display.channels]
    return [] if display.column is None else [display.column]
