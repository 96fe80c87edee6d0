"""Gene loadings of a corpus: the factors of expression that neighbouring cells share.

A component of ordinary PCA may be noise that one cell has alone. Here loadings are fitted so that a cell's
*neighbours* predict its expression (power iteration on the neighbour cross-covariance, with regression on the sections
that measured a gene), so what is kept is what is spatial. It is where ``MaskedAutoencoder`` starts.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from napari_stimg.neighbours import gaussian_weights
from napari_stimg.tokens import TokenTable
from trainer.bounds import Bounds

Loadings = NDArray[np.float64]

TINY = 1e-9
"""Added to what is inverted: sections without neighbours or shared genes tell nothing, and nothing is learned there."""

SHRINKAGE = 0.1
"""Ridge of the map from regressed to known loadings, in units of the mean variance over directions."""


@dataclass(frozen=True, kw_only=True)
class LoadingsParameters:
    """How the loadings are fitted.

    Parameters
    ----------
    n_iterations : int
        Rounds of power iteration.
    sigma : float
        Width of the Gaussian over neighbours, in pitches.
    ridge : float
        Pull of a gene's loadings to zero, in cells.
    max_cells : int
        Cells of the corpus that take part, about; of larger ones a random part does.
    """

    n_iterations: Annotated[int, Bounds(1)] = 8
    sigma: Annotated[float, Bounds(0, open_least=True)] = 1.5
    ridge: Annotated[float, Bounds(0)] = 30.0
    max_cells: Annotated[int, Bounds(1)] = 200_000


def fit_loadings(
    tables: Sequence[TokenTable],
    n_genes: int,
    *,
    width: int,
    params: LoadingsParameters = LoadingsParameters(),
    seed: int = 0,
) -> NDArray[np.float32]:
    """Return (V, D) loadings, scaled so that factors have unit variance over the corpus, strongest first.

    Parameters
    ----------
    tables : sequence of TokenTable
        The training sections. Each counts with the square root of its number of cells.
    n_genes : int
        V, genes of the vocabulary.
    width : int
        D, number of factors.
    params : LoadingsParameters
        How they are fitted.
    seed : int
        Of the random start.
    """
    rng = np.random.default_rng(seed)
    loadings = rng.standard_normal((n_genes, width)) * 0.1
    neighbours = [neighbour_average(table.positions, params.sigma) for table in tables]
    patterns = _genes_by_sections(tables, n_genes)
    for _ in range(params.n_iterations):
        regressed, signal = _regress(loadings, tables, neighbours, patterns, params.ridge)
        loadings = _standardise(regressed, signal, _mean_precision(tables, n_genes))
    return loadings.astype(np.float32)


def extend_loadings(
    loadings: NDArray[np.floating],
    tables: Sequence[TokenTable],
    n_genes: int,
    *,
    params: LoadingsParameters = LoadingsParameters(),
) -> NDArray[np.float32]:
    """Return (V, D) loadings of which the first rows are those given, the others what they tell of the new genes.

    New genes are regressed on the neighbours' factors, as in fitting. So are the known ones, whose loadings are known:
    how these follow from their regression (linearly, by ridge regression over genes) is how the new ones' follow.

    Parameters
    ----------
    loadings : (K, D) float
        Of the K genes that a model knows.
    tables : sequence of TokenTable
        Sections that measured known and new genes.
    n_genes : int
        V >= K, genes of the vocabulary; the new ones come last.
    params : LoadingsParameters
        Of the regression.
    """
    extended = np.zeros((n_genes, loadings.shape[1]))
    extended[: len(loadings)] = loadings
    neighbours = [neighbour_average(table.positions, params.sigma) for table in tables]
    regressed, _ = _regress(extended, tables, neighbours, _genes_by_sections(tables, n_genes), params.ridge)
    measured = np.unique(np.concatenate([table.ids for table in tables]))
    known = measured[measured < len(loadings)]
    gram = regressed[known].T @ regressed[known]
    shrink = (SHRINKAGE * np.trace(gram) / len(gram) + TINY) * np.eye(len(gram))
    calibration = np.linalg.solve(gram + shrink, regressed[known].T @ extended[known])
    extended[len(loadings) :] = regressed[len(loadings) :] @ calibration
    return extended.astype(np.float32)


def neighbour_average(positions: NDArray[np.float32], sigma: float) -> sp.csr_matrix:
    """Return the (K, K) matrix that averages each cell's neighbours, itself left out, with Gaussian weights."""
    matrix = gaussian_weights(positions, sigma=sigma)
    total = np.asarray(matrix.sum(axis=1)).ravel()
    scale = np.divide(1.0, total, out=np.zeros_like(total), where=total > 0)
    return sp.csr_matrix(sp.diags(scale) @ matrix)


def _genes_by_sections(tables: Sequence[TokenTable], n_genes: int) -> list[tuple[NDArray[np.intp], NDArray[np.bool_]]]:
    """Return groups of genes measured on the same sections, with the (sections,) mask of those sections."""
    measured = np.zeros((n_genes, len(tables)), dtype=bool)
    for section, table in enumerate(tables):
        measured[table.ids, section] = True
    patterns, group = np.unique(measured, axis=0, return_inverse=True)
    return [(np.flatnonzero(group.ravel() == i), pattern) for i, pattern in enumerate(patterns) if pattern.any()]


def _regress(
    loadings: Loadings,
    tables: Sequence[TokenTable],
    neighbours: Sequence[sp.csr_matrix],
    patterns: list[tuple[NDArray[np.intp], NDArray[np.bool_]]],
    ridge: float,
) -> tuple[Loadings, Loadings]:
    """Return (V, D) loadings from the factors of each cell's neighbours, and (D, D) what cells share with these."""
    width = loadings.shape[1]
    grams = np.zeros((len(tables), width, width))
    cross = np.zeros(loadings.shape)
    signal = np.zeros((width, width))
    total_weight = 0.0
    for section, (table, average) in enumerate(zip(tables, neighbours, strict=True)):
        weight = len(table.positions) ** -0.5
        factors = factors_of(table, loadings)
        around = average @ factors
        around -= around.mean(axis=0)
        grams[section] = weight * around.T @ around
        cross[table.ids] += weight * (table.expression.T @ around)  # around is centred, so the means drop out
        signal += weight * (factors.T @ around)
        total_weight += weight * len(table.positions)
    regressed = np.zeros_like(loadings)
    shrink = (ridge * np.trace(grams.sum(axis=0)) / total_weight / width + TINY) * np.eye(width)
    for genes, sections in patterns:
        regressed[genes] = np.linalg.solve(grams[sections].sum(axis=0) + shrink, cross[genes].T).T
    return regressed, (signal + signal.T) / (2 * total_weight)


def factors_of(table: TokenTable, loadings: Loadings) -> NDArray[np.float64]:
    """Return (K, D) posterior means of the factors of each cell (see ``MaskedAutoencoder.tokens``)."""
    own = loadings[table.ids]
    weighted = own * table.precision[:, None].astype(np.float64)
    centred = table.expression @ weighted - table.mean.astype(np.float64) @ weighted
    return np.asarray(np.linalg.solve(np.eye(own.shape[1]) + own.T @ weighted, centred.T).T, dtype=np.float64)


def _mean_precision(tables: Sequence[TokenTable], n_genes: int) -> NDArray[np.float64]:
    """Return (V,) the mean precision of each gene over the sections that measured it."""
    total, count = np.zeros(n_genes), np.zeros(n_genes)
    for table in tables:
        total[table.ids] += table.precision
        count[table.ids] += 1
    return total / np.maximum(count, 1)


def _standardise(loadings: Loadings, signal: Loadings, precision: NDArray[np.float64]) -> Loadings:
    """Return loadings of the same space for factors of unit signal variance, in order of information."""
    variances, directions = np.linalg.eigh(signal)
    scaled = loadings @ (directions * np.sqrt(np.maximum(variances, 1e-4)))
    _, rotation = np.linalg.eigh(scaled.T @ (scaled * precision[:, None]))
    standardised: Loadings = scaled @ rotation[:, ::-1]
    return standardised
