"""Kriging as a rival: principal components of the visible spots as Gaussian processes, predicted in the hole."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from napari_stimg.kriging import fit_processes
from napari_stimg.principal_components import fit_components
from trainer.evaluation.puzzle import Puzzle

N_COMPONENTS = 20
"""Principal components that are kriged (docs/evaluation.md)."""

MOST_VISIBLE = 5000
"""Visible spots, the nearest, that a hole is kriged from."""

TILE_PITCHES = 32.0
"""On larger sections hidden spots in squares of this side are kriged together."""


def krige(puzzle: Puzzle) -> NDArray[np.float32]:
    """Return the (N, K) expected log expression of the hidden spots."""
    components = fit_components(puzzle.visible, N_COMPONENTS, mean=puzzle.mean, rough=True)
    scores = components.scores(puzzle.visible)
    predicted = np.empty((puzzle.n_hidden, scores.shape[1]))
    for hidden, visible in _neighbourhoods(puzzle.hidden_positions, puzzle.visible_positions):
        predicted[hidden] = krige_scores(
            scores[visible], puzzle.visible_positions[visible], puzzle.hidden_positions[hidden]
        )
    return np.maximum(components.mean + predicted @ components.directions, 0.0).astype(np.float32)


def krige_scores(
    scores: NDArray[np.float64], visible: NDArray[np.floating], hidden: NDArray[np.floating]
) -> NDArray[np.float64]:
    """Return the (N, D) expectation of D processes of mean 0, each with a length and noise of its own.

    Parameters
    ----------
    scores : (V, D) float64
        What was measured.
    visible, hidden : (V, 2) and (N, 2) float
        Where, and where it is asked for, in pitches.
    """
    return fit_processes([(scores, visible)]).predict(scores, visible, hidden)


def _neighbourhoods(
    hidden: NDArray[np.floating], visible: NDArray[np.floating]
) -> Iterator[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    """Yield hidden spots that are kriged together, and the visible spots that they are kriged from."""
    if len(visible) <= MOST_VISIBLE:
        yield np.arange(len(hidden)), np.arange(len(visible))
        return
    _, tile_of = np.unique(np.floor(hidden / TILE_PITCHES), axis=0, return_inverse=True)
    for tile in range(int(tile_of.max()) + 1):
        together = np.flatnonzero(tile_of.ravel() == tile)
        distance = np.linalg.norm(visible - hidden[together].mean(axis=0), axis=1)
        yield together, np.sort(np.argpartition(distance, MOST_VISIBLE)[:MOST_VISIBLE])
