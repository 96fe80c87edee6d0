"""Pictures of a SpatialData store that lie straight over a region of shapes."""

from pathlib import Path
from typing import Any

import numpy as np

from napari_stimg.io.opening import reading
from napari_stimg.io.pictures import as_rgb
from napari_stimg.slide import Histology

_LARGEST_SIDE_PX = 4096
"""Finer levels of a picture's pyramid are not read."""


def picture_of_region(root: Any, store: Path, region: str) -> tuple[Histology | None, tuple[str, ...]]:
    """Return the finest picture, of at most 4,096 pixels a side, that lies over the region, and notes.

    Shapes and pictures meet in the coordinate systems to which both are mapped. Only pictures whose mapping is the
    shapes' but for a scale are taken, since :class:`~napari_stimg.slide.Histology` is neither turned nor shifted.

    Parameters
    ----------
    root : zarr.Group
        The store.
    store : Path
        Its folder, for messages.
    region : str
        A region of shapes.

    Raises
    ------
    InputError
        If a picture is damaged, or has neither one, three nor four colours.
    """
    with reading(store, "a SpatialData store (.zarr)"):
        scale_of_region = _scales(root["shapes"][region].attrs["coordinateTransformations"])
        images = root["images"] if "images" in root else {}
        levels = [level for name in sorted(images) for level in _levels(images[name], scale_of_region)]
        fitting = [level for level in levels if max(level[1].shape) <= _LARGEST_SIDE_PX] or levels[-1:]
        if not fitting:
            notes = ("No picture of the store lies straight over the spots.",) if len(images) else ()
            return None, notes
        px_per_place, array = max(fitting, key=lambda level: level[0])
        pixels = np.moveaxis(array[:], 0, -1)
    image = as_rgb(pixels if pixels.shape[-1] != 1 else pixels[..., 0], name=f"{store.name}: images")
    return Histology(image=image, px_per_place=px_per_place), ()


def _levels(image: Any, scale_of_region: dict[str, float]) -> list[tuple[float, Any]]:
    """Return (pixels per unit of the region, array) of a picture's levels, finest first."""
    attributes = image.attrs["ome"] if "ome" in image.attrs else image.attrs
    multiscale = attributes["multiscales"][0]
    if [axis["name"] for axis in multiscale["axes"]] != ["c", "y", "x"]:
        return []
    scale_of_image = _scales(multiscale["coordinateTransformations"])
    shared = [system for system in scale_of_region if system in scale_of_image]
    if not shared:
        return []
    level_per_region = scale_of_region[shared[0]] / scale_of_image[shared[0]]
    levels = []
    for dataset in multiscale["datasets"]:
        within = dict(_scales(dataset["coordinateTransformations"])).get("", 1.0)
        levels.append((level_per_region / within, image[dataset["path"]]))
    return levels


def _scales(transformations: list[dict[str, Any]]) -> dict[str, float]:
    """Return per coordinate system ("" where none is named) the scale of those mappings that are but a scale."""
    found = {}
    for transformation in transformations:
        scale = _scale(transformation)
        if scale is not None:
            found[str(transformation.get("output", {}).get("name", ""))] = scale
    return found


def _scale(transformation: dict[str, Any]) -> float | None:
    """Return the one scale of x and y, or None if a mapping does more than that."""
    kind = transformation["type"]
    if kind == "identity":
        return 1.0
    if kind == "scale":
        *_, y, x = transformation["scale"]
        return float(x) if np.isclose(x, y) and x > 0 else None
    if kind == "sequence":
        scales = [_scale(part) for part in transformation["transformations"]]
        known = [scale for scale in scales if scale is not None]
        return float(np.prod(known)) if len(known) == len(scales) else None
    return None
