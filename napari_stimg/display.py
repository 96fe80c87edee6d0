"""The picture of a slide: which spot each display pixel belongs to, and which spots a drawing hits."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from napari_stimg.affine import Affine, Points, fit_affine
from napari_stimg.errors import InputError
from napari_stimg.lattice import ARRAY_STEPS, Lattice, LatticeKind, shift_of_row_0
from napari_stimg.slide import Slide

PX_PER_PITCH = (2, 24)
"""Fewest and most display pixels in one pitch: two show every bin of a turned lattice, 24 a true hexagon."""

TARGET_PX = 2**20
"""Pixels of a picture, as far as the limits above allow: a gene is drawn in about a millisecond."""

MAX_PX = 2**24
"""Most pixels of a picture (64 MB); beyond it spots are lost from sight, but not from masks."""

MARGIN = 1.0
"""Pitches around the outermost spots."""

REACH = 1.0
"""Pitches from an irregular spot to where its colour ends at the latest."""

MAX_ANISOTROPY = 1.2
"""Places that stretch a regular lattice more are no measurements (often copies of array indices); the 2k array's
stretch it by 1.1."""

ROUNDING_PX = 1e-6
"""What rounding may add to the sides of a picture without adding a row or column."""

CHUNK_PX = 2**18
"""Pixels looked up at a time, which bounds the memory."""


@dataclass(frozen=True, kw_only=True, eq=False)
class SpotRaster:
    """Which spot each pixel of a slide's picture shows.

    The picture lies in the frame of ``Slide.places`` (or, where these distort a regular lattice, in that of its true
    positions), so that a stained image aligns: pixel (i, j) has its centre at ``translate + scale * (i, j)``.

    Parameters
    ----------
    idmap : (rows, cols) int32
        Spot of each pixel, -1 off tissue.
    scale : float
        Units of ``Slide.places`` in one pixel.
    translate : (2,) float64
        Place (row, col) of the centre of pixel (0, 0).
    centres : (S, 2) float64
        Place (row, col) of each spot.
    """

    idmap: NDArray[np.int32]
    scale: float
    translate: NDArray[np.float64]
    centres: NDArray[np.float64]

    def paint(self, values: NDArray[np.number]) -> NDArray[np.float32]:
        """Return the (rows, cols) picture of one value a spot (S,), NaN off tissue."""
        return np.append(values.astype(np.float32), np.float32(np.nan))[self.idmap]

    def paint_labels(self, labels: NDArray[np.integer] | NDArray[np.bool_]) -> NDArray[np.int32]:
        """Return the (rows, cols) picture of one whole number a spot (S,), 0 off tissue."""
        return np.append(labels.astype(np.int32), np.int32(0))[self.idmap]

    def paint_colors(self, colors: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return the (rows, cols, 4) picture, RGBA, of one colour a spot (S, 3), clear off tissue."""
        opaque = np.concatenate([colors, np.full((len(colors), 1), 255, dtype=np.uint8)], axis=1)
        return np.append(opaque, np.zeros((1, 4), dtype=np.uint8), axis=0)[self.idmap]

    def spot_under(self, point: NDArray[np.floating]) -> int:
        """Return the spot at a point (row, col) of the picture, -1 off tissue and off the picture."""
        row, col = np.rint(point).astype(int)
        inside = 0 <= row < self.idmap.shape[0] and 0 <= col < self.idmap.shape[1]
        return int(self.idmap[row, col]) if inside else -1

    def spots_in_mask(self, mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Return which spots (S,) a painted mask hits: those more than half of whose pixels are in it.

        A spot that is too crowded to have a pixel counts by the pixel at its centre.

        Parameters
        ----------
        mask : (rows, cols) bool
            The painted pixels.

        Raises
        ------
        InputError
            If the mask has another shape than the picture.
        """
        if mask.shape != self.idmap.shape:
            raise InputError(
                f"expected a mask of the picture's {self.idmap.shape[0]} x {self.idmap.shape[1]} pixels, "
                f"found shape {mask.shape}; paint it in a layer that was made for this slide."
            )
        n_spots = len(self.centres)
        pixels = np.bincount(self.idmap.ravel() + 1, minlength=n_spots + 1)[1:]
        painted = np.bincount(self.idmap[mask] + 1, minlength=n_spots + 1)[1:]
        centre_px = np.rint((self.centres - self.translate) / self.scale).astype(np.intp)
        rows, cols = np.clip(centre_px, 0, np.array(mask.shape) - 1).T
        return np.where(pixels > 0, 2 * painted > pixels, mask[rows, cols])

    def spots_in_polygon(self, vertices: NDArray[np.floating]) -> NDArray[np.bool_]:
        """Return which spots (S,) have their centre inside a polygon.

        Parameters
        ----------
        vertices : (N, 2) float
            Corners (row, col) in units of ``Slide.places``; see ``inside_polygon``.
        """
        return inside_polygon(self.centres, vertices)


def spot_raster(slide: Slide, lattice: Lattice) -> SpotRaster:
    """Return the picture of a slide: hexagons or squares around regular spots, Voronoi cells around irregular ones.

    Squares of a checkerboard stand on their corners. An irregular spot's cell ends at ``REACH`` pitches from it.
    """
    spot_of: Callable[[NDArray[np.float64]], NDArray[np.integer]]
    if lattice.kind is LatticeKind.IRREGULAR:
        centres = drawn = slide.places
        spot_of = partial(_nearest_spot, cKDTree(drawn), reach=REACH * lattice.pitch)
    else:
        centres, to_frame = _frame(slide, lattice)
        drawn = to_frame(lattice.positions)
        spot_of = partial(_spot_of_cell, lattice, to_frame.inverse)
    scale, translate, shape = _pixel_grid(drawn, lattice.pitch)
    idmap = np.empty(shape, dtype=np.int32)
    step = max(1, CHUNK_PX // shape[1])
    for start in range(0, shape[0], step):
        rows = idmap[start : start + step]
        pixels = np.indices(rows.shape).reshape(2, -1).T + np.array([start, 0])
        rows[:] = spot_of(translate + scale * pixels).reshape(rows.shape)
    return SpotRaster(idmap=idmap, scale=scale, translate=translate, centres=centres)


def extend_raster(raster: SpotRaster, slide: Slide, lattice: Lattice, extended: Lattice) -> SpotRaster:
    """Return the picture with further places, where it is clear as yet.

    Parameters
    ----------
    raster, lattice
        Of the slide, whose S spots lie on a regular lattice.
    extended : Lattice
        The same with further places after the S spots.
    """
    _, to_frame = _frame(slide, lattice)
    idmap = raster.idmap.copy()
    clear = np.argwhere(idmap < 0)
    for start in range(0, len(clear), CHUNK_PX):
        pixels = clear[start : start + CHUNK_PX]
        idmap[tuple(pixels.T)] = _spot_of_cell(extended, to_frame.inverse, raster.translate + raster.scale * pixels)
    further = to_frame(extended.positions[slide.n_spots :].astype(np.float64))
    return replace(raster, idmap=idmap, centres=np.concatenate([raster.centres, further]))


def inside_polygon(points: Points, vertices: NDArray[np.floating]) -> NDArray[np.bool_]:
    """Return which points lie inside a polygon, by the even-odd rule.

    Parameters
    ----------
    points : (N, 2) float
        (row, col), in any unit.
    vertices : (M, 2) float
        Corners (row, col) of the polygon in order, in the same unit; it closes itself, and may cross itself.

    Raises
    ------
    InputError
        If there are fewer than 3 corners or they are not finite.
    """
    if vertices.ndim != 2 or vertices.shape[1] != 2 or len(vertices) < 3 or not np.isfinite(vertices).all():
        raise InputError(
            f"expected a polygon of at least 3 corners (row, col) with finite places, found an array of shape "
            f"{vertices.shape}; draw an area."
        )
    order = np.argsort(points[:, 0])
    rows, cols = points[order].T
    inside = np.zeros(len(points), dtype=np.bool_)
    for (row, col), (next_row, next_col) in zip(vertices, np.roll(vertices, -1, axis=0), strict=True):
        beside = slice(*np.searchsorted(rows, sorted((row, next_row))))
        if row != next_row:
            edge = col + (rows[beside] - row) * (next_col - col) / (next_row - row)
            inside[order[beside]] ^= cols[beside] < edge
    return inside


def _frame(slide: Slide, lattice: Lattice) -> tuple[NDArray[np.float64], Affine]:
    """Return the (S, 2) places of the spots of a regular lattice in the picture's frame, and positions -> frame."""
    to_places = fit_affine(lattice.positions, slide.places)
    if slide.histology is not None or to_places.anisotropy <= MAX_ANISOTROPY:
        return slide.places, to_places
    to_frame = Affine(matrix=lattice.pitch * np.eye(2), offset=np.zeros(2))
    return to_frame(lattice.positions), to_frame


def _pixel_grid(drawn: NDArray[np.float64], pitch: float) -> tuple[float, NDArray[np.float64], tuple[int, int]]:
    """Return scale, translate and shape of a picture around spots that are drawn at (S, 2) places.

    A whole number of pixels makes one pitch, and the edges of upright squares lie between pixels.
    """
    corner = drawn.min(axis=0) - MARGIN * pitch
    extent = drawn.max(axis=0) + MARGIN * pitch - corner
    px_per_pitch = int(np.clip(pitch * np.sqrt(TARGET_PX / extent.prod()), *PX_PER_PITCH))
    scale = max(pitch / px_per_pitch, float(np.sqrt(extent.prod() / MAX_PX)))
    n_rows, n_cols = np.ceil(extent / scale - ROUNDING_PX).astype(int)
    half_px = 0.5 if px_per_pitch % 2 == 0 else 0.0
    return scale, corner + half_px * scale, (int(n_rows), int(n_cols))


def _nearest_spot(tree: cKDTree, places: NDArray[np.float64], *, reach: float) -> NDArray[np.intp]:
    """Return the spot nearest to each of (N, 2) places, -1 beyond reach."""
    spots = np.asarray(tree.query(places, distance_upper_bound=reach)[1])
    return np.where(spots < tree.n, spots, -1)


def _spot_of_cell(lattice: Lattice, to_positions: Affine, places: NDArray[np.float64]) -> NDArray[np.int32]:
    """Return the spot in whose cell of a regular lattice each of (N, 2) places lies, -1 where there is none."""
    rows, cols = _cell_of(lattice, to_positions(places))
    inside = (rows >= 0) & (rows < lattice.shape[0]) & (cols >= 0) & (cols < lattice.shape[1])
    spots = np.full(len(places), -1, dtype=np.int32)
    spots[inside] = lattice.spot_at[rows[inside], cols[inside]]
    return spots


def _cell_of(lattice: Lattice, positions: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return rows and cols of the raster cells, inside or outside, that (N, 2) positions are nearest to.

    Rows of hexagonal and checkerboard lattices are shifted by half in turn: the nearest place is sought among even
    and odd rows apart, each a rectangular lattice, and the nearer of the two taken.
    """
    row_step, col_step = ARRAY_STEPS[lattice.kind]
    along_rows, along_cols = positions[:, 0] / row_step, positions[:, 1] / col_step
    if lattice.kind is LatticeKind.SQUARE:
        return np.rint(along_rows).astype(np.int64), np.rint(along_cols).astype(np.int64)
    first_shift = shift_of_row_0(lattice)
    found = []
    for shift in (0, 1):
        odd = shift ^ first_shift
        rows = 2 * np.rint((along_rows - odd) / 2) + odd
        cols = np.rint((along_cols - shift) / 2)
        gap = ((along_rows - rows) * row_step) ** 2 + ((along_cols - 2 * cols - shift) * col_step) ** 2
        found.append((rows, cols, gap))
    (rows, cols, gap), (other_rows, other_cols, other_gap) = found
    nearer = gap <= other_gap
    return np.where(nearer, rows, other_rows).astype(np.int64), np.where(nearer, cols, other_cols).astype(np.int64)
