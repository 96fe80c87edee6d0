"""A section's spatial components as Gaussian processes over its visible cells: what kriging says of hidden places."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from napari_stimg.expression import log_expression, row_blocks
from napari_stimg.kriging import Processes, fit_processes
from napari_stimg.spatial_components import CELLS_AT_ONCE, neighbour_average, spatial_components


@dataclass(frozen=True, kw_only=True, eq=False)
class SpatialField:
    """The spatial components of a section that are above those of shuffled cells, and how each varies over places.

    Parameters
    ----------
    scores : (C, Q) float64
        Each visible cell's; Q may be 0.
    places : (C, 2) float
        Where they lie, in pitches.
    processes : Processes
        The Q components'.
    loadings : (G, Q) float64
        Log expression of each gene for each unit of a component.
    """

    scores: NDArray[np.float64]
    places: NDArray[np.floating]
    processes: Processes
    loadings: NDArray[np.float64]

    def krige(self, shown: NDArray[np.intp], asked: NDArray[np.floating]) -> NDArray[np.float32]:
        """Return the (N, Q) expected scores at (N, 2) places, from some of the visible cells alone."""
        return self.processes.predict(self.scores[shown], self.places[shown], asked).astype(np.float32)


def spatial_field(
    counts: sp.csr_matrix, places: NDArray[np.floating], windows: Sequence[NDArray[np.intp]], *, seed: int = 0
) -> SpatialField:
    """Return the spatial field of a section.

    Parameters
    ----------
    counts : (C, G) CSR
        Counts of its visible cells.
    places : (C, 2) float
        Where they lie, in pitches.
    windows : sequence of (N,) int
        The cells of some windows, by which the processes are fitted.
    seed : int
        Of chance.
    """
    scores = spatial_components(counts, places, above_shuffled=True, seed=seed).scores
    return SpatialField(
        scores=scores,
        places=places,
        processes=fit_processes([(scores[cells], places[cells]) for cells in windows]),
        loadings=_loadings(counts, scores, places),
    )


def _loadings(counts: sp.csr_matrix, scores: NDArray[np.float64], places: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return (G, Q) loadings: a gene's covariance with the neighbours' scores, over that of the cells' own scores.

    For genes that the components were found in this is nearly their direction, an eigenvector of such covariances,
    times their standard deviation; all other genes get theirs alike.
    """
    around = np.zeros_like(scores)
    tree, everyone = cKDTree(places), np.arange(len(places))
    for start in range(0, len(places), CELLS_AT_ONCE):
        cells = everyone[start : start + CELLS_AT_ONCE]
        around[cells] = neighbour_average(tree, places, cells) @ scores
    around -= around.mean(axis=0)
    shared = np.zeros((counts.shape[1], scores.shape[1]))
    for rows in row_blocks(counts):
        shared += log_expression(counts[rows]).T @ around[rows]
    return np.asarray(shared / np.einsum("cq,cq->q", scores, around))
