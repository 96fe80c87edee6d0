"""From the model's states to genes, on this very section.

The corpus says how a gene follows from a state (``gene_out``), the section itself may say it better, and for genes
that the corpus never saw only it can. So visible cells are hidden in turn (rehearsals), and each gene's weights are
fitted from the model's states there to what those cells express, by ridge regression around the corpus' weights.
What is left over tells how uncertain a reconstruction is.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from napari_stimg.expression import GeneMoments, all_integers, expression_moments, log_expression, row_blocks, thin
from napari_stimg.tokens import MIN_VARIANCE

RIDGES = (300.0, 1000.0, 3000.0, 10000.0, 30000.0)
"""Trusts in the corpus' weights that are tried: as many cells of the section weigh as much."""

GUIDE_GENES = 1000
"""Most variable genes by which one of them is chosen, whatever genes are asked for."""

MIN_ERROR_SHARE = 0.05
"""Least share of a gene's explainable variance that a reconstruction is taken to miss."""

KRIGED_SHARE = 0.5
"""Weight of kriging in an expectation, the rest is the model's. Rehearsals cannot choose it: the components were fitted
to the cells that are practised, too, which flatters kriging."""

GENES_AT_ONCE = 2048
"""Genes fitted at once, which bounds memory."""


Values = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, eq=False)
class Rehearsal:
    """Visible cells that were hidden for practice.

    Parameters
    ----------
    cells : (N,) int
        Which of the visible cells.
    states : (N, D) float32
        What the model said of them while they were hidden.
    distance : (N,) float32
        Pitches to the nearest cell that stayed visible.
    kriged : (N, Q) float32
        What kriging said of the section's spatial components there (``SpatialField``); Q may be 0.
    """

    cells: NDArray[np.intp]
    states: NDArray[np.float32]
    distance: NDArray[np.float32]
    kriged: NDArray[np.float32]


@dataclass(frozen=True, kw_only=True, eq=False)
class Readout:
    """A section's own map from states to K genes.

    Parameters
    ----------
    mean : (K,) float32
        Mean log expression of the visible cells.
    weights : (K, D + Q) float32
        Log expression for each unit of a state, and of a kriged component.
    error_variance : (K,) float32
        Mean squared error of the expectation (not of the noisy measurement) in rehearsals, and at least that of the
        gene's mean over the visible cells; > 0. NaN where it was not asked for.
    growth : float
        Exponent with which that error grows with the distance to visible cells, >= 0.
    typical_distance : float
        Pitches at which the error is ``error_variance``.
    """

    mean: NDArray[np.float32]
    weights: NDArray[np.float32]
    error_variance: NDArray[np.float32]
    growth: float
    typical_distance: float

    def predict(
        self, states: NDArray[np.float32], distance: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return (N, K) expected log expression and its standard deviation at hidden spots.

        Parameters
        ----------
        states : (N, D + Q) float32
            The model's states there, and the kriged components.
        distance : (N,) float32
            Pitches from each to the nearest visible cell.
        """
        expected = self.mean + states @ self.weights.T
        grown = (np.maximum(distance, 1.0) / self.typical_distance) ** self.growth
        sd = np.sqrt(np.outer(np.minimum(grown, 2.0), self.error_variance))
        return np.maximum(expected, 0.0).astype(np.float32), sd.astype(np.float32)


def fit_readout(
    counts: sp.csr_matrix,
    columns: NDArray[np.intp],
    rehearsals: Sequence[Rehearsal],
    prior: NDArray[np.float32],
    *,
    loadings: NDArray[np.floating] | None = None,
    seed: int = 0,
    uncertainty: bool = True,
) -> Readout:
    """Return the read-out of a section's genes.

    Parameters
    ----------
    counts : (C, G) CSR
        Counts of the visible cells.
    columns : (K,) int
        Genes asked for.
    rehearsals : sequence of Rehearsal
        Visible cells hidden for practice, at least one.
    prior : (G, D) float32
        The corpus' weights, zero for genes it does not know.
    loadings : (G, Q) float, optional
        Log expression for each unit of a kriged component; the expectation is then the mean of the model's and
        kriging's, but that of a gene whose loadings are zero is the model's.
    seed : int
        Of the thinning by which noise is told from signal.
    uncertainty : bool
        Whether errors are wanted, too.
    """
    cells = np.concatenate([rehearsal.cells for rehearsal in rehearsals])
    states = np.concatenate([rehearsal.states for rehearsal in rehearsals]).astype(np.float64)
    distance = np.concatenate([rehearsal.distance for rehearsal in rehearsals])
    kriged = np.concatenate([rehearsal.kriged for rehearsal in rehearsals])
    loadings = np.zeros((counts.shape[1], kriged.shape[1])) if loadings is None else loadings
    share = np.where(loadings.any(axis=1), KRIGED_SHARE, 0.0)
    halves = cells % 2 == 0  # by cell: one that was practised twice must not be judged by weights fitted to its noise
    moments = expression_moments(counts)
    variance = np.maximum(moments.variance, MIN_VARIANCE)
    practised = log_expression(counts[cells])

    def deviations(genes: NDArray[np.intp]) -> NDArray[np.float64]:
        return practised[:, genes].toarray().astype(np.float64) - moments.mean[genes]

    guides = np.argsort(-variance, kind="stable")[:GUIDE_GENES]
    scale = np.sqrt(variance[guides])
    scaled, scaled_prior = deviations(guides) / scale, prior[guides] / scale[:, None]

    def cross_predict(measured: Values, part_prior: NDArray[np.floating], ridge: float) -> Values:
        return _cross_predict(states, measured, part_prior, halves, ridge)

    def with_kriged(predicted: Values, genes: NDArray[np.intp]) -> Values:
        return np.asarray((1 - share[genes]) * predicted + share[genes] * (kriged @ loadings[genes].T))

    def weights_of(measured: Values, genes: NDArray[np.intp]) -> Values:
        of_states = _ridge(states, measured, prior[genes], ridge)
        return np.hstack([(1 - share[genes, None]) * of_states, share[genes, None] * loadings[genes]])

    ridge = min(RIDGES, key=lambda ridge: float(np.square(scaled - cross_predict(scaled, scaled_prior, ridge)).sum()))
    if not uncertainty:
        return Readout(
            mean=moments.mean[columns],
            weights=weights_of(deviations(columns), columns).astype(np.float32),
            error_variance=np.full(len(columns), np.nan, dtype=np.float32),
            growth=0.0,
            typical_distance=1.0,
        )
    signal = _signal_variance(counts, moments, np.random.default_rng(seed))
    noise = np.maximum(scaled.var(axis=0) - signal[guides] / variance[guides], 0) * variance[guides]
    missed = scale * scaled - with_kriged(scale * cross_predict(scaled, scaled_prior, ridge), guides)
    growth, typical_distance = _growth((missed**2 - noise).sum(axis=1), distance)
    weights = np.empty((len(columns), states.shape[1] + kriged.shape[1]))
    error = np.empty(len(columns))
    for start in range(0, len(columns), GENES_AT_ONCE):
        part = slice(start, start + GENES_AT_ONCE)
        measured = deviations(columns[part])
        weights[part] = weights_of(measured, columns[part])
        predicted = with_kriged(cross_predict(measured, prior[columns[part]], ridge), columns[part])
        error[part] = (predicted**2).mean(axis=0) - 2 * (measured * predicted).mean(axis=0)
    least = MIN_ERROR_SHARE * signal + variance / counts.shape[0]
    return Readout(
        mean=moments.mean[columns],
        weights=weights.astype(np.float32),
        error_variance=np.maximum(error + signal[columns], least[columns]).astype(np.float32),
        growth=growth,
        typical_distance=typical_distance,
    )


def gene_frame(
    counts: sp.csr_matrix,
    columns: NDArray[np.intp],
    rehearsals: Sequence[Rehearsal],
    prior: NDArray[np.float32],
    *,
    scale: NDArray[np.floating],
) -> NDArray[np.float64]:
    """Return (K, D) directions in the expression of K genes that the model's states are told apart by.

    Of all orthonormal directions that span the read-out they are the nearest to it (its polar factor), so they do not
    turn against the corpus': the same tissue has nearly the same coordinates on other sections. Where the read-out
    says nothing of a state, its direction is zero.

    Parameters
    ----------
    counts, columns, rehearsals, prior
        As in ``fit_readout``.
    scale : (K,) float, > 0
        What each gene's log expression counts in units of.
    """
    weights = fit_readout(counts, columns, rehearsals, prior, uncertainty=False).weights / scale[:, None]
    sizes, turned = np.linalg.eigh((weights.T @ weights).astype(np.float64))
    told = sizes > 1e-6 * sizes[-1]
    return np.asarray(weights @ (turned[:, told] / np.sqrt(sizes[told])) @ turned[:, told].T)


def _ridge(
    states: NDArray[np.float64], measured: NDArray[np.float64], prior: NDArray[np.floating], ridge: float
) -> NDArray[np.float64]:
    """Return (K, D) weights from (N, D) states to (N, K) deviations, drawn to the prior as by ``ridge`` cells."""
    gram = states.T @ states
    penalty = max(ridge * np.trace(gram) / len(gram) / max(len(states), 1), np.finfo(float).tiny)
    correction = np.linalg.solve(gram + penalty * np.eye(len(gram)), states.T @ (measured - states @ prior.T))
    return np.asarray(prior + correction.T, dtype=np.float64)


def _cross_predict(
    states: NDArray[np.float64],
    measured: NDArray[np.float64],
    prior: NDArray[np.floating],
    halves: NDArray[np.bool_],
    ridge: float,
) -> NDArray[np.float64]:
    """Return (N, K) predictions of each half of the cells with weights that were fitted on the other."""
    predicted = np.empty_like(measured)
    for half in (halves, ~halves):
        predicted[half] = states[half] @ _ridge(states[~half], measured[~half], prior, ridge).T
    return predicted


def _signal_variance(counts: sp.csr_matrix, moments: GeneMoments, rng: np.random.Generator) -> NDArray[np.float64]:
    """Return (G,) the variance of each gene's expected log expression over cells, free of counting noise.

    Two halves of a cell's molecules share its expression but not their noise, so their covariance over cells is the
    variance of what they share; it is carried to full depth by the ratio of the gene's means.
    """
    if not all_integers(counts.data):  # logged input has no molecules to split
        return moments.variance.astype(np.float64)
    sums = np.zeros((3, counts.shape[1]))
    for rows in row_blocks(counts):
        whole = counts[rows]
        half = thin(whole, 0.5, rng)
        first, second = log_expression(half), log_expression((whole - half).tocsr())
        for place, values in enumerate((first, second, first.multiply(second))):
            sums[place] += np.asarray(values.sum(axis=0, dtype=np.float64)).ravel()
    first_mean, second_mean, product_mean = sums / counts.shape[0]
    shared, both = product_mean - first_mean * second_mean, first_mean + second_mean
    ratio = np.divide(2.0 * moments.mean, both, out=np.ones_like(both), where=both > 0)
    signal: NDArray[np.float64] = np.clip(shared * ratio**2, 0.0, moments.variance)
    return signal


def _growth(excess: NDArray[np.float64], distance: NDArray[np.float32]) -> tuple[float, float]:
    """Return the exponent of growth of the (N,) excess error with distance, in [0, 1], and the mean distance."""
    near = np.maximum(distance, 1.0)
    typical = float(np.exp(np.log(near).mean()))
    close, far = near <= typical, near > typical
    if not (close.any() and far.any()) or excess[close].mean() <= 0:
        return 0.0, typical
    gain = np.log(max(excess[far].mean(), excess[close].mean()) / excess[close].mean())
    step = np.log(near[far]).mean() - np.log(near[close]).mean()
    return float(np.clip(gain / step, 0.0, 1.0)), typical
