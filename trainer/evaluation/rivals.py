"""What can be had without a model: simple reconstructions that are always available."""

from collections.abc import Callable

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from napari_stimg.scores import neighbour_means
from trainer.evaluation.kriging import krige
from trainer.evaluation.puzzle import Puzzle

Rival = Callable[[Puzzle], NDArray[np.float32]]
"""From a puzzle to the (N, K) expected log expression of its hidden spots."""


def slide_mean(puzzle: Puzzle) -> NDArray[np.float32]:
    """Return each gene's mean over the visible spots."""
    return np.tile(puzzle.mean, (puzzle.n_hidden, 1))


def zeros(puzzle: Puzzle) -> NDArray[np.float32]:
    """Return zeros."""
    return np.zeros((puzzle.n_hidden, len(puzzle.columns)), dtype=np.float32)


def nearest_spot(puzzle: Puzzle) -> NDArray[np.float32]:
    """Return the expression of the nearest visible spot."""
    nearest = np.asarray(cKDTree(puzzle.visible_positions).query(puzzle.hidden_positions)[1])
    expression: NDArray[np.float32] = puzzle.visible[nearest].toarray()
    return expression


def gaussian_neighbours(sigma: float) -> Rival:
    """Return the method of Gaussian-weighted means over visible neighbours, ``sigma`` pitches wide."""

    def predict(puzzle: Puzzle) -> NDArray[np.float32]:
        n_visible, n_genes = puzzle.visible.shape
        nothing = sp.csr_matrix(np.zeros((puzzle.n_hidden, n_genes), dtype=np.float32))
        positions = np.concatenate([puzzle.visible_positions, puzzle.hidden_positions])
        hidden = np.arange(n_visible, len(positions))
        means = neighbour_means(sp.csr_matrix(sp.vstack([puzzle.visible, nothing])), positions, hidden, sigma=sigma)
        return means.astype(np.float32)

    return predict


RIVALS: dict[str, Rival] = {
    "slide mean": slide_mean,
    "zeros": zeros,
    "nearest spot": nearest_spot,
    "neighbours, sigma 2": gaussian_neighbours(2.0),
    "neighbours, sigma 4": gaussian_neighbours(4.0),
    "kriging": krige,
}
"""By the name they have in tables; the slide's mean, against which gains are measured, comes first."""
