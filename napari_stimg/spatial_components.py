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
"""Components kept; fewer where fewer are shared."""

SIGMA = 0.75
"""Width, in pitches, of the Gaussian over the neighbours that a cell is held against: the first ring weighs most."""

MOST_CELLS = 10_000
"""Cells that the components are fitted to, chosen at random where there are more."""

CELLS_AT_ONCE = 2048
"""Cells made dense at a time, which bounds memory."""


@dataclass(frozen=True, kw_only=True, eq=False)
class SpatialComponents:
    """The spatial components of a section.

    Parameters
    ----------
    columns : (N,) int
        The genes that take part, the most variable first.
    scale : (N,) float64
        What each counts in units of: its standard deviation of log expression, at least that of ``MIN_VARIANCE``.
    directions : (N, Q) float64
        Orthonormal, the most shared first; Q may be 0.
    scores : (C, Q) float64
        Each cell's expression along them, about the section's mean.
    """

    columns: NDArray[np.intp]
    scale: NDArray[np.float64]
    directions: NDArray[np.float64]
    scores: NDArray[np.float64]


def spatial_components(
    counts: sp.csr_matrix, positions: NDArray[np.floating], *, above_shuffled: bool = False, seed: int = 0
) -> SpatialComponents:
    """Return the spatial components of a section.

    Parameters
    ----------
    counts : (C, G) CSR
        Counts of its cells.
    positions : (C, 2) float
        Where they lie, in pitches.
    above_shuffled : bool
        Whether only those are wanted that share more than the first one of the same cells shuffled over the places
        once. Where expression has no pattern at all, one is still kept about every other time.
    seed : int
        Of chance, and of which cells they are fitted to, where there are more than ``MOST_CELLS``.
    """
    moments = expression_moments(counts)
    columns = np.argsort(-moments.variance, kind="stable")[:N_GENES]
    scale = np.sqrt(np.maximum(moments.variance[columns], MIN_VARIANCE)).astype(np.float64)
    expression = sp.vstack([log_expression(counts[rows])[:, columns] for rows in row_blocks(counts)], format="csr")
    expression = expression @ sp.diags(1 / scale, dtype=np.float32)
    mean = moments.mean[columns] / scale
    rng = np.random.default_rng(seed)
    some = rng.permutation(counts.shape[0])[:MOST_CELLS]
    shares, directions = _leading(_shared_covariance(expression, mean, positions, some))
    if above_shuffled:
        elsewhere = positions[rng.permutation(len(positions))]
        by_chance, _ = _leading(_shared_covariance(expression, mean, elsewhere, some), n_components=1)
        directions = directions[:, shares > by_chance.max(initial=0.0)]
    return SpatialComponents(
        columns=columns,
        scale=scale,
        directions=directions,
        scores=np.asarray(expression @ directions - mean @ directions),
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
    expression: sp.csr_matrix, mean: NDArray[np.floating], positions: NDArray[np.floating], cells: NDArray[np.intp]
) -> NDArray[np.float32]:
    """Return the (N, N) covariance of N genes between some cells and their neighbours' means, made symmetric."""
    tree = cKDTree(positions)
    covariance = np.zeros((expression.shape[1],) * 2, dtype=np.float32)
    for start in range(0, len(cells), CELLS_AT_ONCE):
        part = cells[start : start + CELLS_AT_ONCE]
        averaging = neighbour_average(tree, positions, part)
        own = expression[part].toarray() - mean
        shared = (averaging @ expression).toarray() - np.asarray(averaging.sum(axis=1)).reshape(-1, 1) * mean
        covariance += own.T.astype(np.float32) @ shared.astype(np.float32)
    return (covariance + covariance.T) / np.float32(2 * len(cells))


def _leading(
    covariance: NDArray[np.float32], n_components: int = N_COMPONENTS
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the (Q,) largest eigenvalues, of those that are positive, and their (N, Q) eigenvectors."""
    n_genes = len(covariance)
    values, vectors = eigh(covariance, subset_by_index=(max(0, n_genes - n_components), n_genes - 1))
    positive = values > max(1e-6, n_genes * float(np.finfo(np.float32).eps * np.abs(values).max(initial=0.0)))
    return values[positive][::-1].astype(np.float64), vectors[:, positive][:, ::-1].astype(np.float64)
