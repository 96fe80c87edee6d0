"""Averages over what lies around a spot."""

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.spatial import cKDTree


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
    tree = cKDTree(positions)
    pairs = tree.query_pairs(3 * sigma, output_type="ndarray")
    distance = np.linalg.norm(positions[pairs[:, 0]] - positions[pairs[:, 1]], axis=1)
    weight = np.exp(-0.5 * (distance / sigma) ** 2)
    itself = np.arange(len(positions))
    rows = np.concatenate([pairs[:, 0], pairs[:, 1], itself])
    cols = np.concatenate([pairs[:, 1], pairs[:, 0], itself])
    values = np.concatenate([weight, weight, np.ones(len(positions))])
    averaging = sp.csr_matrix((values, (rows, cols)), shape=(len(positions), len(positions)))
    smoothed: NDArray[np.float64] = (averaging @ features) / np.asarray(averaging.sum(axis=1)).reshape(-1, 1)
    return smoothed
