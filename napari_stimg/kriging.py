"""Kriging: values that were measured at places, as Gaussian processes in the plane, predicted where none was.

Each process is stationary with Matern 3/2 covariance plus independent noise. Its length and its share of noise are
those of the highest marginal likelihood, among a grid. The covariance is that of the reduced-rank approximation of
Solin & Saerkkae (2020, Statistics and Computing 30:419, section 3): sines, which are eigenfunctions of the Laplace
operator on a box around the places, weighted by the spectral density. One eigendecomposition a length then serves all
processes and all shares of noise.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

LENGTHS = (1.5, 2.5, 4.0, 6.0, 9.0, 13.0, 20.0, 30.0)
"""Lengths of the covariance that are tried, in pitches."""

NOISE_TO_SIGNAL = tuple(float(ratio) for ratio in np.geomspace(0.03, 300, 16))
"""Variances of noise that are tried, in units of that of the process."""

HIGHEST_FREQUENCY = 1.0
"""Radians in a pitch; sines up to here stand for the process. Higher ones count as noise: neighbouring spots, one pitch
apart, tell little of them."""

BOX_MARGIN = 0.15
"""By what share of its half side the box is wider than the places on either side, and at least 4 pitches; the sines are
zero at its border."""


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

    lengths: NDArray[np.float64]
    ratios: NDArray[np.float64]

    def predict(
        self, values: NDArray[np.floating], measured: NDArray[np.floating], asked: NDArray[np.floating]
    ) -> NDArray[np.float64]:
        """Return the (N, D) expectation at (N, 2) places, in pitches, of (V, D) values measured at (V, 2) others."""
        box = box_around(np.concatenate([measured, asked]))
        at_measured, at_asked = box.sines(measured), box.sines(asked)
        expected = np.zeros((len(asked), values.shape[1]))
        for length in np.unique(self.lengths):
            weight = np.sqrt(matern_density(box.squared_frequency, length))
            factors, asked_factors = at_measured * weight, at_asked * weight
            wide = factors.shape[1] > len(factors)  # places far apart have more sines between them than places
            gram = factors @ factors.T if wide else factors.T @ factors
            for ratio in np.unique(self.ratios[self.lengths == length]):
                alike = (self.lengths == length) & (self.ratios == ratio)
                covariance = gram + ratio * np.eye(len(gram))
                if wide:
                    solved = factors.T @ np.linalg.solve(covariance, values[:, alike])
                else:
                    solved = np.linalg.solve(covariance, factors.T @ values[:, alike])
                expected[:, alike] = asked_factors @ solved
        return expected


Part = tuple[NDArray[np.floating], NDArray[np.floating]]
"""(V, D) values and the (V, 2) places, in pitches, at which they were measured."""


def fit_processes(parts: Sequence[Part]) -> Processes:
    """Return the likeliest processes of what was measured in parts of a section, each held independent of the others.

    Parameters
    ----------
    parts : sequence of ((V, D) float, (V, 2) float)
        Values of D processes, and where.
    """
    n_processes = parts[0][0].shape[1]
    boxes = [box_around(positions) for _, positions in parts]
    sines = [box.sines(positions) for box, (_, positions) in zip(boxes, parts, strict=True)]
    power = sum(np.square(values).sum(axis=0) for values, _ in parts)
    n_places = sum(len(values) for values, _ in parts)
    best = np.full(n_processes, -np.inf)
    lengths, ratios = np.full(n_processes, LENGTHS[0]), np.full(n_processes, NOISE_TO_SIGNAL[-1])
    for length in LENGTHS:
        spectra, turned = [], []
        for box, at, (values, _) in zip(boxes, sines, parts, strict=True):
            spectrum, in_eigenvectors = _decompose(at * np.sqrt(matern_density(box.squared_frequency, length)), values)
            spectra.append(spectrum)
            turned.append(in_eigenvectors)
        spectrum, in_eigenvectors = np.concatenate(spectra), np.concatenate(turned)
        for ratio in NOISE_TO_SIGNAL:
            likelihood = log_likelihood(spectrum, in_eigenvectors, np.asarray(power), n_spots=n_places, ratio=ratio)
            better = likelihood > best
            best[better], lengths[better], ratios[better] = likelihood[better], length, ratio
    return Processes(lengths=lengths, ratios=ratios)


def _decompose(
    factors: NDArray[np.float64], values: NDArray[np.floating]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the eigenvalues of ``F' F``, and the data ``F' y`` in its eigenvectors, but for those of eigenvalue 0.

    Parameters
    ----------
    factors : (V, M) float64
        F.
    values : (V, D) float
        y.
    """
    if factors.shape[1] <= len(factors):
        sizes, vectors = np.linalg.eigh(factors.T @ factors)
        return np.maximum(sizes, 0.0), vectors.T @ (factors.T @ values)
    sizes, vectors = np.linalg.eigh(factors @ factors.T)
    sizes = np.maximum(sizes, 0.0)
    return sizes, np.sqrt(sizes)[:, None] * (vectors.T @ values)


def log_likelihood(
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


def matern_density(squared_frequency: NDArray[np.float64], length: float) -> NDArray[np.float64]:
    """Return the spectral density in the plane of a Matern 3/2 process of variance 1 (Rasmussen & Williams, 4.15)."""
    rate = 3.0 / length**2
    return np.asarray(6 * np.pi * rate**1.5 * (rate + squared_frequency) ** -2.5)


def box_around(positions: NDArray[np.floating]) -> Box:
    """Return the sines on a box around (N, 2) positions."""
    low, high = (np.asarray(bound, dtype=np.float64) for bound in (positions.min(axis=0), positions.max(axis=0)))
    half = (high - low) / 2
    half_sides = half + np.maximum(BOX_MARGIN * half, 4.0)
    highest = np.ceil(HIGHEST_FREQUENCY * 2 * half_sides / np.pi).astype(int)
    orders = 1 + np.indices(tuple(highest)).reshape(2, -1).T
    squared = np.square(np.pi * orders / (2 * half_sides)).sum(axis=1)
    order = np.argsort(squared, kind="stable")
    order = order[squared[order] <= HIGHEST_FREQUENCY**2]
    return Box(centre=(low + high) / 2, half_sides=half_sides, orders=orders[order], squared_frequency=squared[order])
