"""The layer in which regions to crop are drawn, kept in step with the section's crops."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from napari.layers import Shapes
from numpy.typing import NDArray

from napari_stimg._widgets.drawings import OUTLINE_COLOR
from napari_stimg._widgets.layers import Role, SectionLayers
from napari_stimg._widgets.named_crops import NamedCrop, crops_of

NAME = "name"
"""Feature of a shape that holds the crop's name: it goes along when shapes are deleted, copied or reordered."""

TEXT_PT = 10
"""Of the names on the canvas."""


def crop_layer(layers: SectionLayers) -> Shapes:
    """Return the layer in which regions to crop are drawn; a new one shows the section's crops."""
    is_new = Role.CROP not in layers
    layer = layers.shapes(Role.CROP, name="Regions to crop", color=OUTLINE_COLOR)
    if is_new:
        _fill(layer, layers.session.crops)
    return layer


def show_crops(layers: SectionLayers) -> None:
    """Show the section's crops, in place of whatever the layer shows; without any, no layer is made for them."""
    if Role.CROP in layers or layers.session.crops:
        _fill(crop_layer(layers), layers.session.crops)


def read_crops(layers: SectionLayers) -> tuple[NamedCrop, ...]:
    """Return the crops as they are drawn now, each with a name of its own, which the layer is told.

    A layer that is gone has nothing to say: then they are what they were.
    """
    layer, known = layers.get(Role.CROP), layers.session.crops
    if layer is None:
        return known
    names = _names(layer)
    crops = crops_of(names, layer.data, known)
    if [crop.name for crop in crops] != names:
        _name(layer, crops)
    return crops


def spots_in(layers: SectionLayers, crop: NamedCrop) -> NDArray[np.bool_]:
    """Return the (S,) spots whose centre lies in a crop."""
    return layers.session.raster.spots_in_polygon(crop.corners)


def _names(layer: Shapes) -> list[str]:
    if NAME not in layer.features:
        return [""] * len(layer.data)
    return ["" if pd.isna(name) else str(name) for name in layer.features[NAME]]


def _fill(layer: Shapes, crops: Sequence[NamedCrop]) -> None:
    same = len(layer.data) == len(crops) and all(
        np.array_equal(drawn, crop.corners) for drawn, crop in zip(layer.data, crops, strict=True)
    )
    if not same:
        layer.selected_data = set(range(len(layer.data)))
        layer.remove_selected()
        if crops:
            layer.add_polygons([crop.corners for crop in crops])
            layer.selected_data = set()
    _name(layer, crops)


def _name(layer: Shapes, crops: Sequence[NamedCrop]) -> None:
    """Call the shapes so, on the canvas too."""
    layer.features = pd.DataFrame({NAME: pd.Series([crop.name for crop in crops], dtype=object)})
    layer.feature_defaults = {NAME: ""}
    layer.text = {"string": f"{{{NAME}}}", "color": OUTLINE_COLOR, "size": TEXT_PT, "anchor": "upper_left"}
