"""Counts to normalised log expression, and what can be said of it without a dense matrix."""

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

TARGET_SUM = 1e4
"""Counts a spot is scaled to before the logarithm (counts per ten thousand, as scanpy and Seurat have it)."""


def log_expression(counts: sp.csr_matrix) -> sp.csr_matrix:
    """Return ``log1p(1e4 * counts / row sum)`` as (S, G) float32; a spot without counts stays all zero.

    Parameters
    ----------
    counts : (S, G) CSR, >= 0
        Counts, or any values proportional to them spot by spot.
    """
    library_size = np.asarray(counts.sum(axis=1), dtype=np.float64).ravel()
    scale = np.divide(TARGET_SUM, library_size, out=np.zeros_like(library_size), where=library_size > 0)
    scaled = counts.data * np.repeat(scale, np.diff(counts.indptr))
    return sp.csr_matrix((np.log1p(scaled).astype(np.float32), counts.indices, counts.indptr), shape=counts.shape)


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
    n_spots, n_genes = expression.shape
    values = expression.data.astype(np.float64)  # float32 sums of many spots would be off
    mean = np.bincount(expression.indices, weights=values, minlength=n_genes) / n_spots
    mean_square = np.bincount(expression.indices, weights=values**2, minlength=n_genes) / n_spots
    variance = np.maximum(mean_square - mean**2, 0.0)
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
    return np.argsort(-gene_moments(log_expression(counts)).variance, kind="stable")[:n_genes]
