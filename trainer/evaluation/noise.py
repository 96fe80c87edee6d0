"""How much of a measurement is counting noise, which no method can predict: estimated by count thinning.

A spot's molecules are split at random into two halves. If counts are Poisson, the halves are independent given the
spot's expected expression, so half the squared difference of their log expressions is, on average, the variance of
noise at half the depth (Neufeld et al. 2024, Biostatistics 25:270, proposition 1). For every spot and gene it is
carried to full depth by a ratio: that of the variance of ``log1p(1e4 x / depth)`` of Poisson counts x at the spot's
depth to the variance at half of it, at a plug-in rate, the gene's share of all counts around the spot. The ratio
changes little with the rate, so a rough rate will do; but it does change, with a spot's depth too, and one ratio a gene
would be wrong by more than good methods differ.

Where counts scatter more than Poisson ones, the surplus is shared by both halves and counts as signal; so does what a
spot's depth does to its expected logarithm, which none can know of a hidden spot. The floor is then lower than what can
be reached, and an explainable share is understated.
"""

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.stats import poisson

from napari_stimg.expression import TARGET_SUM, log_expression, thin
from napari_stimg.lattice import Lattice
from napari_stimg.neighbours import gaussian_weights
from napari_stimg.slide import Slide

N_SPLITS = 4
"""Random splits that are averaged."""

PLUG_IN_SIGMA = 2.0
"""Width, in pitches, of the surroundings from which a spot's rates are taken."""

RATES = np.geomspace(1e-3, 1e3, 61)
"""Expected counts at which the ratio is computed; between them it is interpolated, and beyond them constant."""

MOST_COUNTS = 1400
"""Counts up to here are summed over: 12 standard deviations above the highest rate."""

SPOTS_AT_ONCE = 4096
"""Spots whose moments are computed at once, which bounds memory."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Noise:
    """Variance of counting noise in log expression.

    Parameters
    ----------
    spots : (R,) int
        Spots it was estimated for, ascending.
    variance : (R, K) float32
        One estimate a spot and gene, each very rough: means over many are what it is for.
    """

    spots: NDArray[np.intp]
    variance: NDArray[np.float32]

    def of(self, spots: NDArray[np.intp]) -> NDArray[np.float32]:
        """Return the (N, K) estimates of some of its spots, which may repeat."""
        return self.variance[np.searchsorted(self.spots, spots)]


def estimate_noise(
    slide: Slide, lattice: Lattice, *, spots: NDArray[np.intp], columns: NDArray[np.intp], seed: int = 0
) -> Noise | None:
    """Return the noise of some spots, or None if the slide holds no counts that could be split.

    Parameters
    ----------
    slide : Slide
        The section.
    lattice : Lattice
        Its lattice.
    spots : (R,) int
        Spots, ascending.
    columns : (K,) int
        Genes.
    seed : int
        Of the splits.
    """
    if slide.logged:
        return None
    rng = np.random.default_rng([seed, 1])
    counts = slide.counts[spots]
    variance = np.zeros((len(spots), len(columns)), dtype=np.float32)
    for _ in range(N_SPLITS):
        first = thin(counts, 0.5, rng)
        second = sp.csr_matrix(counts - first)
        difference = log_expression(first)[:, columns] - log_expression(second)[:, columns]
        variance += 0.5 * np.square(difference.toarray()) / N_SPLITS
    return Noise(spots=spots, variance=variance * _full_over_half(slide, lattice, spots, columns))


def poisson_variance(depth: NDArray[np.float64], *, part: float) -> NDArray[np.float64]:
    """Return the (S, len(RATES)) variance of log expression of Poisson counts of these rates, times ``part``.

    Parameters
    ----------
    depth : (S,) float
        Counts of each spot, > 0; of a part of them as many are expected.
    part : float
        Share of all counts that is measured, in (0, 1].
    """
    counts = np.arange(MOST_COUNTS)
    chance = np.asarray(poisson.pmf(counts, part * RATES[:, None])).T
    values = np.log1p(TARGET_SUM / (part * depth)[:, None] * counts)
    return np.asarray(np.square(values) @ chance - np.square(values @ chance))


def _full_over_half(
    slide: Slide, lattice: Lattice, spots: NDArray[np.intp], columns: NDArray[np.intp]
) -> NDArray[np.float32]:
    """Return the (R, K) variance of noise at full depth over that at half depth, of Poisson counts at plug-in rates."""
    depth = np.asarray(slide.counts.sum(axis=1), dtype=np.float64).ravel()
    weights = gaussian_weights(lattice.positions, sigma=PLUG_IN_SIGMA) + sp.identity(slide.n_spots, format="csr")
    around = sp.csr_matrix(weights)[spots]
    ratio = np.empty((len(spots), len(columns)), dtype=np.float32)
    for start in range(0, len(spots), SPOTS_AT_ONCE):
        part = slice(start, start + SPOTS_AT_ONCE)
        of_part = np.maximum(depth[spots[part]], 1.0)
        total = np.maximum(around[part] @ depth, 1.0)
        rate = (around[part] @ slide.counts[:, columns]).toarray() * (of_part / total)[:, None]
        log_rate = np.log(np.maximum(rate, RATES[0]))
        full, half = poisson_variance(of_part, part=1.0), poisson_variance(of_part, part=0.5)
        for row in range(len(of_part)):
            ratio[start + row] = np.interp(log_rate[row], np.log(RATES), full[row] / half[row])
    return ratio
