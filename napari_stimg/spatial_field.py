"""A section's spatial components as Gaussian processes over its visible cells: what kriging says of hidden places."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from napari_stimg.expression import log_expression
from napari_stimg.halves import first_half
from napari_stimg.kriging import Processes, fit_processes
from napari_stimg.readout import KrigedGenes
from napari_stimg.spatial_components import (
    CELLS_AT_ONCE,
    VariableGenes,
    neighbour_average,
    spatial_components,
    variable_genes,
)

MOST_LOADED = 50_000
"""Cells that loadings are fitted to, chosen at random where there are more."""


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


@dataclass(frozen=True, kw_only=True, eq=False)
class SpatialFields:
    """What kriging goes by: a field of all visible cells, and two to practise with.

    Components fit the noise of the cells that they are found in, so a cell cannot judge a field that it had a part in.

    Parameters
    ----------
    whole : SpatialField
        Found in all cells.
    of_half : (SpatialField, SpatialField)
        Found in the first half of the cells (``first_half``) alone, and in the second.
    """

    whole: SpatialField
    of_half: tuple[SpatialField, SpatialField]

    @property
    def kriged_genes(self) -> KrigedGenes:
        """How genes follow from the components."""
        return KrigedGenes(
            loadings=self.whole.loadings, practised=np.hstack([field.loadings for field in self.of_half])
        )

    def practise(self, shown: NDArray[np.intp], cells: NDArray[np.intp]) -> NDArray[np.float32]:
        """Return (N, P + R) expected scores of N visible cells, from others that are shown.

        Each cell is told of by the field that it had no part in; the components of the other are 0 for it.
        """
        first, second = self.of_half
        kriged = np.zeros((len(cells), first.scores.shape[1] + second.scores.shape[1]), dtype=np.float32)
        in_first = first_half(cells)
        kriged[~in_first, : first.scores.shape[1]] = first.krige(shown, first.places[cells[~in_first]])
        kriged[in_first, first.scores.shape[1] :] = second.krige(shown, second.places[cells[in_first]])
        return kriged


def spatial_fields(
    counts: sp.csr_matrix, places: NDArray[np.floating], windows: Sequence[NDArray[np.intp]], *, seed: int = 0
) -> SpatialFields:
    """Return the spatial fields of a section.

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
    genes = variable_genes(counts)
    cells = np.arange(len(places))
    whole, first, second = (
        _field(counts, genes, places, part, windows, seed)
        for part in (None, cells[first_half(cells)], cells[~first_half(cells)])
    )
    return SpatialFields(whole=whole, of_half=(first, second))


def _field(
    counts: sp.csr_matrix,
    genes: VariableGenes,
    places: NDArray[np.floating],
    cells: NDArray[np.intp] | None,
    windows: Sequence[NDArray[np.intp]],
    seed: int,
) -> SpatialField:
    """Return the field whose components and loadings are found in some cells, or in all."""
    scores = spatial_components(genes, places, cells=cells, above_shuffled=True, seed=seed).scores
    return SpatialField(
        scores=scores,
        places=places,
        processes=fit_processes([(scores[window], places[window]) for window in windows]),
        loadings=_loadings(counts, scores, places, cells, seed),
    )


def _loadings(
    counts: sp.csr_matrix,
    scores: NDArray[np.float64],
    places: NDArray[np.floating],
    cells: NDArray[np.intp] | None,
    seed: int,
) -> NDArray[np.float64]:
    """Return (G, Q) loadings: a gene's covariance with the neighbours' scores, over that of the cells' own scores.

    For genes that the components were found in this is nearly their direction, an eigenvector of such covariances,
    times their standard deviation; all other genes get theirs alike.
    """
    cells = np.arange(len(places)) if cells is None else cells
    places, scores = places[cells], scores[cells]
    some = np.random.default_rng(seed).permutation(len(cells))[:MOST_LOADED]
    parts = [some[start : start + CELLS_AT_ONCE] for start in range(0, len(some), CELLS_AT_ONCE)]
    tree, around = cKDTree(places), np.zeros_like(scores)
    for part in parts:
        around[part] = neighbour_average(tree, places, part) @ scores
    around[some] -= around[some].mean(axis=0) if parts else 0.0
    shared = np.zeros((counts.shape[1], scores.shape[1]))
    for part in parts:
        shared += log_expression(counts[cells[part]]).T @ around[part]
    return np.asarray(shared / np.einsum("cq,cq->q", scores, around))
