"""Where spots are hidden: squares full of tissue, and single spots scattered over the section."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from napari_stimg.lattice import Lattice, LatticeKind
from trainer.evaluation.parameters import EvaluateParameters

MOST_HIDDEN = 0.5
"""A square that hides a larger share of the spots is left out."""

MOST_SCATTERED = 0.2
"""Largest share of the spots that is hidden one by one."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Hiding:
    """One way of hiding spots.

    Parameters
    ----------
    name : str
        Side of the squares, as ``"8"``; or ``"1 x 200"`` where 200 single spots are hidden at once.
    side : int
        Side of the squares; 1 for scattered spots.
    masks : list of (S,) bool
        True = hidden; each is reconstructed by itself.
    """

    name: str
    side: int
    masks: list[NDArray[np.bool_]]


def hidings(lattice: Lattice, params: EvaluateParameters) -> list[Hiding]:
    """Return all ways of hiding that a section has room for: scattered spots, then squares of each side."""
    spots = scattered(lattice.positions, params)
    found = [Hiding(name=f"1 x {spots.sum()}", side=1, masks=[spots])] if spots.any() else []
    for side in params.sides:
        masks = squares(lattice, side, params)
        if masks:
            found.append(Hiding(name=str(side), side=side, masks=masks))
    return found


def scattered(positions: NDArray[np.floating], params: EvaluateParameters) -> NDArray[np.bool_]:
    """Return the (S,) mask of single spots at random, ``n_scattered`` of them or a fifth of all if that is fewer.

    They are the same places in whatever order a file or a corpus has the (S, 2) spots.
    """
    n_hidden = min(params.n_scattered, int(MOST_SCATTERED * len(positions)))
    by_place = np.lexsort(np.round(positions, 3).T)
    mask = np.zeros(len(positions), dtype=np.bool_)
    mask[by_place[np.random.default_rng([params.seed, 0]).permutation(len(positions))[:n_hidden]]] = True
    return mask


def squares(lattice: Lattice, side: int, params: EvaluateParameters) -> list[NDArray[np.bool_]]:
    """Return (S,) masks of squares at random places full of tissue; none if the section has no such place.

    On regular lattices a square is ``side`` cells of the raster. Irregular sections have cells of less than a pitch,
    most of them empty; there it is ``side`` pitches, and all within a pitch of a spot counts as tissue.
    """
    rng = np.random.default_rng([params.seed, side])
    if lattice.kind is LatticeKind.IRREGULAR:
        origin = np.floor(lattice.positions.min(axis=0)).astype(int)
        cell_of_spot = np.floor(lattice.positions).astype(int) - origin
        shape = tuple(cell_of_spot.max(axis=0) + 1)
        centres = np.moveaxis(np.indices(shape), 0, -1) + origin + 0.5
        tissue = np.asarray(cKDTree(lattice.positions).query(centres)[0]) <= 1
    else:
        cell_of_spot, shape, tissue = lattice.cell_of_spot, lattice.shape, lattice.tissue
    if min(shape) < side:
        return []
    filled = np.lib.stride_tricks.sliding_window_view(tissue, (side, side)).mean(axis=(2, 3))
    corners = rng.permutation(np.argwhere(filled >= params.min_tissue))[: params.n_squares]
    masks = [((cell_of_spot >= corner) & (cell_of_spot < corner + side)).all(axis=1) for corner in corners]
    return [mask for mask in masks if mask.any() and mask.mean() <= MOST_HIDDEN]
