"""Kriging: values that were measured at places, as Gaussian processes in the plane, predicted where none was.

Each process is stationary with Matern 3/2 covariance plus independent noise. Its length and its share of noise are
those of the highest marginal likelihood, among a grid. One eigendecomposition a length serves all processes and all
shares of noise. Where there are many places, the covariance is that of the reduced-rank approximation of Solin &
Saerkkae (2020, Statistics and Computing 30:419, section 3): sines, which are eigenfunctions of the Laplace operator on
a box around the places, weighted by the spectral density.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solve
from scipy.spatial.distance import cdist

LENGTHS = (1.5, 2.5, 4.0, 6.0, 9.0, 13.0, 20.0, 30.0)
"""Lengths of the covariance that are tried, in pitches."""

NOISE_TO_SIGNAL = tuple(float(ratio) for ratio in np.geomspace(0.03, 300, 16))
"""Variances of noise that are tried, in units of that of the process."""

EXACT_PLACES = 600
"""Measured places up to which covariances are exact."""

MOST_SINES = 1000
"""Sines that stand for the process where there are more places: those of the lowest frequencies. What is above them
counts as noise."""

BOX_MARGIN = 0.15
"""By what share of its half side the box is wider than the places on either side, and at least 4 pitches; the sines are
zero at its border."""

Values = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, eq=False)
class Box:
    """Sines on a box around places.

    Parameters
    ----------
    centre, half_sides : (2,) float64
        The box, in pitches.
    orders : (M, 2) int
        Order of each sine along rows and columns, from the lowest frequency.
    squared_frequency : (M,) float64
        Of each, in square radians in a pitch.
    """

    centre: Values
    half_sides: Values
    orders: NDArray[np.intp]
    squared_frequency: Values

    def sines(self, positions: NDArray[np.floating]) -> Values:
        """Return (N, M) values of the sines at (N, 2) positions."""
        inside = np.asarray(positions, dtype=np.float64) - self.centre + self.half_sides
        along = [
            np.sin(np.pi * inside[:, [axis]] * self.orders[:, axis] / (2 * self.half_sides[axis])) for axis in (0, 1)
        ]
        return np.asarray(along[0] * along[1] / np.sqrt(self.half_sides.prod()))

    def weights(self, length: float) -> Values:
        """Return the (M,) amplitude of each sine in a process."""
        return np.sqrt(matern_density(self.squared_frequency, length))


@dataclass(frozen=True, kw_only=True, eq=False)
class Processes:
    """D Gaussian processes of mean 0.

    Parameters
    ----------
    lengths : (D,) float64
        Of each one's covariance, in pitches.
    ratios : (D,) float64
        Variance of its noise in units of its own.
    """

    lengths: Values
    ratios: Values

    def select(self, which: NDArray[np.bool_]) -> "Processes":
        """Return some of them."""
        return Processes(lengths=self.lengths[which], ratios=self.ratios[which])

    def predict(
        self,
        values: NDArray[np.floating],
        measured: NDArray[np.floating],
        asked: NDArray[np.floating],
        *,
        most_sines: int = MOST_SINES,
    ) -> Values:
        """Return the (N, D) expectation at (N, 2) places, in pitches, of (V, D) values measured at (V, 2) others."""
        if len(measured) <= EXACT_PLACES:
            return self._predict_exactly(values, measured, asked)
        return self._predict_by_sines(values, measured, asked, most_sines)

    def _predict_exactly(
        self, values: NDArray[np.floating], measured: NDArray[np.floating], asked: NDArray[np.floating]
    ) -> Values:
        between, to_asked = cdist(measured, measured), cdist(asked, measured)
        expected = np.zeros((len(asked), values.shape[1]))
        for length, ratio, alike in self._kinds():
            covariance = matern(between, length) + ratio * np.eye(len(between))
            expected[:, alike] = matern(to_asked, length) @ solve(covariance, values[:, alike], assume_a="pos")
        return expected

    def _predict_by_sines(
        self,
        values: NDArray[np.floating],
        measured: NDArray[np.floating],
        asked: NDArray[np.floating],
        most_sines: int,
    ) -> Values:
        box = box_around(np.concatenate([measured, asked]), most_sines)
        at_measured, at_asked = box.sines(measured), box.sines(asked)
        gram, projected = at_measured.T @ at_measured, at_measured.T @ values
        expected = np.zeros((len(asked), values.shape[1]))
        for length, ratio, alike in self._kinds():
            weights = box.weights(length)
            covariance = gram * np.outer(weights, weights) + ratio * np.eye(len(gram))
            solved = solve(covariance, weights[:, None] * projected[:, alike], assume_a="pos")
            expected[:, alike] = at_asked @ (weights[:, None] * solved)
        return expected

    def _kinds(self) -> list[tuple[float, float, NDArray[np.bool_]]]:
        """Return each pair of a length and a ratio, and the (D,) processes that have it."""
        pairs = sorted(set(zip(self.lengths.tolist(), self.ratios.tolist(), strict=True)))
        return [(length, ratio, (self.lengths == length) & (self.ratios == ratio)) for length, ratio in pairs]


Part = tuple[NDArray[np.floating], NDArray[np.floating]]
"""(V, D) values and the (V, 2) places, in pitches, at which they were measured."""


def fit_processes(parts: Sequence[Part], *, most_sines: int = MOST_SINES) -> Processes:
    """Return the likeliest processes of what was measured in parts of a section, each held independent of the others.

    Parameters
    ----------
    parts : sequence of ((V, D) float, (V, 2) float)
        Values of D processes, and where.
    most_sines : int
        By which they are told in a part of more than ``EXACT_PLACES``.
    """
    n_processes = parts[0][0].shape[1]
    spectra = [_Spectra(values, places, most_sines) for values, places in parts]
    power = sum(np.square(values).sum(axis=0) for values, _ in parts)
    n_places = sum(len(values) for values, _ in parts)
    best = np.full(n_processes, -np.inf)
    lengths, ratios = np.full(n_processes, LENGTHS[0]), np.full(n_processes, NOISE_TO_SIGNAL[-1])
    for length in LENGTHS:
        sizes, turned = (np.concatenate(x) for x in zip(*(of_part.at(length) for of_part in spectra), strict=True))
        for ratio in NOISE_TO_SIGNAL:
            likelihood = log_likelihood(sizes, turned, np.asarray(power), n_spots=n_places, ratio=ratio)
            better = likelihood > best
            best[better], lengths[better], ratios[better] = likelihood[better], length, ratio
    return Processes(lengths=lengths, ratios=ratios)


class _Spectra:
    """Covariances ``F F'`` of a part's V places, for any length.

    Parameters
    ----------
    values : (V, D) float
        What was measured.
    places : (V, 2) float
        Where, in pitches.
    most_sines : int
        For more than ``EXACT_PLACES``.
    """

    def __init__(self, values: NDArray[np.floating], places: NDArray[np.floating], most_sines: int) -> None:
        self._exact = len(places) <= EXACT_PLACES
        if self._exact:
            self._between, self._values = cdist(places, places), values
        else:
            self._box = box_around(places, most_sines)
            sines = self._box.sines(places)
            self._gram, self._projected = sines.T @ sines, sines.T @ values

    def at(self, length: float) -> tuple[Values, Values]:
        """Return the eigenvalues of ``F' F``, and the data ``F' y`` in its eigenvectors."""
        if self._exact:
            sizes, vectors = np.linalg.eigh(matern(self._between, length))
            sizes = np.maximum(sizes, 0.0)
            return sizes, np.sqrt(sizes)[:, None] * (vectors.T @ self._values)
        weights = self._box.weights(length)
        sizes, vectors = np.linalg.eigh(self._gram * np.outer(weights, weights))
        return np.maximum(sizes, 0.0), vectors.T @ (weights[:, None] * self._projected)


def log_likelihood(values: Values, turned: Values, power: Values, *, n_spots: int, ratio: float) -> Values:
    """Return the (D,) log marginal likelihood, up to a constant, at the best overall variance.

    The covariance is ``variance * (F F' + ratio * I)``; ``values`` are the eigenvalues of ``F' F``, ``turned`` the
    data in its eigenvectors, ``power`` the sum of squares of the data (Rasmussen & Williams 2006, equation 5.8).
    """
    misfit = np.maximum(power - (turned**2 / (values + ratio)[:, None]).sum(axis=0), 1e-12) / ratio
    log_determinant = np.log1p(values / ratio).sum() + n_spots * np.log(ratio)
    return np.asarray(-0.5 * (n_spots * np.log(misfit / n_spots) + log_determinant))


def matern(distance: Values, length: float) -> Values:
    """Return the covariance of a Matern 3/2 process of variance 1 (Rasmussen & Williams, 4.17)."""
    scaled = np.sqrt(3) / length * distance
    return np.asarray((1 + scaled) * np.exp(-scaled))


def matern_density(squared_frequency: Values, length: float) -> Values:
    """Return its spectral density in the plane (Rasmussen & Williams, 4.15)."""
    rate = 3.0 / length**2
    return np.asarray(6 * np.pi * rate**1.5 * (rate + squared_frequency) ** -2.5)


def box_around(positions: NDArray[np.floating], n_sines: int = MOST_SINES) -> Box:
    """Return the ``n_sines`` sines of lowest frequency on a box around (N, 2) positions."""
    low, high = (np.asarray(bound, dtype=np.float64) for bound in (positions.min(axis=0), positions.max(axis=0)))
    half = (high - low) / 2
    half_sides = half + np.maximum(BOX_MARGIN * half, 4.0)
    highest = np.ceil(2 * half_sides * np.sqrt(n_sines / half_sides.prod())).astype(int)  # four times as many as wanted
    orders = 1 + np.indices(tuple(highest)).reshape(2, -1).T
    squared = np.square(np.pi * orders / (2 * half_sides)).sum(axis=1)
    order = np.argsort(squared, kind="stable")[:n_sines]
    return Box(centre=(low + high) / 2, half_sides=half_sides, orders=orders[order], squared_frequency=squared[order])
