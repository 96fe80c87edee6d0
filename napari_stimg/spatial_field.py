"""A section's principal components as Gaussian processes over its visible cells: what kriging says of hidden places."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from napari_stimg.expression import log_expression
from napari_stimg.halves import first_half
from napari_stimg.kriging import Processes, fit_processes
from napari_stimg.principal_components import fit_components
from napari_stimg.readout import KrigedGenes
from napari_stimg.spatial_components import CELLS_AT_ONCE, variable_genes

N_COMPONENTS = 20
"""Principal components that are kriged."""

SINES_FITTED = 400
"""Sines (``kriging``) by which it is found how a component varies from place to place."""

SINES_KRIGED = 600
"""Sines by which it is kriged; a window with its surroundings is larger than one that processes are fitted to."""

MOST_CELLS = 50_000
"""Cells that components and loadings are found in, chosen at random where there are more."""

ALL, FIRST_HALF, SECOND_HALF = range(3)
"""Cells that a component may be found in."""


@dataclass(frozen=True, kw_only=True, eq=False)
class SpatialField:
    """Principal components of a section, and how each varies over places.

    Components fit the noise of the cells that they are found in, so a cell cannot judge a component that it had a part
    in. There are three kinds of them: those found in all cells, to krige with, and those found in either half of the
    cells (``first_half``), for the other half to practise with.

    Parameters
    ----------
    scores : (C, Q) float64
        Each visible cell's.
    places : (C, 2) float
        Where they lie, in pitches.
    processes : Processes
        The Q components'.
    loadings : (G, Q) float64
        Log expression of each gene for each unit of a component.
    found_in : (Q,) int
        ``ALL``, ``FIRST_HALF`` or ``SECOND_HALF``.
    """

    scores: NDArray[np.float64]
    places: NDArray[np.floating]
    processes: Processes
    loadings: NDArray[np.float64]
    found_in: NDArray[np.intp]

    @property
    def n_components(self) -> int:
        """How many were found in all cells."""
        return int(np.count_nonzero(self.found_in == ALL))

    @property
    def kriged_genes(self) -> KrigedGenes:
        """How genes follow from the components."""
        return KrigedGenes(
            loadings=self.loadings[:, self.found_in == ALL], practised=self.loadings[:, self.found_in != ALL]
        )

    def krige(self, shown: NDArray[np.intp], asked: NDArray[np.floating]) -> NDArray[np.float32]:
        """Return (N, ``n_components``) expected scores at (N, 2) places, from some of the visible cells alone."""
        return self._predict(self.found_in == ALL, shown, asked)

    def practise(self, shown: NDArray[np.intp], cells: NDArray[np.intp]) -> NDArray[np.float32]:
        """Return (N, P) expected scores of N visible cells, from others that are shown.

        Each cell is told of by the components that it had no part in; the others are 0 for it.
        """
        of_halves = self.found_in != ALL
        half_of_cell = np.where(first_half(cells), FIRST_HALF, SECOND_HALF)
        kriged = self._predict(of_halves, shown, self.places[cells])
        return np.where(self.found_in[of_halves] != half_of_cell[:, None], kriged, np.float32(0))

    def _predict(
        self, components: NDArray[np.bool_], shown: NDArray[np.intp], asked: NDArray[np.floating]
    ) -> NDArray[np.float32]:
        values = self.scores[np.ix_(shown, np.flatnonzero(components))]
        processes = self.processes.select(components)
        return processes.predict(values, self.places[shown], asked, most_sines=SINES_KRIGED).astype(np.float32)


def spatial_field(
    counts: sp.csr_matrix, places: NDArray[np.floating], windows: Sequence[NDArray[np.intp]], *, seed: int = 0
) -> SpatialField:
    """Return the spatial field of a section.

    Parameters
    ----------
    counts : (C, G) CSR
        Counts of its visible cells, at least two.
    places : (C, 2) float
        Where they lie, in pitches.
    windows : sequence of (N,) int
        The cells of some windows, by which the processes are fitted.
    seed : int
        Of chance.
    """
    genes = variable_genes(counts)
    cells = np.random.default_rng(seed).permutation(len(places))
    in_first = first_half(cells)
    parts = [part[:MOST_CELLS] for part in (cells, cells[in_first], cells[~in_first])]
    mean = genes.mean.astype(np.float32)
    scores = [
        fit_components(genes.expression[part], N_COMPONENTS, mean=mean, seed=seed).scores(genes.expression)
        for part in parts
    ]
    together = np.hstack(scores)
    return SpatialField(
        scores=together,
        places=places,
        processes=fit_processes([(together[window], places[window]) for window in windows], most_sines=SINES_FITTED),
        loadings=np.hstack([_loadings(counts, found, part) for found, part in zip(scores, parts, strict=True)]),
        found_in=np.repeat((ALL, FIRST_HALF, SECOND_HALF), [found.shape[1] for found in scores]),
    )


def _loadings(counts: sp.csr_matrix, scores: NDArray[np.float64], cells: NDArray[np.intp]) -> NDArray[np.float64]:
    """Return (G, Q) loadings: each gene's regression on the scores of some cells.

    Of genes that the components were found in it is their direction, in units of log expression. Noise in the scores
    makes that of other genes cautious.
    """
    deviations = scores[cells] - scores[cells].mean(axis=0)
    shared = np.zeros((counts.shape[1], scores.shape[1]))
    for start in range(0, len(cells), CELLS_AT_ONCE):
        part = slice(start, start + CELLS_AT_ONCE)
        shared += log_expression(counts[cells[part]]).T @ deviations[part]
    power = np.square(deviations).sum(axis=0)
    return np.asarray(np.divide(shared, power, out=np.zeros_like(shared), where=power > 0))
