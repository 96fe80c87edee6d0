"""From the model's states to genes, on this very section.

The corpus says how a gene follows from a state (``gene_out``), the section itself may say it better, and for genes
that the corpus never saw only it can. So visible cells are hidden in turn (rehearsals), and each gene's weights are
fitted from the model's states there to what those cells express, by ridge regression around the corpus' weights.
What is left over tells how uncertain a reconstruction is.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

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
        gene's mean over the visible cells; > 0. NaN where it was not asked for. Kriging is flattered by rehearsals (see
        ``KRIGED_SHARE``), so on sections of few cells it is too small (by 7 % in simulated ones of 225 cells).
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
    distance = np.concatenate([rehearsal.distance for rehearsal in rehearsals])
    moments = expression_moments(counts)
    variance = np.maximum(moments.variance, MIN_VARIANCE)
    practised = log_expression(counts[cells])

    def deviations(genes: NDArray[np.intp]) -> Values:
        return practised[:, genes].toarray().astype(np.float64) - moments.mean[genes]

    guides = np.argsort(-variance, kind="stable")[:GUIDE_GENES]
    of_guides, scale = deviations(guides), np.sqrt(variance[guides])
    n_kriged = rehearsals[0].kriged.shape[1]
    practice = _Practice(
        states=np.concatenate([rehearsal.states for rehearsal in rehearsals]).astype(np.float64),
        kriged=np.concatenate([rehearsal.kriged for rehearsal in rehearsals]).astype(np.float64),
        halves=cells % 2 == 0,
        prior=prior,
        loadings=np.zeros((counts.shape[1], n_kriged)) if loadings is None else loadings,
    ).with_best_ridge(of_guides, guides, scale)
    if not uncertainty:
        return Readout(
            mean=moments.mean[columns],
            weights=practice.weights(deviations(columns), columns).astype(np.float32),
            error_variance=np.full(len(columns), np.nan, dtype=np.float32),
            growth=0.0,
            typical_distance=1.0,
        )
    signal = _signal_variance(counts, moments, np.random.default_rng(seed))
    noise = np.maximum(of_guides.var(axis=0) - signal[guides], 0)
    missed = of_guides - practice.predict(of_guides, guides)
    growth, typical_distance = _growth((missed**2 - noise).sum(axis=1), distance)
    weights = np.empty((len(columns), prior.shape[1] + n_kriged))
    error = np.empty(len(columns))
    for start in range(0, len(columns), GENES_AT_ONCE):
        part = slice(start, start + GENES_AT_ONCE)
        measured = deviations(columns[part])
        weights[part] = practice.weights(measured, columns[part])
        predicted = practice.predict(measured, columns[part])
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


@dataclass(frozen=True, kw_only=True, eq=False)
class _Practice:
    """How genes follow from states and kriged components, learned from N practised cells.

    Parameters
    ----------
    states : (N, D) float64
        The model's.
    kriged : (N, Q) float64
        Components.
    halves : (N,) bool
        By which cells are told apart that predict each other: one practised twice must not be judged by weights fitted
        to its own noise.
    prior : (G, D) float
        The corpus' weights.
    loadings : (G, Q) float
        Of kriged components.
    ridge : float
        Trust in the prior: as many cells weigh as much.
    """

    states: Values
    kriged: Values
    halves: NDArray[np.bool_]
    prior: NDArray[np.floating]
    loadings: NDArray[np.floating]
    ridge: float = RIDGES[0]

    def with_best_ridge(self, measured: Values, genes: NDArray[np.intp], scale: NDArray[np.floating]) -> "_Practice":
        """Return it with the ridge by which the model predicts (N, K) deviations best, in units of the (K,) scale."""

        def squared_error(candidate: "_Practice") -> float:
            return float(np.square((measured - candidate._of_states(measured, genes)) / scale).sum())

        return min((replace(self, ridge=ridge) for ridge in RIDGES), key=squared_error)

    def predict(self, measured: Values, genes: NDArray[np.intp]) -> Values:
        """Return (N, K) predictions of each half of the cells with weights that were fitted on the other."""
        share = self._kriged_share(genes)
        of_kriging = self.kriged @ self.loadings[genes].T
        return np.asarray((1 - share) * self._of_states(measured, genes) + share * of_kriging)

    def weights(self, measured: Values, genes: NDArray[np.intp]) -> Values:
        """Return (K, D + Q) weights of states and kriged components, fitted to the (N, K) deviations of all cells."""
        share = self._kriged_share(genes)[:, None]
        of_states = _ridge(self.states, measured, self.prior[genes], self.ridge)
        return np.hstack([(1 - share) * of_states, share * self.loadings[genes]])

    def _of_states(self, measured: Values, genes: NDArray[np.intp]) -> Values:
        predicted = np.empty_like(measured)
        for half in (self.halves, ~self.halves):
            weights = _ridge(self.states[~half], measured[~half], self.prior[genes], self.ridge)
            predicted[half] = self.states[half] @ weights.T
        return predicted

    def _kriged_share(self, genes: NDArray[np.intp]) -> Values:
        return np.where(self.loadings[genes].any(axis=1), KRIGED_SHARE, 0.0)


def _ridge(states: Values, measured: Values, prior: NDArray[np.floating], ridge: float) -> Values:
    """Return (K, D) weights from (N, D) states to (N, K) deviations, drawn to the prior as by ``ridge`` cells."""
    gram = states.T @ states
    penalty = max(ridge * np.trace(gram) / len(gram) / max(len(states), 1), np.finfo(float).tiny)
    correction = np.linalg.solve(gram + penalty * np.eye(len(gram)), states.T @ (measured - states @ prior.T))
    return np.asarray(prior + correction.T, dtype=np.float64)


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
