"""Find a regular lattice in bare coordinates: its pitch, its axes, and the index of every spot."""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from napari_stimg.affine import Affine, fit_affine

MIN_SPOTS = 9
"""Fewer spots than a 3 x 3 square fit some lattice by chance."""

SAMPLE = 20_000
"""Spots whose neighbours tell the orientation; more would not tell it better."""

NEIGHBOUR_REACH = 1.25
"""Neighbours are nearer than this many median nearest-neighbour distances; the next ones lie at sqrt(2) or sqrt(3).

It also bounds how much longer one axis may be than the other."""

MIN_ORDER = 0.4
"""Least orientational order of a lattice: 1 is perfect, that of irregular places tends to 0."""

MAX_RMS = 0.2
"""Largest root mean square distance of spots from the fitted lattice, in pitches; irregular places have 0.4."""

ANGLE_TOLERANCE_DEG = 10.0
"""How far the fitted axes may be from 90 (square) or 60 degrees (hexagonal): half-way between the two is 75."""


class LatticeKind(StrEnum):
    """How the spots of a slide are laid out."""

    HEXAGONAL = "hexagonal"
    SQUARE = "square"
    CHECKERBOARD = "checkerboard"
    IRREGULAR = "irregular"


@dataclass(frozen=True, kw_only=True, eq=False)
class Grid:
    """A regular lattice that coordinates were found to lie on.

    Parameters
    ----------
    kind : LatticeKind
        Hexagonal, square, or checkerboard: a square lattice that stands on its corners.
    indices : (S, 2) int64
        (row, col) of each spot, numbered as platforms number their arrays: on hexagonal and checkerboard lattices
        row + col is even.
    """

    kind: LatticeKind
    indices: NDArray[np.int64]


def find_grid(places: NDArray[np.float64]) -> Grid | None:
    """Return the lattice that the places lie on, at any rotation, with jitter and holes; None if they lie on none.

    The axes are those of the lattice that are nearest to the axes of the places, and never mirrored.

    Parameters
    ----------
    places : (S, 2) float64
        (row, col) of each spot, in any unit.
    """
    if len(places) < MIN_SPOTS:
        return None
    axes = _axes(places)
    if axes is None:
        return None
    steps = _index_by_growing(places, axes)
    to_places = fit_affine(steps, places)
    kind = _kind(to_places.matrix)
    if kind is None or not _fits(places, steps, to_places):
        return None
    return Grid(kind=kind, indices=steps @ _array_steps(kind, to_places.matrix))


def _axes(places: NDArray[np.float64]) -> NDArray[np.float64] | None:
    """Return the two (row, col) steps to neighbouring spots, 60 or 90 degrees apart, or None without order."""
    offsets = _neighbour_offsets(places)
    if not len(offsets):
        return None
    angles = np.arctan2(offsets[:, 0], offsets[:, 1])
    # Bond-orientational order: n-fold lattices repeat every 2 pi / n (Halperin and Nelson, Phys. Rev. Lett. 41, 1978).
    order = {n_fold: np.exp(1j * n_fold * angles).mean() for n_fold in (4, 6)}
    n_fold = max(order, key=lambda n: abs(order[n]))
    if abs(order[n_fold]) < MIN_ORDER:
        return None
    turn = 2 * np.pi / n_fold
    sector = np.rint((angles - np.angle(order[n_fold]) / n_fold) / turn).astype(int) % n_fold
    half = n_fold // 2
    ahead = np.where(sector < half, 1.0, -1.0)[:, None] * offsets
    sector %= half
    if not ((sector == 0).any() and (sector == 1).any()):
        return None
    return np.stack([np.median(ahead[sector == side], axis=0) for side in (0, 1)])


def _neighbour_offsets(places: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the (N, 2) offsets from spots to their nearest neighbours."""
    tree = cKDTree(places)
    rows = np.arange(0, len(places), max(1, len(places) // SAMPLE))
    distance, other = map(np.asarray, tree.query(places[rows], k=7))
    near = distance[:, 1:] < NEIGHBOUR_REACH * np.median(distance[:, 1])
    offsets = places[other[:, 1:]] - places[rows][:, None]
    return np.asarray(offsets[near], dtype=np.float64)


def _index_by_growing(places: NDArray[np.float64], axes: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the (S, 2) number of steps to every spot along the axes.

    The first axes hold near where they are used, so the numbered region starts small and doubles, the axes fitted
    anew each time.
    """
    centre = places[np.argmin(((places - np.median(places, axis=0)) ** 2).sum(axis=1))]
    reach = np.sqrt(((places - centre) ** 2).sum(axis=1))
    to_places = Affine(matrix=axes, offset=centre)
    radius = 3 * np.sqrt(abs(np.linalg.det(axes)))
    while radius < 2 * reach.max():
        near = reach <= radius
        steps = np.rint(to_places.inverse(places[near]))
        if near.sum() >= MIN_SPOTS:
            to_places = fit_affine(steps, places[near])
        radius *= 2
    for _ in range(2):
        to_places = fit_affine(np.rint(to_places.inverse(places)), places)
    return np.rint(to_places.inverse(places)).astype(np.int64)


def _kind(axes: NDArray[np.float64]) -> LatticeKind | None:
    """Return the kind of a lattice with these two axes, or None if they are neither square nor hexagonal."""
    lengths = np.hypot(axes[:, 0], axes[:, 1])
    angle = np.degrees(np.arccos(axes[0] @ axes[1] / lengths.prod()))
    if abs(angle - 60) <= ANGLE_TOLERANCE_DEG:
        return LatticeKind.HEXAGONAL
    if abs(angle - 90) > ANGLE_TOLERANCE_DEG:
        return None
    diagonal = axes[0] / lengths[0] - axes[1] / lengths[1]
    upright = min(abs(diagonal)) <= np.hypot(*diagonal) * np.sin(np.radians(ANGLE_TOLERANCE_DEG))
    return LatticeKind.CHECKERBOARD if upright else LatticeKind.SQUARE


def _fits(places: NDArray[np.float64], steps: NDArray[np.int64], to_places: Affine) -> bool:
    """Say whether every spot has a step of its own and lies near where the lattice puts it."""
    rms = np.sqrt(((places - to_places(steps)) ** 2).sum(axis=1).mean())
    return bool(rms <= MAX_RMS * to_places.scale and len(np.unique(steps, axis=0)) == len(steps))


def _array_steps(kind: LatticeKind, axes: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the (2, 2) change of array (row, col) with one step along each axis."""
    if kind is LatticeKind.HEXAGONAL:
        return np.array([[0, 2], [1, 1]])
    if kind is LatticeKind.SQUARE:
        return np.array([[0, 1], [1, 0]])
    return np.sign(axes).astype(np.int64)
