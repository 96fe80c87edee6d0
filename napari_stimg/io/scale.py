"""Microns per unit of place, from what is known of the platforms' arrays."""

import numpy as np
from numpy.typing import NDArray

from napari_stimg.affine import fit_affine, spans_plane

VISIUM_PITCH_UM = 100.0
"""Visium: 100 um from the centre of a spot to its neighbours' (10x Genomics, "What is the spatial resolution?")."""

LEGACY_ST_PITCH_UM = 200.0
"""Legacy ST, 1k array: 200 um from centre to centre (Stahl et al., Science 2016)."""

_TOLERANCE = 0.05


def um_per_place_of_visium(places: NDArray[np.float64], array_indices: NDArray[np.int64]) -> float | None:
    """Return the microns in one unit of ``places`` if the spots lie on Visium's hexagonal array, else None.

    The pitch is measured by fitting the indices to the places. Space Ranger's ``spot_diameter_fullres`` is not used:
    it is not the diameter of the 55 um spots (on 151673 of the DLPFC study it comes to 70 um).

    Parameters
    ----------
    places : (S, 2)
        Positions (row, col), any unit.
    array_indices : (S, 2) int
        Visium's (row, col): columns step by two, and row + column is even (or odd) throughout.
    """
    steps = _index_steps(places, array_indices)
    if steps is None or len(np.unique(array_indices.sum(axis=1) % 2)) != 1:
        return None
    row_step, col_step = steps
    to_neighbours = np.linalg.norm([2 * col_step, row_step + col_step, row_step - col_step], axis=1)
    if np.ptp(to_neighbours) > _TOLERANCE * to_neighbours.mean():
        return None
    return float(VISIUM_PITCH_UM / to_neighbours.mean())


def um_per_place_of_legacy_st(places: NDArray[np.float64], array_indices: NDArray[np.int64]) -> float | None:
    """Return the microns in one unit of ``places`` on legacy ST's square 1k array, None on its 2k array.

    The 2k array is the 1k array with a further spot in the middle of each square; the spots' row + column is then
    even (or odd) throughout, and how long a step is depends on who numbered them.
    """
    steps = _index_steps(places, array_indices)
    if steps is None or len(np.unique(array_indices.sum(axis=1) % 2)) == 1:
        return None
    lengths = np.linalg.norm(steps, axis=1)
    if np.ptp(lengths) > _TOLERANCE * lengths.mean():
        return None
    return float(LEGACY_ST_PITCH_UM / lengths.mean())


def _index_steps(places: NDArray[np.float64], array_indices: NDArray[np.int64]) -> NDArray[np.float64] | None:
    """Return (2, 2): how far (row, col) one moves in a step of the array row, and of the array column."""
    if len(places) == 0 or not np.isfinite(places).all() or not spans_plane(array_indices):
        return None
    return fit_affine(array_indices, places).matrix
