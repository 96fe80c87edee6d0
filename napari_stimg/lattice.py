"""The lattice of a slide: from spots to the cells of a raster and back, and true distances."""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from napari_stimg.affine import fit_affine, spans_plane
from napari_stimg.pitch import MIN_SPOTS, LatticeKind, find_grid
from napari_stimg.slide import Slide

__all__ = ["Lattice", "LatticeKind", "find_lattice", "shift_of_row_0", "sum_by_cell"]

ARRAY_STEPS = {
    LatticeKind.HEXAGONAL: (np.sqrt(3) / 2, 0.5),
    LatticeKind.CHECKERBOARD: (np.sqrt(0.5), np.sqrt(0.5)),
    LatticeKind.SQUARE: (1.0, 1.0),
}
"""Pitches in one step of the array's (row, col) indices. Of hexagonal and checkerboard arrays every other index is
taken: neighbours in a row are two columns apart (Space Ranger's tissue_positions.csv; 2k array of STUtility)."""

HEXAGONAL_ASPECT = 3**0.25
"""Row step over column step in the measured places: sqrt(3) on hexagonal, 1 on checkerboard arrays; the bound is
half-way between the two."""

CHECKERBOARD_EXTENT = 67
"""Highest array index of the 2k array (64 x 67), where the measured places say nothing; Visium's go to 77 x 127."""

MIN_FIT = 0.9
"""Least R2 of places against array indices for the places to tell the array's geometry."""

MAX_CELLS = 2**24
"""Most cells of a raster; 700,000 bins need 2**20."""

CELL_SIDES = (1.0, 0.9, 0.8, 0.7, 0.6, 0.5)
"""Sides, in pitches, that the cells of a rasterised slide may have; smaller ones would leave crops too empty."""

MAX_SHARED = 0.1
"""Share of spots that may share their cell before a smaller side is taken."""

DENSITY_NEIGHBOURS = 8
"""The distance to this neighbour tells the local density of irregular spots."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Lattice:
    """Where each spot of a slide lies on a raster, and in truth.

    A raster of H x W cells holds the spots densely, so that crops can be cut from it: on hexagonal and checkerboard
    lattices, whose rows are shifted against each other by half, a raster row is a row of the array and its cells are
    neighbours in it. Distances are those of ``positions``, never of the raster.

    Parameters
    ----------
    kind : LatticeKind
        Layout of the spots.
    shape : (H, W)
        Cells of the raster.
    cell_of_spot : (S, 2) int32
        (row, col) of each spot's cell.
    positions : (S, 2) float32
        True (row, col) of each spot in pitches, >= 0: on regular lattices nearest neighbours are exactly 1 apart.
    pitch : float
        Units of ``Slide.places`` in one pitch.
    pitch_um : float or None
        Microns in one pitch, where known.
    found_by : str
        ``"array indices"``, ``"coordinates"`` or ``"rasterised"``.
    """

    kind: LatticeKind
    shape: tuple[int, int]
    cell_of_spot: NDArray[np.int32]
    positions: NDArray[np.float32]
    pitch: float
    pitch_um: float | None
    found_by: str

    @property
    def n_spots(self) -> int:
        """S, the number of spots."""
        return len(self.cell_of_spot)

    @cached_property
    def _tokens(self) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp]]:
        """(K,) first spot of each occupied cell, (S,) occupied cell of each spot, (K,) spots in each."""
        flat = np.ravel_multi_index(tuple(self.cell_of_spot.T), self.shape)
        _, first, token, count = np.unique(flat, return_index=True, return_inverse=True, return_counts=True)
        return first, token, count

    @cached_property
    def occupied(self) -> NDArray[np.int32]:
        """(K, 2) cells that hold a spot, each once, in row-major order."""
        return self.cell_of_spot[self._tokens[0]]

    @cached_property
    def first_token_of_row(self) -> NDArray[np.intp]:
        """(H + 1,) where each raster row begins in ``occupied``; row i ends where row i + 1 begins."""
        return np.searchsorted(self.occupied[:, 0], np.arange(self.shape[0] + 1))

    @property
    def token_of_spot(self) -> NDArray[np.intp]:
        """(S,) index of each spot's cell in ``occupied``."""
        return self._tokens[1]

    @cached_property
    def token_positions(self) -> NDArray[np.float32]:
        """(K, 2) mean position, in pitches, of the spots in each occupied cell."""
        _, token, count = self._tokens
        sums = [np.bincount(token, weights=axis) for axis in self.positions.T]
        return (np.stack(sums, axis=1) / count[:, None]).astype(np.float32)

    @property
    def shared_share(self) -> float:
        """Share of spots that share their cell, 0 to 1; 0 on regular lattices."""
        count = self._tokens[2]
        return float(count[count > 1].sum() / self.n_spots)

    @cached_property
    def cell_pitches(self) -> float:
        """Side of a raster cell in pitches: 1 on regular lattices, less on irregular sections."""
        if self.kind is not LatticeKind.IRREGULAR:
            return 1.0
        steps = np.ptp(self.cell_of_spot, axis=0)
        longer = int(np.argmax(steps))
        return float(np.ptp(self.positions[:, longer]) / steps[longer]) if steps[longer] else 1.0

    @cached_property
    def spot_at(self) -> NDArray[np.int32]:
        """(H, W) first spot of each cell, -1 where there is none."""
        spots = np.full(self.shape, -1, dtype=np.int32)
        spots[tuple(self.occupied.T)] = self._tokens[0]
        return spots

    @cached_property
    def tissue(self) -> NDArray[np.bool_]:
        """(H, W) True where a cell holds a spot."""
        return self.spot_at >= 0

    def select(self, spots: NDArray[np.bool_] | NDArray[np.intp]) -> "Lattice":
        """Return the lattice of these spots alone, (S,) bool or (N,) int; cells and positions stay what they were."""
        return replace(self, cell_of_spot=self.cell_of_spot[spots], positions=self.positions[spots])

    def spots_in(self, rows: NDArray[np.integer], cols: NDArray[np.integer]) -> NDArray[np.intp]:
        """Return the spots, ascending, of cells that are given by their rows and cols; cells may be empty or repeat.

        Parameters
        ----------
        rows, cols : int arrays of shapes that broadcast
            Cells, which may lie outside the raster.
        """
        rows, cols = np.broadcast_arrays(rows, cols)
        inside = (rows >= 0) & (rows < self.shape[0]) & (cols >= 0) & (cols < self.shape[1])
        wanted = np.zeros(self.shape, dtype=np.bool_)
        wanted[rows[inside], cols[inside]] = True
        return np.flatnonzero(wanted[tuple(self.cell_of_spot.T)])


def find_lattice(slide: Slide) -> Lattice:
    """Return the slide's lattice, from the most trustworthy source that it has.

    Array indices if they span a raster that can be held; else the coordinates, if they lie on a hexagonal or square
    lattice; else the spots are irregular and rasterised at their typical distance.
    """
    if slide.array_indices is not None:
        indices = _without_stride(slide.array_indices)
        if np.prod(np.ptp(indices, axis=0) + 1.0) <= MAX_CELLS:
            return _regular(slide, *_read_array(indices, slide.places), found_by="array indices")
    grid = find_grid(slide.places)
    if grid is not None:
        return _regular(slide, grid.kind, grid.indices, found_by="coordinates")
    return _rasterised(slide)


def sum_by_cell(counts: sp.csr_matrix, lattice: Lattice) -> sp.csr_matrix:
    """Return the (K, G) sums of the rows of spots that share a cell, in the order of ``lattice.occupied``.

    Parameters
    ----------
    counts : (S, G) CSR matrix
        Any values that may be added.
    """
    n_tokens = len(lattice.occupied)
    ones = np.ones(lattice.n_spots, dtype=counts.dtype)
    spots = np.arange(lattice.n_spots)
    cell_has_spot = sp.csr_matrix((ones, (lattice.token_of_spot, spots)), shape=(n_tokens, lattice.n_spots))
    return sp.csr_matrix(cell_has_spot @ counts)


def shift_of_row_0(lattice: Lattice) -> int:
    """Return by how many column steps, 0 or 1, raster row 0 of a staggered lattice is shifted to the right."""
    row, col = lattice.cell_of_spot[0]
    shift = int(np.rint(lattice.positions[0, 1] / ARRAY_STEPS[lattice.kind][1])) - 2 * int(col)
    return (shift + int(row)) % 2


def _without_stride(indices: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return (S, 2) indices that count bins, where those given count in steps of several (bins named by their corner).

    Two is the step of hexagonal and checkerboard arrays, and few spots have a common step by chance.
    """
    stride = np.gcd.reduce((indices - indices[0]).ravel())
    return indices // stride if stride > 2 and len(indices) >= MIN_SPOTS else indices


def _read_array(indices: NDArray[np.int64], places: NDArray[np.float64]) -> tuple[LatticeKind, NDArray[np.int64]]:
    """Return the kind of array that (S, 2) indices are taken from, and the indices with hexagonal rows as rows.

    If every other index is taken, the measured places decide between hexagonal and checkerboard; if these say
    nothing, the extent of the array does.
    """
    parity = indices.sum(axis=1) % 2
    if len(indices) == 1 or parity.min() != parity.max():
        return LatticeKind.SQUARE, indices
    if not _tell_geometry(places, indices):
        wide = indices.max() > CHECKERBOARD_EXTENT
        return LatticeKind.HEXAGONAL if wide else LatticeKind.CHECKERBOARD, indices
    row_step, col_step = np.linalg.norm(fit_affine(indices, places).matrix, axis=1)
    if row_step > HEXAGONAL_ASPECT * col_step:
        return LatticeKind.HEXAGONAL, indices
    if col_step > HEXAGONAL_ASPECT * row_step:
        return LatticeKind.HEXAGONAL, indices[:, ::-1]
    return LatticeKind.CHECKERBOARD, indices


def _tell_geometry(places: NDArray[np.float64], indices: NDArray[np.int64]) -> bool:
    """Say whether places were measured: they follow the indices, but are not a copy of them."""
    if not spans_plane(indices):
        return False
    to_places = fit_affine(indices, places)
    left_over = ((places - to_places(indices)) ** 2).sum() / ((places - places.mean(axis=0)) ** 2).sum()
    is_copy = np.allclose(np.sort(np.abs(to_places.matrix), axis=None), [0, 0, 1, 1], rtol=0, atol=1e-6)
    return bool(left_over <= 1 - MIN_FIT) and not is_copy


def _regular(slide: Slide, kind: LatticeKind, indices: NDArray[np.int64], *, found_by: str) -> Lattice:
    """Return the lattice of spots numbered as platforms number their arrays."""
    cells = indices.copy()
    if kind is not LatticeKind.SQUARE:
        cells[:, 1] //= 2
    corner = cells.min(axis=0)
    first = corner * [1, 1 if kind is LatticeKind.SQUARE else 2]
    cells -= corner
    positions = (indices - first) * ARRAY_STEPS[kind]
    pitch = _regular_pitch(positions, slide.places)
    return Lattice(
        kind=kind,
        shape=_extent(cells),
        cell_of_spot=cells.astype(np.int32),
        positions=positions.astype(np.float32),
        pitch=pitch,
        pitch_um=None if slide.um_per_place is None else pitch * slide.um_per_place,
        found_by=found_by,
    )


def _regular_pitch(positions: NDArray[np.float64], places: NDArray[np.float64]) -> float:
    """Return the units of places in one pitch; 1 if the places lie on a line though the positions do not."""
    if spans_plane(positions) and not spans_plane(places):
        return 1.0
    return fit_affine(positions, places).scale


def _rasterised(slide: Slide) -> Lattice:
    """Return the raster of irregular spots, its cells as large as lets few spots share one."""
    pitch = _irregular_pitch(slide.places)
    positions = (slide.places - slide.places.min(axis=0)) / pitch
    least_side = np.sqrt((np.ptp(positions, axis=0) + 1).prod() / MAX_CELLS)
    for side in CELL_SIDES:
        cells = np.floor(positions / max(side, least_side)).astype(np.int32)
        lattice = Lattice(
            kind=LatticeKind.IRREGULAR,
            shape=_extent(cells),
            cell_of_spot=cells,
            positions=positions.astype(np.float32),
            pitch=pitch,
            pitch_um=None if slide.um_per_place is None else pitch * slide.um_per_place,
            found_by="rasterised",
        )
        if lattice.shared_share <= MAX_SHARED:
            break
    return lattice


def _irregular_pitch(places: NDArray[np.float64]) -> float:
    """Return the side of the square that a spot has to itself at the median of the local densities.

    The circle that reaches the k-th neighbour holds k spots besides the one in its centre.
    """
    k = min(DENSITY_NEIGHBOURS, len(places) - 1)
    if k == 0:
        return 1.0
    reach = cKDTree(places).query(places, k=[k + 1])[0]
    return float(np.median(reach) * np.sqrt(np.pi / k))


def _extent(cells: NDArray[np.integer]) -> tuple[int, int]:
    """Return (H, W) of the smallest raster that holds these cells, counted from 0."""
    n_rows, n_cols = cells.max(axis=0) + 1
    return int(n_rows), int(n_cols)
