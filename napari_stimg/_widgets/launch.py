"""Opens napari on a section."""

from collections.abc import Sequence

import napari
import qtpy.QtWidgets  # noqa: F401 (says here, and not in a window, that a Qt binding is missing)
from napari.layers import Layer

from napari_stimg._reader import LayerData


def open_viewer(layers: Sequence[LayerData]) -> None:
    """Show layers in a new viewer with the panel docked, until its window is closed."""
    viewer = napari.Viewer()
    for data, attributes, kind in layers:
        viewer.add_layer(Layer.create(data, attributes, kind))
    viewer.window.add_plugin_dock_widget("napari-stimg")
    napari.run()
