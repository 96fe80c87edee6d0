"""Regions of a section as GeoJSON (RFC 7946), with the names and colours that QuPath shows."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_stimg.errors import InputError
from napari_stimg.outlines import Rings
from napari_stimg.whole_files import write_text

DIGITS = 3
"""Decimals of coordinates, in the section's own unit: a thousandth of a pixel or micron."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Region:
    """A named region.

    Parameters
    ----------
    name : str
        What it is called.
    color : str
        ``#rrggbb``.
    polygons : list of polygons
        Each a list of rings (n, 2) of corners (x, y), the outline first, then its holes.
    """

    name: str
    color: str
    polygons: list[Rings]


def write_regions(regions: Iterable[Region], target: Path) -> None:
    """Write regions as a GeoJSON collection of features, one a region; those without a polygon are left out.

    Coordinates are (x, y) in the unit of ``obsm["spatial"]`` (of Visium: pixels of the full-resolution picture), so
    QuPath lays them over that picture, and ``stimg reconstruct --geojson`` hides what they hold.

    Raises
    ------
    InputError
        If there is nothing to write, or the file cannot be written.
    """
    features = [_feature(region) for region in regions if region.polygons]
    if not features:
        raise InputError(f"{target.name}: expected at least one region to export, found none; draw or find one first.")
    write_text(target, f'{{"type": "FeatureCollection", "features": [{", ".join(features)}]}}')


def _feature(region: Region) -> str:
    """Return a region as JSON, made polygon by polygon: one call for all would hold the whole process up."""
    color = [int(region.color[place : place + 2], 16) for place in (1, 3, 5)]
    polygons = [json.dumps([_closed(ring) for ring in rings]) for rings in region.polygons]
    kind, coordinates = ("Polygon", polygons[0]) if len(polygons) == 1 else ("MultiPolygon", f"[{', '.join(polygons)}]")
    properties = {
        "objectType": "annotation",
        "name": region.name,
        "color": color,
        "classification": {"name": region.name, "color": color},
    }
    geometry = f'{{"type": "{kind}", "coordinates": {coordinates}}}'
    return f'{{"type": "Feature", "geometry": {geometry}, "properties": {json.dumps(properties)}}}'


def _closed(ring: NDArray[np.float64]) -> list[list[float]]:
    corners: list[list[float]] = np.round(np.concatenate([ring, ring[:1]]), DIGITS).tolist()
    return corners
