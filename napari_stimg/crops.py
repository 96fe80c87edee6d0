"""Where crops lie on a lattice."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_stimg.errors import InputError
from napari_stimg.lattice import Lattice

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
