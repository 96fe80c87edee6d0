"""Affine maps of the plane, fitted by least squares."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.floating] | NDArray[np.integer]
"""(N, 2) points, one a row."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Affine:
    """The map ``point @ matrix + offset`` of points in rows.

    Parameters
    ----------
    matrix : (2, 2) float64
        Row i is what one step along the source's axis i becomes.
    offset : (2,) float64
        Where the source's origin goes.
    """

    matrix: NDArray[np.float64]
    offset: NDArray[np.float64]

    def __call__(self, points: Points) -> NDArray[np.float64]:
        """Map (N, 2) points."""
        return np.asarray(points @ self.matrix + self.offset, dtype=np.float64)

    @property
    def inverse(self) -> "Affine":
        """The map back."""
        matrix = np.asarray(np.linalg.inv(self.matrix), dtype=np.float64)
        return Affine(matrix=matrix, offset=-self.offset @ matrix)

    @property
    def scale(self) -> float:
        """Target units in one source unit: the square root of the change of area."""
        return float(np.sqrt(abs(np.linalg.det(self.matrix))))

    @property
    def anisotropy(self) -> float:
        """Largest over smallest stretch, >= 1; 1 for a similarity, infinite for a map onto a line."""
        largest, smallest = map(float, np.linalg.svd(self.matrix, compute_uv=False))
        return largest / smallest if smallest > 0 else float("inf")


def spans_plane(points: Points) -> bool:
    """Say whether (N, 2) points, N >= 1, do not all lie on one line."""
    arms = points - points.mean(axis=0)
    spread = np.linalg.eigvalsh(arms.T @ arms)
    return bool(spread[0] > 1e-12 * spread[1])


def fit_affine(source: Points, target: Points) -> Affine:
    """Fit the affine map that takes source points nearest to target points, in least squares.

    Points on one line do not fix an affine map: they get the similarity without reflection. A single point gets a
    translation.

    Parameters
    ----------
    source, target : (N, 2) float
        Matching points, N >= 1.
    """
    source_mean, target_mean = source.mean(axis=0), target.mean(axis=0)
    arms = source - source_mean, target - target_mean
    matrix = np.linalg.lstsq(*arms, rcond=None)[0] if spans_plane(source) else _similarity(*arms)
    return Affine(matrix=matrix, offset=target_mean - source_mean @ matrix)


def _similarity(source_arms: Points, target_arms: Points) -> NDArray[np.float64]:
    """Return the (2, 2) rotation and scaling of centred points; as complex numbers it is one factor."""
    source, target = source_arms @ [1, 1j], target_arms @ [1, 1j]
    power = np.vdot(source, source).real
    factor = np.vdot(source, target) / power if power > 0 else 1.0 + 0.0j
    return np.array([[factor.real, factor.imag], [-factor.imag, factor.real]])
