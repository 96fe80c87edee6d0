"""Outlines of sets of spots: polygons that hold the centres of these spots and of no others."""

from collections import defaultdict
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import Delaunay, cKDTree

from napari_stimg.display import inside_polygon
from napari_stimg.lattice import Lattice
from napari_stimg.slide import Slide

Rings = list[NDArray[np.float64]]
"""One polygon: its outline, counter-clockwise, then its holes, clockwise; each (n, 2) corners (x, y), not closed."""

REACH = 1.25
"""Pitches to the farthest spot that counts as a neighbour: beyond the edge of the tissue its mirror image stands."""

CLEAR = 0.6
"""Pitches around every spot that are free of mirror images."""

CORNERS = 12
"""Of the cell of a spot that has no neighbours."""

FENCE = 8.0
"""Pitches from the tissue to the points that close the outermost cells."""

SAME_CORNER = 1e-6
"""Pitches up to which two ends of an edge are one corner: of a square lattice, where four cells meet."""


@dataclass(frozen=True, kw_only=True, eq=False)
class SpotCells:
    """The cell of each spot of a section: every place that is nearer to it than to any other spot or the edge.

    Cells of a hexagonal lattice are hexagons, of a square one squares, of irregular spots Voronoi cells.

    Parameters
    ----------
    place_of_spot : (S,) int
        Which of P distinct places each spot lies at.
    places : (P, 2) float
        They, as (x, y).
    between : (E, 2) int
        Which two places each edge of a cell lies between; P or more is outside the tissue.
    ends : (E, 2) int
        The corners that it joins.
    corners : (C, 2) float
        All corners, as (x, y).
    """

    place_of_spot: NDArray[np.intp]
    places: NDArray[np.float64]
    between: NDArray[np.intp]
    ends: NDArray[np.intp]
    corners: NDArray[np.float64]

    def outlines(self, spots: NDArray[np.bool_]) -> list[Rings]:
        """Return the polygons around these spots, (S,) bool, in units of ``Slide.places`` as (x, y).

        Spots that touch share a polygon. A spot's centre lies in one of them if and only if the spot is chosen (or
        shares its very place with one that is).
        """
        inside = np.zeros(int(max(self.between.max(initial=0) + 1, len(self.places))), dtype=np.bool_)
        inside[self.place_of_spot[spots]] = True
        first, second = inside[self.between].T
        border = first != second
        inner = np.where(first[border], self.between[border, 0], self.between[border, 1])
        start, stop = self.ends[border].T
        along, across = self.corners[stop] - self.corners[start], self.places[inner] - self.corners[start]
        on_right = along[:, 0] * across[:, 1] - along[:, 1] * across[:, 0] < 0
        start, stop = np.where(on_right, stop, start), np.where(on_right, start, stop)
        walk = _Walk(corners=self.corners, start=start, stop=stop)
        return _polygons([(self.corners[ring], self.places[inner[edge]]) for ring, edge in walk.rings()])


def spot_cells(slide: Slide, lattice: Lattice) -> SpotCells:
    """Return the cells of a slide's spots."""
    places, place_of_spot = np.unique(slide.places[:, ::-1], axis=0, return_inverse=True)
    around = _surroundings(places, lattice.pitch)
    between, ends, corners = _cell_edges(np.concatenate([places, around]), same=SAME_CORNER * lattice.pitch)
    used = (between < len(places)).any(axis=1)
    return SpotCells(
        place_of_spot=place_of_spot.ravel(),
        places=places,
        between=between[used],
        ends=ends[used],
        corners=corners,
    )


def _cell_edges(
    points: NDArray[np.float64], *, same: float
) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.float64]]:
    """Return the edges of Voronoi cells that have two ends: the (E, 2) points between, (E, 2) ends, (C, 2) corners.

    By way of Delaunay's triangles: scipy's own diagram holds Python's lock for seconds where points are many, and a
    window with it.
    """
    middle = points.mean(axis=0)
    triangles = Delaunay(points - middle)
    corners = _circumcentres(points[triangles.simplices] - middle) + middle
    first, opposite = np.nonzero(triangles.neighbors > np.arange(len(triangles.simplices))[:, None])
    second = triangles.neighbors[first, opposite].astype(np.intp)
    vertices = triangles.simplices[first].astype(np.intp)
    rows = np.arange(len(first))
    between = np.stack([vertices[rows, (opposite + 1) % 3], vertices[rows, (opposite + 2) % 3]], axis=1)
    is_point = np.linalg.norm(corners[first] - corners[second], axis=1) <= same
    linked = coo_array((np.ones(is_point.sum()), (first[is_point], second[is_point])), shape=(len(corners),) * 2)
    _, corner = connected_components(linked, directed=False)
    _, representative = np.unique(corner, return_index=True)
    ends = np.stack([corner[first], corner[second]], axis=1).astype(np.intp)
    is_edge = ends[:, 0] != ends[:, 1]
    return between[is_edge], ends[is_edge], corners[representative]


def _circumcentres(triangles: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the (T, 2) places as far from one as from any other of the corners of triangles, (T, 3, 2)."""
    origin = triangles[:, 0]
    first, second = triangles[:, 1] - origin, triangles[:, 2] - origin
    cross = 2 * (first[:, 0] * second[:, 1] - first[:, 1] * second[:, 0])
    squares = (first**2).sum(axis=1), (second**2).sum(axis=1)
    x = squares[0] * second[:, 1] - squares[1] * first[:, 1]
    y = squares[1] * first[:, 0] - squares[0] * second[:, 0]
    with np.errstate(divide="ignore", invalid="ignore"):  # of points in a line, beyond the tissue
        centres: NDArray[np.float64] = origin + np.stack([x, y], axis=1) / cross[:, None]
    return centres


@dataclass(kw_only=True, eq=False)
class _Walk:
    """Walks along directed edges, what they enclose on the left, and turns left where it can."""

    corners: NDArray[np.float64]
    start: NDArray[np.intp]
    stop: NDArray[np.intp]
    _leaving: dict[int, list[int]] = field(default_factory=lambda: defaultdict(list))

    def rings(self) -> list[tuple[NDArray[np.intp], int]]:
        """Return each ring's corners, and one of its edges."""
        for edge, corner in enumerate(self.start.tolist()):
            self._leaving[corner].append(edge)
        rings = []
        for edge in range(len(self.start)):
            if edge in self._leaving[int(self.start[edge])]:
                ring = self._ring(edge)
                rings.append((self.start[ring], edge))
        return rings

    def _ring(self, edge: int) -> list[int]:
        first, ring = int(self.start[edge]), []
        while True:
            ring.append(edge)
            self._leaving[int(self.start[edge])].remove(edge)
            if self.stop[edge] == first:
                return ring
            edge = self._next(edge)

    def _next(self, edge: int) -> int:
        """Return the edge that turns left most from the end of this one."""
        leaving = self._leaving[int(self.stop[edge])]
        if len(leaving) == 1:
            return leaving[0]
        came = self.corners[self.stop[edge]] - self.corners[self.start[edge]]
        goes = self.corners[self.stop[leaving]] - self.corners[self.start[leaving]]
        turn = np.arctan2(came[0] * goes[:, 1] - came[1] * goes[:, 0], goes @ came)
        return leaving[int(turn.argmax())]


def _surroundings(places: NDArray[np.float64], pitch: float) -> NDArray[np.float64]:
    """Return points (x, y) around the tissue that close the outer cells: each neighbour's mirror image, and a fence."""
    tree = cKDTree(places)
    pairs = tree.query_pairs(REACH * pitch, output_type="ndarray")
    mirrored = [2 * places[pairs[:, 0]] - places[pairs[:, 1]], 2 * places[pairs[:, 1]] - places[pairs[:, 0]]]
    alone = places[np.setdiff1d(np.arange(len(places)), pairs)]
    angles = 2 * np.pi * np.arange(CORNERS) / CORNERS
    ring = pitch * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    points = np.concatenate([*mirrored, (alone[:, None] + ring).reshape(-1, 2)])
    points = points[tree.query(points)[0] > CLEAR * pitch]
    _, kept = np.unique(np.rint(4 * points / pitch), axis=0, return_index=True)
    low, high = places.min(axis=0) - FENCE * pitch, places.max(axis=0) + FENCE * pitch
    middle = (low + high) / 2
    fence = np.array([[x, y] for x in (low[0], middle[0], high[0]) for y in (low[1], middle[1], high[1])])
    return np.concatenate([points[kept], np.delete(fence, 4, axis=0)])


def _polygons(rings: list[tuple[NDArray[np.float64], NDArray[np.float64]]]) -> list[Rings]:
    """Return polygons of rings, of each of which a point that it has on its left is given: holes join their outline."""
    areas = [_area(ring) for ring, _ in rings]
    outer = sorted((place for place, area in enumerate(areas) if area > 0), key=lambda place: areas[place])
    polygons = {place: [rings[place][0]] for place in outer}
    low, high = (np.array([edge(rings[place][0], axis=0) for place in outer]) for edge in (np.min, np.max))
    for place, area in enumerate(areas):
        if area < 0:
            ring, point = rings[place]
            near = np.flatnonzero(((low <= point) & (point <= high)).all(axis=1))
            around = next(outer[big] for big in near if inside_polygon(point[None], rings[outer[big]][0])[0])
            polygons[around].append(ring)
    return list(polygons.values())


def _area(ring: NDArray[np.float64]) -> float:
    """Return the area of a ring, > 0 if it runs counter-clockwise (y upwards)."""
    x, y = (ring - ring[0]).T
    return float(x @ np.roll(y, -1) - y @ np.roll(x, -1)) / 2
