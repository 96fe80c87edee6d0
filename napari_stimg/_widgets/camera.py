"""Where the camera looks at a section; places are (row, col) as the section has them."""

import numpy as np
from napari.layers import Image
from numpy.typing import NDArray

from napari_stimg._reader import world_per_place
from napari_stimg._widgets.layers import SectionLayers


def fit_view(layers: SectionLayers) -> None:
    """Move the camera so that the section fills the canvas."""
    spots = [layer for layer in layers.present().values() if isinstance(layer, Image) and not layer.rgb]
    if spots:
        layers.viewer.reset_view(layers=spots[:1])


def view_centre(layers: SectionLayers) -> NDArray[np.float64]:
    """Return (2,) the place in the middle of the canvas."""
    centre = np.array(layers.viewer.scene.camera.center[-2:], dtype=np.float64)
    return centre / world_per_place(layers.session.lattice)


def zoom_to(layers: SectionLayers, places: NDArray[np.float64]) -> None:
    """Move the camera to these places (N, 2), with as much again around them, but no farther than the section."""
    fit_view(layers)
    camera, session = layers.viewer.scene.camera, layers.session
    reach = np.maximum(np.ptp(places, axis=0), 4 * session.lattice.pitch)
    nearer = float((np.ptp(session.raster.centres, axis=0) / reach).min()) / 3
    if nearer > 1:
        middle = (places.min(axis=0) + places.max(axis=0)) / 2
        camera.center = (0.0, *(middle * world_per_place(session.lattice)))
        camera.zoom *= nearer
