"""How much each gene's expected expression varies over a section, free of counting noise.

Two random halves of a cell's molecules share its expression but not their noise, so their covariance over cells is the
variance of what they share (count thinning: Neufeld et al. 2024, Biostatistics 25:270). It is that at half depth, where
the logarithm of few counts varies less than at full depth: by as much as if a gene's rates followed a gamma
distribution with the mean and variance of its counts.

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

RATES = np.geomspace(1e-4, 1e3, 141)
"""Expected counts for which expected log expression is tabulated; between them it is interpolated."""

MOST_COUNTS = 1400
"""Counts that are summed over: 12 standard deviations above the highest rate."""

MOST_RATE = 30.0
"""Counts expected in a cell from which the ratio is taken to be 1, which it is within a few percent."""

N_QUANTILES = 32
"""Rates that stand for a gamma distribution."""


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
    to_full_depth = full_over_half(counts)
    in_halves, everywhere = _shared_by_molecules(counts, np.random.default_rng(seed))
    first, second, whole = np.clip(
        (np.vstack([in_halves, everywhere]) * to_full_depth)[:, varies] / measured[varies], -1, 1
    )
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


def full_over_half(counts: sp.csr_matrix) -> NDArray[np.float64]:
    """Return (G,) the variance of expected log expression at full depth over that at half depth.

    That of Poisson counts in cells of typical depth, whose rates follow a gamma distribution.
    """
    from scipy.stats import gamma

    depth = np.asarray(counts.sum(axis=1), dtype=np.float64).ravel()
    if not depth.any():
        return np.ones(counts.shape[1])
    typical = float(np.exp(np.log(depth[depth > 0]).mean()))
    mean, dispersion = _rates(counts, typical / np.maximum(depth, 1.0))
    rounded = np.stack([np.round(np.log(mean), 1), np.round(np.log(dispersion), 1)], axis=1)
    distinct, which = np.unique(rounded, axis=0, return_inverse=True)
    mean, dispersion = np.exp(distinct.T)[:, :, None]
    quantiles = (np.arange(N_QUANTILES) + 0.5) / N_QUANTILES
    rates = np.log(np.clip(mean * dispersion * gamma.ppf(quantiles, 1 / dispersion), RATES[0], RATES[-1]))
    full, half = (np.interp(rates, np.log(RATES), _expected(typical, part)).var(axis=1) for part in (1.0, 0.5))
    ratio = np.divide(full, half, out=np.ones_like(full), where=(half > 0) & (mean.ravel() < MOST_RATE))
    return np.asarray(ratio[which.ravel()])


def _rates(counts: sp.csr_matrix, weight: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return (G,) means of each gene's rate over cells of one depth, and its variances over their squares.

    Parameters
    ----------
    counts : (C, G) CSR
        Counts.
    weight : (C,) float
        By which they are brought to that depth.
    """
    sums = np.zeros((3, counts.shape[1]))
    for rows in row_blocks(counts):
        of_cell = sp.diags(weight[rows])
        scaled = of_cell @ counts[rows]
        parts = (scaled, scaled.multiply(scaled), of_cell @ scaled)
        sums += [np.asarray(part.sum(axis=0), dtype=np.float64).ravel() for part in parts]
    mean, square, poisson_variance = sums / counts.shape[0]
    mean = np.maximum(mean, RATES[0])
    return mean, np.clip((square - mean**2 - poisson_variance) / mean**2, 1e-3, 50.0)


def _expected(depth: float, part: float) -> NDArray[np.float64]:
    """Return (len(RATES),) expected log expression at these rates in a cell of which a part is measured."""
    from scipy.stats import poisson

    counts = np.arange(MOST_COUNTS)
    return np.asarray(poisson.pmf(counts, part * RATES[:, None]) @ np.log1p(TARGET_SUM / (part * depth) * counts))


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
