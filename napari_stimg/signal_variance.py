"""How much each gene's expected expression varies over a section, free of counting noise.

Two random halves of a cell's molecules share its expression but not their noise, so their covariance over cells is the
variance of what they share (count thinning: Neufeld et al. 2024, Biostatistics 25:270). It is that at half depth; the
logarithm is bent, so it is carried to full depth by how much steeper log expression rises with the rate there.

The estimate of one gene is rough: of genes that seem to vary little many do so by chance. So genes are drawn to the
mean of those with a similar variance, the more, the more two halves of the cells disagree about them (empirical Bayes:
Efron & Morris 1973, JASA 68:117).
"""

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from napari_stimg.expression import TARGET_SUM, GeneMoments, all_integers, log_expression, row_blocks, thin
from napari_stimg.halves import first_half

GENES_ALIKE = 300
"""Genes of similar variance that are drawn to their mean; all, where there are fewer."""

MOST_RATE = 30.0
"""Counts expected in a cell from which the logarithm is as steep at half depth."""

MOST_COUNTS = 80
"""Counts that are summed over: nine standard deviations above ``MOST_RATE``."""


def signal_variance(counts: sp.csr_matrix, moments: GeneMoments, *, seed: int) -> NDArray[np.float64]:
    """Return (G,) variances of expected log expression over cells, from 0 to that of the measured one.

    Parameters
    ----------
    counts : (C, G) CSR
        Counts of cells. Of values that are no counts nothing can be told; their whole variance is returned.
    moments : GeneMoments
        Of their log expression.
    seed : int
        Of the splits.
    """
    measured = moments.variance.astype(np.float64)
    varies = measured > 0
    if not varies.any() or not all_integers(counts.data):
        return measured
    steeper = np.square(full_over_half_slope(counts))
    in_halves, everywhere = _shared_by_molecules(counts, np.random.default_rng(seed))
    first, second, whole = np.clip((np.vstack([in_halves, everywhere]) * steeper)[:, varies] / measured[varies], -1, 1)
    signal = np.zeros_like(measured)
    signal[varies] = np.maximum(_drawn_together(whole, first - second, measured[varies]), 0) * measured[varies]
    return signal


def _shared_by_molecules(
    counts: sp.csr_matrix, rng: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the covariance of two halves of the molecules: (2, G) over either half of the cells, and (G,) over all."""
    sums, n_cells = np.zeros((2, 3, counts.shape[1])), np.zeros((2, 1, 1))
    for rows in row_blocks(counts):
        whole = counts[rows]
        half = thin(whole, 0.5, rng)
        first, second = log_expression(half), log_expression((whole - half).tocsr())
        parts = (first, second, first.multiply(second).tocsr())
        in_first = first_half(np.arange(rows.start, rows.stop))
        for which, mine in enumerate((in_first, ~in_first)):
            n_cells[which] += np.count_nonzero(mine)
            sums[which] += [np.asarray(part[mine].sum(axis=0, dtype=np.float64)).ravel() for part in parts]

    def covariance(means: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(means[..., 2, :] - means[..., 0, :] * means[..., 1, :])

    return covariance(sums / np.maximum(n_cells, 1)), covariance(sums.sum(axis=0) / max(counts.shape[0], 1))


def full_over_half_slope(counts: sp.csr_matrix) -> NDArray[np.float64]:
    """Return (G,) how much steeper log expression rises with a gene's rate at full depth than at half.

    That of Poisson counts, in a cell of typical depth that has the section's mean share of each gene.
    """
    from scipy.stats import poisson

    depth = np.asarray(counts.sum(axis=1), dtype=np.float64).ravel()
    if not depth.any():
        return np.ones(counts.shape[1])
    typical = float(np.exp(np.log(depth[depth > 0]).mean()))
    rate = typical * np.asarray(counts.sum(axis=0), dtype=np.float64).ravel() / depth.sum()
    few = rate < MOST_RATE
    distinct, which = np.unique(np.round(np.log(np.maximum(rate[few], 1e-6)), 2), return_inverse=True)

    def slope(part: float) -> NDArray[np.float64]:
        steps = np.diff(np.log1p(TARGET_SUM / (part * typical) * np.arange(MOST_COUNTS + 1)))
        chance = poisson.pmf(np.arange(MOST_COUNTS), part * np.exp(distinct)[:, None])
        return np.asarray(part * (chance @ steps))

    ratio = np.ones(len(rate))
    ratio[few] = (slope(1.0) / slope(0.5))[which]
    return ratio


def _drawn_together(
    values: NDArray[np.float64], disagreement: NDArray[np.float64], order: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return (G,) values drawn to the mean of those that are alike in order, by how unsure they are.

    Parameters
    ----------
    values : (G,) float
        Estimates.
    disagreement : (G,) float
        Difference of the same estimates from two halves of the data.
    order : (G,) float
        Genes of similar order are alike.
    """
    drawn = values.copy()
    for alike in np.array_split(np.argsort(order, kind="stable"), max(1, len(values) // GENES_ALIKE)):
        mean, spread = values[alike].mean(), values[alike].var()
        chance = np.square(disagreement[alike]).mean() / 4
        trust = max(0.0, 1 - chance / spread) if spread > 0 else 0.0
        drawn[alike] = mean + trust * (values[alike] - mean)
    return drawn
