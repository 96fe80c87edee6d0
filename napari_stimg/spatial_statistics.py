"""How far neighbouring spots are alike, gene by gene: which genes have a pattern in space."""

from collections.abc import Generator

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from napari_stimg.expression import log_expression, row_blocks
from napari_stimg.lattice import Lattice, LatticeKind
from napari_stimg.progress import Progress

REACH = 1.2
"""Pitches to which neighbours reach on regular lattices: nearest ones are 1 apart, the next at least sqrt(2)."""

IRREGULAR_NEIGHBOURS = 6
"""Neighbours of an irregular spot, as many as a hexagonal lattice has; pairs are such either way."""

ROUNDING = 1e-12
"""Variance over mean square up to which a gene is constant: what is left of it is rounding in double precision."""


def neighbour_pairs(lattice: Lattice) -> NDArray[np.intp]:
    """Return the (P, 2) pairs of neighbouring spots, each once, the lower spot first.

    On regular lattices those one pitch apart (6 around a spot on hexagonal, 4 on square and checkerboard lattices); on
    irregular sections those of which one is among the other's nearest six.
    """
    tree = cKDTree(lattice.positions)
    if lattice.kind is not LatticeKind.IRREGULAR:
        return np.asarray(tree.query_pairs(REACH, output_type="ndarray"), dtype=np.intp)
    n_near = min(IRREGULAR_NEIGHBOURS + 1, lattice.n_spots)
    near = tree.query(lattice.positions, k=range(1, n_near + 1))[1]
    pairs = np.stack([np.repeat(np.arange(lattice.n_spots), n_near), near.ravel()], axis=1)
    return np.unique(np.sort(pairs[pairs[:, 0] != pairs[:, 1]], axis=1), axis=0).astype(np.intp)


def morans_i(values: sp.csr_matrix, pairs: NDArray[np.integer]) -> Generator[Progress, None, NDArray[np.float64]]:
    """Return Moran's I of each column, (G,): near 1 if neighbours are alike, near 0 by chance, < 0 if they differ.

    ``I = S / W * sum_ij w_ij (x_i - m) (x_j - m) / sum_i (x_i - m)^2`` with mean m, w_ij = 1 between neighbours and 0
    elsewhere, and W their sum (Moran 1950, Biometrika 37:17; in this form Cliff and Ord 1981, Spatial Processes). NaN
    of a column that is constant, and of all where there are no neighbours.

    Parameters
    ----------
    values : (S, G) CSR
        What is compared, for instance log expression.
    pairs : (P, 2) int
        Neighbouring spots, each pair once.
    """
    n_spots, n_genes = values.shape
    shape = (n_spots, n_spots)
    to_later = sp.csr_matrix((np.ones(len(pairs), dtype=values.dtype), tuple(pairs.T)), shape=shape)
    degree = np.bincount(pairs.ravel(), minlength=n_spots).astype(np.float64)
    total, square, by_degree, product = np.zeros((4, n_genes))
    for rows in row_blocks(values):
        yield Progress(done=rows.start, total=n_spots, message="Comparing neighbouring spots")
        block = values[rows]
        data = block.data.astype(np.float64)  # single-precision sums of many spots would be off
        degree_of_value = np.repeat(degree[rows], np.diff(block.indptr))
        total += np.bincount(block.indices, weights=data, minlength=n_genes)
        square += np.bincount(block.indices, weights=data**2, minlength=n_genes)
        by_degree += np.bincount(block.indices, weights=data * degree_of_value, minlength=n_genes)
        together = block.multiply(to_later[rows] @ values).tocsr()
        product += np.bincount(together.indices, weights=together.data, minlength=n_genes)
    mean = total / n_spots
    spread = square - n_spots * mean**2
    covariance = product - mean * by_degree + mean**2 * len(pairs)
    varies = spread > ROUNDING * square
    found = np.full(n_genes, np.nan)
    found[varies] = n_spots / len(pairs) * covariance[varies] / spread[varies] if len(pairs) else np.nan
    return found


def spatial_patterns(counts: sp.csr_matrix, lattice: Lattice) -> Generator[Progress, None, NDArray[np.float64]]:
    """Return Moran's I of each gene's log expression over the lattice's neighbouring spots, (G,); see `morans_i`.

    Parameters
    ----------
    counts : (S, G) CSR, >= 0
        Counts, or any values proportional to them spot by spot.
    lattice : Lattice
        Where the spots lie.
    """
    yield Progress(done=0, total=0, message="Finding neighbouring spots")
    return (yield from morans_i(log_expression(counts), neighbour_pairs(lattice)))
