"""Where crops lie on a lattice, and their values straight from a sparse matrix."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from napari_stimg.errors import InputError
from napari_stimg.lattice import Lattice, LatticeKind

MIN_TISSUE = 57 / 256
"""Least share of a crop's cells that hold a spot (57 of 16 x 16: arXiv 2603.13432, its authors' setting)."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Crop:
    """A rectangle of lattice cells.

    Parameters
    ----------
    row, col : int
        Its top left cell; may lie outside the lattice.
    shape : (int, int)
        Height and width in cells.
    tokens : (L,) int
        Occupied cells in it, as indices into ``Lattice.occupied``, in row-major order.
    """

    row: int
    col: int
    shape: tuple[int, int]
    tokens: NDArray[np.intp]


def crop_at(lattice: Lattice, row: int, col: int, shape: tuple[int, int]) -> Crop:
    """Return the crop of ``shape`` cells whose top left cell is (row, col)."""
    rows = np.clip([row, row + shape[0]], 0, lattice.shape[0])
    first, stop = lattice.first_token_of_row[rows]
    cols = lattice.occupied[first:stop, 1]
    inside = (cols >= col) & (cols < col + shape[1])
    return Crop(row=row, col=col, shape=shape, tokens=first + np.flatnonzero(inside))


def random_crop(
    lattice: Lattice,
    shape: tuple[int, int],
    *,
    rng: np.random.Generator,
    min_tissue: float = MIN_TISSUE,
    tries: int = 100,
) -> Crop:
    """Return a crop at a random place that holds enough tissue.

    Crops are centred on a random occupied cell, up to half a crop off, so that small sections, too, give
    many different ones. If no try holds enough tissue (small or torn sections), the fullest is taken.

    Parameters
    ----------
    lattice : Lattice
        The section's lattice.
    shape : (int, int)
        Height and width in cells.
    rng : numpy Generator
        Source of randomness.
    min_tissue : float
        Least share of occupied cells, in [0, 1].
    tries : int
        Places tried, >= 1.
    """
    fullest: Crop | None = None
    for _ in range(tries):
        centre = lattice.occupied[rng.integers(len(lattice.occupied))]
        row, col = (int(c) - int(rng.integers(side)) for c, side in zip(centre, shape, strict=True))
        crop = crop_at(lattice, row, col, shape)
        if len(crop.tokens) >= min_tissue * shape[0] * shape[1]:
            return crop
        if fullest is None or len(crop.tokens) > len(fullest.tokens):
            fullest = crop
    if fullest is None:
        raise InputError(f"expected at least 1 try to place a crop, found {tries}; give a positive number.")
    return fullest


def windows(lattice: Lattice, shape: tuple[int, int], stride: tuple[int, int]) -> Iterator[Crop]:
    """Yield crops every ``stride`` cells that together cover the lattice, those without tissue left out."""
    starts = [
        range(-((side - step) // 2), extent, step)
        for side, step, extent in zip(shape, stride, lattice.shape, strict=True)
    ]
    for row in starts[0]:
        for col in starts[1]:
            crop = crop_at(lattice, row, col, shape)
            if crop.tokens.size:
                yield crop


def gather(matrix: sp.csr_matrix, rows: NDArray[np.intp], columns: NDArray[np.intp]) -> NDArray[np.float32]:
    """Return ``matrix[rows][:, columns]`` as a dense (L, M) array without ever making more than that dense.

    Parameters
    ----------
    matrix : (S, G) CSR
        Counts or log expression.
    rows : (L,) int
        Rows, in any order.
    columns : (M,) int
        Columns, in any order, none twice.
    """
    slot_of_column = np.full(matrix.shape[1], -1, dtype=np.int32)
    slot_of_column[columns] = np.arange(columns.size, dtype=np.int32)
    entries, entry_rows = _entries_of_rows(matrix, rows)
    slots = slot_of_column[matrix.indices[entries]]
    shown = slots >= 0
    dense = np.zeros((rows.size, columns.size), dtype=np.float32)
    dense[entry_rows[shown], slots[shown]] = matrix.data[entries[shown]]
    return dense


def variance_in_rows(matrix: sp.csr_matrix, rows: NDArray[np.intp]) -> NDArray[np.float32]:
    """Return the (G,) population variance of each column over the given rows of a (S, G) CSR matrix."""
    entries, _ = _entries_of_rows(matrix, rows)
    columns, values = matrix.indices[entries], matrix.data[entries].astype(np.float64)
    total = np.bincount(columns, weights=values, minlength=matrix.shape[1])
    total_square = np.bincount(columns, weights=values**2, minlength=matrix.shape[1])
    variance = total_square / rows.size - (total / rows.size) ** 2
    return np.maximum(variance, 0.0).astype(np.float32)


def _entries_of_rows(matrix: sp.csr_matrix, rows: NDArray[np.intp]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return where the entries of these rows are stored, and the position in ``rows`` that each belongs to."""
    starts = matrix.indptr[rows].astype(np.intp)
    lengths = matrix.indptr[rows + 1].astype(np.intp) - starts
    before = np.cumsum(lengths) - lengths
    entries = np.repeat(starts - before, lengths) + np.arange(lengths.sum(), dtype=np.intp)
    return entries, np.repeat(np.arange(rows.size), lengths)


def symmetries(kind: LatticeKind) -> NDArray[np.float64]:
    """Return the (N, 2, 2) rotations and reflections that map a lattice onto itself, acting on (row, col) positions.

    A hexagonal lattice has 12, square and checkerboard ones 8. Irregular sections have no lattice to keep;
    the 8 of the square are given for them, since tissue on a glass slide has no orientation of its own.
    """
    order = 6 if kind is LatticeKind.HEXAGONAL else 4
    angles = 2 * np.pi * np.arange(order) / order
    rotations = np.stack([[[np.cos(a), -np.sin(a)], [np.sin(a), np.cos(a)]] for a in angles])
    flip = np.diag([1.0, -1.0])
    return np.concatenate([rotations, rotations @ flip])
