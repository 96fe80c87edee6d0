"""Kriging against the textbook's Gaussian processes."""

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from napari_stimg import kriging
from napari_stimg.kriging import (
    Processes,
    box_around,
    fit_processes,
    log_likelihood,
    matern,
    matern_density,
)

GRID = np.indices((24, 20)).reshape(2, -1).T.astype(float)


@pytest.fixture(params=["exact", "sines"])
def covariance(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "sines":
        monkeypatch.setattr(kriging, "EXACT_PLACES", 0)


def textbook(a: np.ndarray, b: np.ndarray, length: float) -> np.ndarray:
    scaled = np.sqrt(3) * np.linalg.norm(a[:, None] - b[None], axis=2) / length
    return (1 + scaled) * np.exp(-scaled)


def krige(values: np.ndarray, measured: np.ndarray, asked: np.ndarray) -> np.ndarray:
    return fit_processes([(values, measured)]).predict(values, measured, asked)


@pytest.mark.parametrize("length", [4.0, 9.0])
def test_sines_stand_for_the_covariance_inside_the_tissue(length: float) -> None:
    box = box_around(GRID)
    sines = box.sines(GRID)
    middle = np.linalg.norm(GRID - GRID.mean(axis=0), axis=1) < 5
    approximate = (sines * matern_density(box.squared_frequency, length)) @ sines.T
    exact = textbook(GRID, GRID, length)
    assert np.abs(approximate - exact)[np.ix_(middle, middle)].max() < (0.15 if length == 4 else 0.25)


def test_the_covariance_is_the_textbooks() -> None:
    np.testing.assert_allclose(matern(cdist(GRID[:9], GRID), 4.0), textbook(GRID[:9], GRID, 4.0))


def test_sines_are_those_of_the_lowest_frequencies() -> None:
    box = box_around(np.array([[0.0, 0], [300, 2]]), 500)
    assert len(box.orders) == 500
    rows, columns = (int(box.orders[:, axis].max()) for axis in (0, 1))
    more = box_around(np.array([[0.0, 0], [300, 2]]), 2000)
    np.testing.assert_array_equal(more.orders[:500], box.orders)
    assert rows > columns


def test_the_spectral_density_holds_a_variance_of_one() -> None:
    frequency = np.linspace(0, 200, 400_001)
    density = matern_density(frequency**2, 3.0)
    assert np.trapezoid(density * frequency, frequency) / (2 * np.pi) == pytest.approx(1, abs=1e-3)


def test_likelihood_is_that_of_the_whole_covariance() -> None:
    rng = np.random.default_rng(0)
    factors, data = rng.normal(size=(30, 6)), rng.normal(size=30)
    values, vectors = np.linalg.eigh(factors.T @ factors)
    turned = (vectors.T @ factors.T @ data)[:, None]

    def dense(ratio: float) -> float:
        covariance = factors @ factors.T + ratio * np.eye(30)
        variance = data @ np.linalg.solve(covariance, data) / 30
        return float(-0.5 * (30 * np.log(variance) + np.linalg.slogdet(covariance)[1]))

    for ratio in (0.1, 3.0):
        found = log_likelihood(values, turned, np.array([data @ data]), n_spots=30, ratio=ratio)
        assert found[0] == pytest.approx(dense(ratio))


@pytest.mark.usefixtures("covariance")
def test_a_smooth_field_is_filled_in_from_noisy_spots_nearly_as_by_the_exact_process() -> None:
    rng = np.random.default_rng(0)
    truth = np.linalg.cholesky(textbook(GRID, GRID, 6.0) + 1e-9 * np.eye(len(GRID))) @ rng.normal(size=(len(GRID), 3))
    measured = truth + 0.5 * rng.normal(size=truth.shape)
    hidden = np.linalg.norm(GRID - [12, 10], axis=1) < 3
    predicted = krige(measured[~hidden], GRID[~hidden], GRID[hidden])
    covariance = textbook(GRID[~hidden], GRID[~hidden], 6.0) + 0.25 * np.eye((~hidden).sum())
    best = textbook(GRID[hidden], GRID[~hidden], 6.0) @ np.linalg.solve(covariance, measured[~hidden])
    error, least = (np.square(found - truth[hidden]).mean() for found in (predicted, best))
    assert error < 1.3 * least
    assert error < 0.5 * truth[hidden].var()


@pytest.mark.usefixtures("covariance")
def test_nothing_is_made_of_noise() -> None:
    noise = np.random.default_rng(0).normal(size=(len(GRID), 2))
    predicted = krige(noise, GRID, GRID[:50] + 0.5)
    assert np.abs(predicted).max() < 0.35


@pytest.mark.usefixtures("covariance")
def test_processes_fitted_to_parts_of_a_section_are_nearly_those_of_the_whole() -> None:
    rng = np.random.default_rng(0)
    lengths = (3.0, 12.0)
    fields = [np.linalg.cholesky(textbook(GRID, GRID, length) + 1e-9 * np.eye(len(GRID))) for length in lengths]
    measured = np.stack([field @ rng.normal(size=len(GRID)) for field in fields], axis=1)
    measured += 0.3 * rng.normal(size=measured.shape)
    left = GRID[:, 0] < 12
    fitted = fit_processes([(measured[part], GRID[part]) for part in (left, ~left)])
    whole = fit_processes([(measured, GRID)])
    for parts_have, whole_has in ((fitted.lengths, whole.lengths), (fitted.ratios, whole.ratios)):
        np.testing.assert_allclose(np.log(parts_have), np.log(whole_has), atol=0.7)  # a step of either grid


def test_places_far_apart_are_kriged_as_those_nearby_are_without_a_sine_for_every_wave_between_them() -> None:
    rng = np.random.default_rng(0)
    near, values = GRID[:200], rng.normal(size=(200, 2)) + np.sin(GRID[:200, [0]] / 3)
    far = np.concatenate([near, near[:3] + 150])
    more = np.concatenate([values, values[:3]])
    processes = fit_processes([(more, far)])
    np.testing.assert_allclose(processes.predict(more, far, near[:5]).shape, (5, 2))
    alone = Processes(lengths=np.array([4.0, 4.0]), ratios=np.array([1.0, 1.0]))
    together, apart = alone.predict(more, far, near[:50] + 0.5), alone.predict(values, near, near[:50] + 0.5)
    assert np.square(together - apart).mean() < 0.05 * np.square(apart).mean()


@pytest.mark.usefixtures("covariance")
def test_no_process_is_predicted_where_there_is_none() -> None:
    nothing = np.zeros((len(GRID), 0))
    assert krige(nothing, GRID, GRID[:5]).shape == (5, 0)
