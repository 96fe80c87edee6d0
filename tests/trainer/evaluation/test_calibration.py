"""Calibration, of errors whose size is known."""

import numpy as np
import pytest
from scipy.special import ndtr, ndtri

from trainer.evaluation.calibration import calibrate

RNG = np.random.default_rng(0)
SD = RNG.uniform(0.2, 1.0, (2000, 100))
NOISE = RNG.uniform(0.5, 2.0, (2000, 100))


def residuals(error_ratio: float) -> np.ndarray:
    return error_ratio * SD * RNG.normal(size=SD.shape) + np.sqrt(NOISE) * RNG.normal(size=SD.shape)


@pytest.mark.parametrize("error_ratio", [0.7, 1.0, 2.0])
def test_coverage_and_size_of_errors_are_found_under_noise(error_ratio: float) -> None:
    found = calibrate(residuals(error_ratio), SD, NOISE)
    assert found.error_ratio == pytest.approx(error_ratio, abs=0.03)
    assert found.coverage == pytest.approx(2 * ndtr(ndtri(0.95) / error_ratio) - 1, abs=0.02)


def test_a_model_that_is_wrong_about_where_it_errs_is_found_out() -> None:
    errors = 0.6 * RNG.normal(size=SD.shape)  # the same size everywhere
    found = calibrate(errors + np.sqrt(NOISE) * RNG.normal(size=SD.shape), SD, NOISE)
    actual = (np.abs(errors) < ndtri(0.95) * SD).mean()
    assert found.coverage == pytest.approx(actual, abs=0.02)
    assert found.coverage < 0.88


def test_errors_below_the_noise_are_covered() -> None:
    assert calibrate(0.1 * SD, SD, NOISE).coverage == 1
    assert calibrate(0.1 * SD, SD, NOISE).error_ratio == 0
