"""Kriging: principal components of the visible spots as Gaussian processes over the plane, predicted in the hole.

Each component is a stationary process with Matern 3/2 covariance plus independent noise. Its length and its share of
noise are those of the highest marginal likelihood on the visible spots, among a grid. The covariance is that of the
reduced-rank approximation of Solin & Saerkkae (2020, Statistics and Computing 30:419, section 3): sines, which are
eigenfunctions of the Laplace operator on a box around the tissue, weighted by the spectral density. One
eigendecomposition a length then serves all components and all shares of noise.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trainer.evaluation.components import fit_components
from trainer.evaluation.puzzle import Puzzle

N_COMPONENTS = 20
"""Principal components that are kriged (docs/evaluation.md)."""

LENGTHS = (1.5, 2.5, 4.0, 6.0, 9.0, 13.0, 20.0, 30.0)
"""Lengths of the covariance that are tried, in pitches."""

NOISE_TO_SIGNAL = tuple(float(ratio) for ratio in np.geomspace(0.03, 300, 16))
"""Variances of noise that are tried, in units of that of the process."""

HIGHEST_FREQUENCY = 1.0
"""Radians in a pitch; sines up to here stand for the process. Higher ones count as noise: neighbouring spots, one pitch
apart, tell little of them."""

BOX_MARGIN = 0.15
"""By what share of its half side the box is wider than the tissue on either side, and at least 4 pitches; the sines are
zero at its border."""

MOST_VISIBLE = 5000
"""Visible spots, the nearest, that a hole is kriged from."""

TILE_PITCHES = 32.0
"""On larger sections hidden spots in squares of this side are kriged together."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Box:
    """Sines on a box around spots.

    Parameters
    ----------
    centre, half_sides : (2,) float64
        The box, in pitches.
    orders : (M, 2) int
        Order of each sine along rows and columns, from the lowest frequency.
    squared_frequency : (M,) float64
        Of each, in square radians in a pitch.
    """

    centre: NDArray[np.float64]
    half_sides: NDArray[np.float64]
    orders: NDArray[np.intp]
    squared_frequency: NDArray[np.float64]

    def sines(self, positions: NDArray[np.floating]) -> NDArray[np.float64]:
        """Return (N, M) values of the sines at (N, 2) positions."""
        inside = np.asarray(positions, dtype=np.float64) - self.centre + self.half_sides
        along = [
            np.sin(np.pi * inside[:, [axis]] * self.orders[:, axis] / (2 * self.half_sides[axis])) for axis in (0, 1)
        ]
        return np.asarray(along[0] * along[1] / np.sqrt(self.half_sides.prod()))


def krige(puzzle: Puzzle) -> NDArray[np.float32]:
    """Return the (N, K) expected log expression of the hidden spots."""
    components = fit_components(puzzle.visible, N_COMPONENTS, mean=puzzle.mean, rough=True)
    scores = components.scores(puzzle.visible)
    predicted = np.empty((puzzle.n_hidden, scores.shape[1]))
    for hidden, visible in _neighbourhoods(puzzle.hidden_positions, puzzle.visible_positions):
        predicted[hidden] = krige_scores(
            scores[visible], puzzle.visible_positions[visible], puzzle.hidden_positions[hidden]
        )
    return np.maximum(components.mean + predicted @ components.directions, 0.0).astype(np.float32)


def krige_scores(
    scores: NDArray[np.float64], visible: NDArray[np.floating], hidden: NDArray[np.floating]
) -> NDArray[np.float64]:
    """Return the (N, D) expectation of D processes of mean 0, each with a length and noise of its own.

    Parameters
    ----------
    scores : (V, D) float64
        What was measured.
    visible, hidden : (V, 2) and (N, 2) float
        Where, and where it is asked for, in pitches.
    """
    box = _box_around(np.concatenate([visible, hidden]))
    at_visible, at_hidden = box.sines(visible), box.sines(hidden)
    gram, moments, power = at_visible.T @ at_visible, at_visible.T @ scores, np.square(scores).sum(axis=0)
    best = np.full(scores.shape[1], -np.inf)
    expected = np.zeros((len(hidden), scores.shape[1]))
    for length in LENGTHS:
        weight = np.sqrt(_matern_density(box.squared_frequency, length))
        values, vectors = np.linalg.eigh(gram * np.outer(weight, weight))
        values = np.maximum(values, 0.0)
        turned = vectors.T @ (weight[:, None] * moments)
        basis = (at_hidden * weight) @ vectors
        for ratio in NOISE_TO_SIGNAL:
            likelihood = _log_likelihood(values, turned, power, n_spots=len(visible), ratio=ratio)
            better = likelihood > best
            best[better] = likelihood[better]
            expected[:, better] = basis @ (turned[:, better] / (values + ratio)[:, None])
    return expected


def _log_likelihood(
    values: NDArray[np.float64],
    turned: NDArray[np.float64],
    power: NDArray[np.float64],
    *,
    n_spots: int,
    ratio: float,
) -> NDArray[np.float64]:
    """Return the (D,) log marginal likelihood, up to a constant, at the best overall variance.

    The covariance is ``variance * (F F' + ratio * I)``; ``values`` are the eigenvalues of ``F' F``, ``turned`` the
    data in its eigenvectors, ``power`` the sum of squares of the data (Rasmussen & Williams 2006, equation 5.8).
    """
    misfit = np.maximum(power - (turned**2 / (values + ratio)[:, None]).sum(axis=0), 1e-12) / ratio
    log_determinant = np.log1p(values / ratio).sum() + n_spots * np.log(ratio)
    return np.asarray(-0.5 * (n_spots * np.log(misfit / n_spots) + log_determinant))


def _matern_density(squared_frequency: NDArray[np.float64], length: float) -> NDArray[np.float64]:
    """Return the spectral density in the plane of a Matern 3/2 process of variance 1 (Rasmussen & Williams, 4.15)."""
    rate = 3.0 / length**2
    return np.asarray(6 * np.pi * rate**1.5 * (rate + squared_frequency) ** -2.5)


def _box_around(positions: NDArray[np.floating]) -> Box:
    low, high = (np.asarray(bound, dtype=np.float64) for bound in (positions.min(axis=0), positions.max(axis=0)))
    half = (high - low) / 2
    half_sides = half + np.maximum(BOX_MARGIN * half, 4.0)
    highest = np.ceil(HIGHEST_FREQUENCY * 2 * half_sides / np.pi).astype(int)
    orders = 1 + np.indices(tuple(highest)).reshape(2, -1).T
    squared = np.square(np.pi * orders / (2 * half_sides)).sum(axis=1)
    order = np.argsort(squared, kind="stable")
    order = order[squared[order] <= HIGHEST_FREQUENCY**2]
    return Box(centre=(low + high) / 2, half_sides=half_sides, orders=orders[order], squared_frequency=squared[order])


def _neighbourhoods(
    hidden: NDArray[np.floating], visible: NDArray[np.floating]
) -> Iterator[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    """Yield hidden spots that are kriged together, and the visible spots that they are kriged from."""
    if len(visible) <= MOST_VISIBLE:
        yield np.arange(len(hidden)), np.arange(len(visible))
        return
    _, tile_of = np.unique(np.floor(hidden / TILE_PITCHES), axis=0, return_inverse=True)
    for tile in range(int(tile_of.max()) + 1):
        together = np.flatnonzero(tile_of.ravel() == tile)
        distance = np.linalg.norm(visible - hidden[together].mean(axis=0), axis=1)
        yield together, np.sort(np.argpartition(distance, MOST_VISIBLE)[:MOST_VISIBLE])
