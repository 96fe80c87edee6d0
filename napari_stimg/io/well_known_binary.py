"""Centres of geometries in well-known binary (OGC Simple Features, part 1, section 8), as GeoParquet stores them."""

import struct
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

_POINT, _POLYGON, _MULTIPOLYGON = 1, 3, 6


def centres(geometries: Iterable[bytes]) -> NDArray[np.float64]:
    """Return the (N, 2) centres (x, y) of points, polygons and multipolygons; of areas, the centre of mass.

    Parameters
    ----------
    geometries : iterable of bytes
        Two-dimensional geometries, either byte order.

    Raises
    ------
    ValueError
        If a geometry is of another kind, or cut short.
    """
    return np.array([_centre(geometry) for geometry in geometries], dtype=np.float64).reshape(-1, 2)


def _centre(geometry: bytes) -> tuple[float, float]:
    order, kind = _header(geometry, 0)
    if kind == _POINT:
        x, y = struct.unpack_from(f"{order}2d", geometry, 5)
        return float(x), float(y)
    if kind == _POLYGON:
        rings, _ = _rings(geometry, 0)
    elif kind == _MULTIPOLYGON:
        rings, offset = [], 9
        for _ in range(struct.unpack_from(f"{order}I", geometry, 5)[0]):
            part, offset = _rings(geometry, offset)
            rings.extend(part)
    else:
        raise ValueError(f"expected a point, polygon or multipolygon, found geometry type {kind}")
    return _centre_of_mass(rings)


def _header(geometry: bytes, offset: int) -> tuple[str, int]:
    order = "<" if geometry[offset] == 1 else ">"
    return order, int(struct.unpack_from(f"{order}I", geometry, offset + 1)[0])


def _rings(geometry: bytes, offset: int) -> tuple[list[tuple[NDArray[np.float64], float]], int]:
    """Return a polygon's rings, each (n, 2) with +1 (outline) or -1 (hole), and where the polygon ends."""
    order, _ = _header(geometry, offset)
    n_rings = struct.unpack_from(f"{order}I", geometry, offset + 5)[0]
    offset += 9
    rings = []
    for number in range(n_rings):
        n_points = struct.unpack_from(f"{order}I", geometry, offset)[0]
        points = np.frombuffer(geometry, dtype=f"{order}f8", count=2 * n_points, offset=offset + 4).reshape(-1, 2)
        rings.append((points.astype(np.float64), 1.0 if number == 0 else -1.0))
        offset += 4 + 16 * n_points
    return rings, offset


def _centre_of_mass(rings: list[tuple[NDArray[np.float64], float]]) -> tuple[float, float]:
    """Return the centre of mass by the shoelace formula; of a degenerate area, the mean of its corners."""
    origin = rings[0][0][0]
    area, moment = 0.0, np.zeros(2)
    for points, sign in rings:
        x, y = (points - origin).T
        cross = x[:-1] * y[1:] - x[1:] * y[:-1]
        ring_area = cross.sum() / 2
        weight = sign * np.sign(ring_area)
        area += weight * ring_area
        moment += weight * np.array([((x[:-1] + x[1:]) * cross).sum(), ((y[:-1] + y[1:]) * cross).sum()]) / 6
    centre = moment / area + origin if area > 0 else np.mean(rings[0][0], axis=0)
    return float(centre[0]), float(centre[1])
