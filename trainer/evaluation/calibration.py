"""Whether a model is as sure as it may be: estimated, since expected values are never measured.

A residual is the model's error plus counting noise. So the mean square of residuals less the variance of noise
(``noise``) estimates the mean square of errors, for any group of values. Values are grouped by the standard deviation
that the model gives them; in each group the ratio of actual to given error is one number, and the share of expected
values inside the model's 90 % interval follows if errors of a group are normally distributed. Errors with heavier tails
would lie inside a little more often near 90 %, and far outside more often, than this says.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

INTERVAL = 0.9
"""Probability of the interval that is checked."""

N_GROUPS = 20
"""Groups of equally many values, by the standard deviation that the model gives them."""


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """How the errors of a model compare with those it announced.

    Parameters
    ----------
    coverage : float
        Share of expected values inside the 90 % interval, as implied by the size of errors; 0.9 is right.
    error_ratio : float
        Root mean square of actual errors over that of announced ones; 1 is right, more is too sure of itself.
    """

    coverage: float
    error_ratio: float


def calibrate(residuals: NDArray[np.floating], sd: NDArray[np.floating], noise: NDArray[np.floating]) -> Calibration:
    """Return the calibration of a model on hidden spots.

    Parameters
    ----------
    residuals : (N, K) float
        Measured less expected log expression.
    sd : (N, K) float
        Standard deviation that the model gives its expectation, > 0.
    noise : (N, K) float
        Variance of counting noise.
    """
    groups = np.array_split(np.argsort(sd, axis=None, kind="stable"), N_GROUPS)
    squared_error = (np.square(residuals) - noise).ravel().astype(np.float64)
    announced = np.square(sd).ravel().astype(np.float64)
    inside = [_coverage(squared_error[group].mean(), announced[group].mean()) for group in groups if group.size]
    weights = [group.size for group in groups if group.size]
    ratio = max(float(squared_error.mean()), 0.0) / float(announced.mean())
    return Calibration(coverage=float(np.average(inside, weights=weights)), error_ratio=float(np.sqrt(ratio)))


def _coverage(squared_error: float, announced: float) -> float:
    """Return the share of normal errors inside the interval; all if no error can be told from the noise."""
    if squared_error <= 0:
        return 1.0
    half_width = ndtri((1 + INTERVAL) / 2) * np.sqrt(announced / squared_error)
    return float(2 * ndtr(half_width) - 1)
