"""What neighbouring cells of a section share: its spatial components.

Most of one cell's counts is noise that it has alone. Ordinary principal components are those of noise and signal
together; here the covariance is that between a cell and a mean of its neighbours, where noise has no part (Wartenberg
1985, Geographical Analysis 17:263). Its leading directions are where expression changes from place to place.
"""

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.linalg import eigh
from scipy.spatial import cKDTree

from napari_stimg.expression import expression_moments, log_expression, row_blocks
from napari_stimg.neighbours import weights_around
from napari_stimg.tokens import MIN_VARIANCE

N_GENES = 1000
"""Most variable genes of a section that take part."""

N_COMPONENTS = 30
"""Components looked for; fewer where fewer are shared."""

SIGMA = 0.75
"""Width, in pitches, of the Gaussian over the neighbours that a cell is held against: the first ring weighs most."""

MOST_CELLS = 10_000
"""Cells that the components are fitted to, chosen at random where there are more."""

CELLS_AT_ONCE = 2048
"""Cells made dense at a time, which bounds memory."""


@dataclass(frozen=True, kw_only=True, eq=False)
class VariableGenes:
    """The most variable genes of a section, each in units of its standard deviation.

    Parameters
    ----------
    columns : (N,) int
        Which, as columns of the counts, the most variable first.
    scale : (N,) float64
        Standard deviation of each one's log expression, at least that of ``MIN_VARIANCE``.
    expression : (C, N) CSR float32
        Log expression of every cell, over the scale.
    mean : (N,) float64
        Its mean over cells.
    """

    columns: NDArray[np.intp]
    scale: NDArray[np.float64]
    expression: sp.csr_matrix
    mean: NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, eq=False)
class SpatialComponents:
    """The spatial components of a section.

    Parameters
    ----------
    directions : (N, Q) float64
        In N variable genes; orthonormal, the most shared first; Q may be 0.
    scores : (C, Q) float64
        Each cell's expression along them, about the section's mean.
    """

    directions: NDArray[np.float64]
    scores: NDArray[np.float64]


def variable_genes(counts: sp.csr_matrix) -> VariableGenes:
    """Return the genes in which the components of (C, G) counts of cells are found."""
    moments = expression_moments(counts)
    columns = np.argsort(-moments.variance, kind="stable")[:N_GENES]
    scale = np.sqrt(np.maximum(moments.variance[columns], MIN_VARIANCE)).astype(np.float64)
    expression = sp.vstack([log_expression(counts[rows])[:, columns] for rows in row_blocks(counts)], format="csr")
    return VariableGenes(
        columns=columns,
        scale=scale,
        expression=expression @ sp.diags(1 / scale, dtype=np.float32),
        mean=moments.mean[columns] / scale,
    )


def spatial_components(
    genes: VariableGenes,
    positions: NDArray[np.floating],
    *,
    n_components: int = N_COMPONENTS,
    seed: int = 0,
) -> SpatialComponents:
    """Return the spatial components of a section.

    Parameters
    ----------
    genes : VariableGenes
        Expression of its C cells.
    positions : (C, 2) float
        Where they lie, in pitches.
    n_components : int
        How many at most.
    seed : int
        Of which cells they are fitted to, where there are more than ``MOST_CELLS``.
    """
    some = np.random.default_rng(seed).permutation(len(positions))[:MOST_CELLS]
    directions = _leading(_shared_covariance(genes, positions, some), n_components)
    return SpatialComponents(
        directions=directions, scores=np.asarray(genes.expression @ directions - genes.mean @ directions)
    )


def neighbour_average(tree: cKDTree, positions: NDArray[np.floating], cells: NDArray[np.intp]) -> sp.csr_matrix:
    """Return the (N, C) weights, of sum 1, of the neighbours of N cells; a cell without any has none.

    Parameters
    ----------
    tree : cKDTree
        Of the positions.
    positions : (C, 2) float
        Where all cells lie, in pitches.
    cells : (N,) int
        Which are asked for.
    """
    weights = weights_around(positions[cells], tree, sigma=SIGMA).tocoo()
    others = weights.col != cells[weights.row]
    links = weights.row[others], weights.col[others]
    total = np.bincount(links[0], weights=weights.data[others], minlength=len(cells))
    return sp.csr_matrix((weights.data[others] / total[links[0]], links), shape=weights.shape)


def _shared_covariance(
    genes: VariableGenes, positions: NDArray[np.floating], cells: NDArray[np.intp]
) -> NDArray[np.float32]:
    """Return the (N, N) covariance of N genes between some cells and their neighbours' means, made symmetric."""
    tree = cKDTree(positions)
    covariance = np.zeros((len(genes.mean),) * 2, dtype=np.float32)
    for start in range(0, len(cells), CELLS_AT_ONCE):
        part = cells[start : start + CELLS_AT_ONCE]
        averaging = neighbour_average(tree, positions, part)
        own = genes.expression[part].toarray() - genes.mean
        shared = (averaging @ genes.expression).toarray() - np.asarray(averaging.sum(axis=1)).reshape(
            -1, 1
        ) * genes.mean
        covariance += own.T.astype(np.float32) @ shared.astype(np.float32)
    return (covariance + covariance.T) / np.float32(2 * max(len(cells), 1))


def _leading(covariance: NDArray[np.float32], n_components: int) -> NDArray[np.float64]:
    """Return the (N, Q) eigenvectors of the largest eigenvalues, of those that are positive."""
    n_genes = len(covariance)
    values, vectors = eigh(covariance, subset_by_index=(max(0, n_genes - n_components), n_genes - 1))
    positive = values > max(1e-6, n_genes * float(np.finfo(np.float32).eps * np.abs(values).max(initial=0.0)))
    return vectors[:, positive][:, ::-1].astype(np.float64)
