"""Averages over what lies around a spot."""

from collections.abc import Iterator

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.spatial import cKDTree

SPOTS_AT_ONCE = 2**15
"""Spots averaged at a time, which bounds the memory that their surroundings take."""


def smooth(features: NDArray[np.floating], positions: NDArray[np.floating], *, sigma: float) -> NDArray[np.float64]:
    """Return (S, D) Gaussian-weighted means over each spot and all within three sigma of it.

    Parameters
    ----------
    features : (S, D) float
        What is averaged.
    positions : (S, 2) float
        Where the spots lie, in pitches.
    sigma : float
        Width of the Gaussian, in pitches, > 0.
    """
    return np.concatenate([block for _, block in smoothed_blocks(features, positions, sigma=sigma)])


def smoothed_blocks(
    features: NDArray[np.floating], positions: NDArray[np.floating], *, sigma: float
) -> Iterator[tuple[slice, NDArray[np.float64]]]:
    """Yield the rows of `smooth` a block at a time, each with the spots that it is of."""
    tree = cKDTree(positions)
    for start in range(0, len(positions), SPOTS_AT_ONCE):
        spots = slice(start, start + SPOTS_AT_ONCE)
        averaging = weights_around(positions[spots], tree, sigma=sigma)
        yield spots, (averaging @ features) / np.asarray(averaging.sum(axis=1)).reshape(-1, 1)


def weights_around(places: NDArray[np.floating], tree: cKDTree, *, sigma: float) -> sp.csr_matrix:
    """Return the (N, S) Gaussian weights, at most 1, of all spots within three sigma of each of N places.

    Parameters
    ----------
    places : (N, 2) float
        Where, in pitches.
    tree : cKDTree
        Of where the S spots lie.
    sigma : float
        Width of the Gaussian, in pitches, > 0.
    """
    around = cKDTree(places).sparse_distance_matrix(tree, 3 * sigma, output_type="ndarray")
    weight = np.exp(-0.5 * (around["v"] / sigma) ** 2)
    return sp.csr_matrix((weight, (around["i"], around["j"])), shape=(len(places), tree.n))


def gaussian_weights(positions: NDArray[np.floating], *, sigma: float) -> sp.csr_matrix:
    """Return the (S, S) Gaussian weights, at most 1, of all spots within three sigma of each, itself left out.

    Parameters
    ----------
    positions : (S, 2) float
        Where the spots lie, in pitches.
    sigma : float
        Width of the Gaussian, in pitches, > 0.
    """
    pairs = cKDTree(positions).query_pairs(3 * sigma, output_type="ndarray")
    distance = np.linalg.norm(positions[pairs[:, 0]] - positions[pairs[:, 1]], axis=1)
    weight = np.exp(-0.5 * (distance / sigma) ** 2)
    rows, cols = np.concatenate([pairs, pairs[:, ::-1]]).T
    return sp.csr_matrix((np.tile(weight, 2), (rows, cols)), shape=(len(positions), len(positions)))
