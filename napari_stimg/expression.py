"""Counts to normalised log expression, and what can be said of it without a dense matrix."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

TARGET_SUM = 1e4
"""Counts a spot is scaled to before the logarithm (counts per ten thousand, as scanpy and Seurat have it)."""

VALUES_AT_ONCE = 2**22
"""Stored values worked on at a time, which bounds memory: a large section holds a hundred million."""


def row_blocks(matrix: sp.csr_matrix) -> Iterator[slice]:
    """Yield slices that split the rows of (S, G) into blocks of about ``VALUES_AT_ONCE`` stored values, in order."""
    starts = np.unique(np.searchsorted(matrix.indptr[1:], np.arange(0, matrix.nnz + 1, VALUES_AT_ONCE), side="right"))
    starts = starts[starts < matrix.shape[0]]
    ends = [*starts[1:], matrix.shape[0]]
    yield from (slice(int(start), int(end)) for start, end in zip([0, *starts[1:]], ends, strict=True))


def all_integers(values: NDArray[np.floating]) -> bool:
    """Return whether all of (N,) values are whole numbers."""
    parts = (values[start : start + VALUES_AT_ONCE] for start in range(0, values.size, VALUES_AT_ONCE))
    return all(np.equal(part, np.rint(part)).all() for part in parts)


def log_expression(counts: sp.csr_matrix) -> sp.csr_matrix:
    """Return ``log1p(1e4 * counts / row sum)`` as (S, G) float32; a spot without counts stays all zero.

    Parameters
    ----------
    counts : (S, G) CSR, >= 0
        Counts, or any values proportional to them spot by spot.
    """
    library_size = np.asarray(counts.sum(axis=1), dtype=np.float64).ravel()
    scale = np.divide(TARGET_SUM, library_size, out=np.zeros_like(library_size), where=library_size > 0)
    logged = np.empty(counts.data.size, dtype=np.float32)
    for rows in row_blocks(counts):
        values = slice(counts.indptr[rows.start], counts.indptr[rows.stop])
        n_values = np.diff(counts.indptr[rows.start : rows.stop + 1])
        logged[values] = np.log1p(counts.data[values] * np.repeat(scale[rows], n_values))
    return sp.csr_matrix((logged, counts.indices, counts.indptr), shape=counts.shape)


def thin(counts: sp.csr_matrix, fraction: float, rng: np.random.Generator) -> sp.csr_matrix:
    """Return (S, G) counts of which each molecule was kept with probability ``fraction``.

    Binomial thinning: of a Poisson count, what is kept and what is left over are independent, so one part
    can be predicted from the other without sharing its noise.

    Parameters
    ----------
    counts : (S, G) CSR of integers
        Counts; stored entries may become zero, and are then dropped.
    fraction : float
        Share kept, in (0, 1).
    rng : numpy Generator
        Source of randomness.
    """
    kept = rng.binomial(counts.data.astype(np.int64), fraction).astype(np.float32)
    thinned = sp.csr_matrix((kept, counts.indices.copy(), counts.indptr.copy()), shape=counts.shape)
    thinned.eliminate_zeros()
    return thinned


@dataclass(frozen=True, kw_only=True, eq=False)
class GeneMoments:
    """Mean and variance of each gene's log expression over a section's spots.

    Parameters
    ----------
    mean, variance : (G,) float32
        Log expression, and its square.
    """

    mean: NDArray[np.float32]
    variance: NDArray[np.float32]


def gene_moments(expression: sp.csr_matrix) -> GeneMoments:
    """Return each gene's mean and (population) variance over all rows of (S, G) log expression."""
    return _moments((expression[rows] for rows in row_blocks(expression)), expression.shape)


def expression_moments(counts: sp.csr_matrix) -> GeneMoments:
    """Return `gene_moments` of the `log_expression` of (S, G) counts, which is not held in memory."""
    return _moments((log_expression(counts[rows]) for rows in row_blocks(counts)), counts.shape)


def _moments(blocks: Iterable[sp.csr_matrix], shape: tuple[int, int]) -> GeneMoments:
    """Return the moments of (S, G) log expression that comes in blocks of rows."""
    n_spots, n_genes = shape
    total, total_square = np.zeros(n_genes), np.zeros(n_genes)
    for block in blocks:
        values = block.data.astype(np.float64)  # float32 sums of many spots would be off
        total += np.bincount(block.indices, weights=values, minlength=n_genes)
        total_square += np.bincount(block.indices, weights=values**2, minlength=n_genes)
    mean = total / n_spots
    variance = np.maximum(total_square / n_spots - mean**2, 0.0)
    return GeneMoments(mean=mean.astype(np.float32), variance=variance.astype(np.float32))


def most_variable(counts: sp.csr_matrix, n_genes: int) -> NDArray[np.intp]:
    """Return the columns of the ``n_genes`` genes whose log expression varies most, in descending order.

    To choose genes for hidden spots, leave those out of ``counts``.

    Parameters
    ----------
    counts : (S, G) CSR, >= 0
        Counts of the spots that may be looked at.
    n_genes : int
        How many; all G if there are fewer.
    """
    return np.argsort(-expression_moments(counts).variance, kind="stable")[:n_genes]
