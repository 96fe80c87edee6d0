"""Polygons of a GeoJSON file (RFC 7946), and which points lie in them."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_stimg.display import inside_polygon
from napari_stimg.errors import InputError
from napari_stimg.io.opening import reading

Polygon = list[NDArray[np.float64]]
"""Rings of (n, 2) corners (x, y): the outline, then its holes."""


def read_polygons(path: Path) -> list[Polygon]:
    """Return the polygons of a GeoJSON file: a geometry, a feature, or a collection or plain list of either.

    Raises
    ------
    InputError
        If there is no such file, it is not GeoJSON, or has no polygon.
    """
    if not path.is_file():
        raise InputError(f"{path}: expected a GeoJSON file, found none there; check the name.")
    with reading(path, "GeoJSON"):
        content = json.loads(path.read_text(encoding="utf-8"))
        polygons = [[_ring(ring) for ring in polygon] for polygon in _coordinates(content)]
    if not polygons:
        raise InputError(
            f"{path.name}: expected at least one Polygon or MultiPolygon, found none; "
            "draw the region as a closed outline."
        )
    return polygons


def points_inside(points: NDArray[np.float64], polygon: Polygon) -> NDArray[np.bool_]:
    """Return (S,) bool: which points lie in a polygon and not in its holes, by the even-odd rule.

    A point on an edge counts as inside for one of the two polygons that share the edge.

    Parameters
    ----------
    points : (S, 2)
        Points (x, y).
    polygon : list of (n, 2)
        Its rings.
    """
    inside = np.zeros(len(points), dtype=bool)
    for ring in polygon:
        inside ^= inside_polygon(points[:, ::-1], ring[:, ::-1])
    return inside


def _coordinates(content: Any) -> Iterator[Any]:
    """Yield the coordinates of each polygon in any GeoJSON object."""
    if isinstance(content, list):
        for item in content:
            yield from _coordinates(item)
        return
    kind = content["type"]
    if kind == "Polygon":
        yield content["coordinates"]
    elif kind == "MultiPolygon":
        yield from content["coordinates"]
    elif kind == "Feature" and content["geometry"] is not None:
        yield from _coordinates(content["geometry"])
    elif kind in ("FeatureCollection", "GeometryCollection"):
        yield from _coordinates(content["features" if kind == "FeatureCollection" else "geometries"])


def _ring(corners: Any) -> NDArray[np.float64]:
    ring = np.array([corner[:2] for corner in corners], dtype=np.float64)
    if ring.ndim != 2 or len(ring) < 3 or not np.isfinite(ring).all():
        raise ValueError("a ring of a polygon has fewer than three corners, or one that is not two numbers")
    return ring
