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

from napari_stimg.expression import expression_moments, log_expression
from napari_stimg.halves import first_half
from napari_stimg.signal_variance import signal_variance
from napari_stimg.tokens import MIN_VARIANCE

RIDGES = (300.0, 1000.0, 3000.0, 10000.0, 30000.0)
"""Trusts in the corpus' weights that are tried: as many cells of the section weigh as much."""

GUIDE_GENES = 1000
"""Most variable genes by which one of them is chosen, whatever genes are asked for."""

MIN_ERROR_SHARE = 0.05
"""Least share of a gene's explainable variance that a reconstruction is taken to miss."""

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
    kriged : (N, P) float32
        What kriging said there of principal components that these cells had no part in (``SpatialField.practise``); P
        may be 0.
    """

    cells: NDArray[np.intp]
    states: NDArray[np.float32]
    distance: NDArray[np.float32]
    kriged: NDArray[np.float32]


@dataclass(frozen=True, kw_only=True, eq=False)
class KrigedGenes:
    """How genes follow from kriged components.

    Parameters
    ----------
    loadings : (G, Q) float64
        Log expression for each unit of the section's principal components; zero for a gene that they say nothing of.
    practised : (G, P) float64
        The same for the components that are kriged in rehearsals.
    """

    loadings: NDArray[np.float64]
    practised: NDArray[np.float64]


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
    kriging: KrigedGenes | None = None,
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
    kriging : KrigedGenes, optional
        How genes follow from kriged components. The expectation is then a mean of the model's and of kriging's, with
        the weights that suit rehearsals best; that of a gene whose loadings are zero is the model's.
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
    none = np.zeros((counts.shape[1], 0))
    practice = _Practice(
        states=np.concatenate([rehearsal.states for rehearsal in rehearsals]).astype(np.float64),
        kriged=np.concatenate([rehearsal.kriged for rehearsal in rehearsals]).astype(np.float64),
        halves=first_half(cells),
        prior=prior,
        kriging=kriging or KrigedGenes(loadings=none, practised=none),
    ).with_best_ridge(of_guides, guides, scale)
    practice = practice.with_best_share(of_guides, guides, scale)
    if not uncertainty:
        return Readout(
            mean=moments.mean[columns],
            weights=practice.weights(deviations(columns), columns).astype(np.float32),
            error_variance=np.full(len(columns), np.nan, dtype=np.float32),
            growth=0.0,
            typical_distance=1.0,
        )
    signal = signal_variance(counts, moments, seed=seed)
    noise = np.maximum(of_guides.var(axis=0) - signal[guides], 0)
    missed = of_guides - practice.predict(of_guides, guides)
    growth, typical_distance = _growth((missed**2 - noise).sum(axis=1), distance)
    weights = np.empty((len(columns), prior.shape[1] + practice.kriging.loadings.shape[1]))
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
    kriged : (N, P) float64
        Components.
    halves : (N,) bool
        By which cells are told apart that predict each other (``first_half``).
    prior : (G, D) float
        The corpus' weights.
    kriging : KrigedGenes
        How genes follow from kriged components.
    ridge : float
        Trust in the prior: as many cells weigh as much.
    kriged_share : float
        Weight of kriging in an expectation, in [0, 1]; the rest is the model's.
    """

    states: Values
    kriged: Values
    halves: NDArray[np.bool_]
    prior: NDArray[np.floating]
    kriging: KrigedGenes
    ridge: float = RIDGES[0]
    kriged_share: float = 0.0

    def with_best_ridge(self, measured: Values, genes: NDArray[np.intp], scale: NDArray[np.floating]) -> "_Practice":
        """Return it with the ridge by which the model predicts (N, K) deviations best, in units of the (K,) scale."""

        def squared_error(candidate: "_Practice") -> float:
            return float(np.square((measured - candidate._of_states(measured, genes)) / scale).sum())

        return min((replace(self, ridge=ridge) for ridge in RIDGES), key=squared_error)

    def with_best_share(self, measured: Values, genes: NDArray[np.intp], scale: NDArray[np.floating]) -> "_Practice":
        """Return it with the share of kriging that predicts (N, K) deviations best, in units of the (K,) scale."""
        of_states = self._of_states(measured, genes)
        apart = np.where(self._kriged(genes), self._of_kriging(genes) - of_states, 0.0) / scale
        missed = (measured - of_states) / scale
        size = np.square(apart).sum()
        return replace(self, kriged_share=float(np.clip((apart * missed).sum() / size, 0, 1)) if size > 0 else 0.0)

    def predict(self, measured: Values, genes: NDArray[np.intp]) -> Values:
        """Return (N, K) predictions of each half of the cells with what was fitted to the other."""
        share = self.kriged_share * self._kriged(genes)
        return np.asarray((1 - share) * self._of_states(measured, genes) + share * self._of_kriging(genes))

    def weights(self, measured: Values, genes: NDArray[np.intp]) -> Values:
        """Return (K, D + Q) weights of states and kriged components, fitted to the (N, K) deviations of all cells."""
        share = (self.kriged_share * self._kriged(genes))[:, None]
        of_states = _ridge(self.states, measured, self.prior[genes], self.ridge)
        return np.hstack([(1 - share) * of_states, share * self.kriging.loadings[genes]])

    def _of_states(self, measured: Values, genes: NDArray[np.intp]) -> Values:
        predicted = np.empty_like(measured)
        for half in (self.halves, ~self.halves):
            weights = _ridge(self.states[~half], measured[~half], self.prior[genes], self.ridge)
            predicted[half] = self.states[half] @ weights.T
        return predicted

    def _of_kriging(self, genes: NDArray[np.intp]) -> Values:
        return self.kriged @ self.kriging.practised[genes].T

    def _kriged(self, genes: NDArray[np.intp]) -> NDArray[np.bool_]:
        """Return (K,) which genes kriging says something of."""
        return np.asarray(self.kriging.loadings[genes].any(axis=1))


def _ridge(states: Values, measured: Values, prior: NDArray[np.floating], ridge: float) -> Values:
    """Return (K, D) weights from (N, D) states to (N, K) deviations, drawn to the prior as by ``ridge`` cells."""
    gram = states.T @ states
    penalty = max(ridge * np.trace(gram) / len(gram) / max(len(states), 1), np.finfo(float).tiny)
    correction = np.linalg.solve(gram + penalty * np.eye(len(gram)), states.T @ (measured - states @ prior.T))
    return np.asarray(prior + correction.T, dtype=np.float64)


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
