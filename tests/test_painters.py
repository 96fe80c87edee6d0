from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from napari_stimg.painters import by_mixture, by_nearest, by_regression, n_components

TRUTH = np.repeat([0, 1], 300)


def clouds(*, seed: int = 0) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return (600, 8) places in two clouds, which part where they are thinnest, and labels of five spots of each."""
    rng = np.random.default_rng(seed)
    places = 2 * rng.standard_normal((600, 8))
    places[:, 0] = places[:, 0] / 2 + 4 * TRUTH
    codes = np.full(600, -1)
    codes[rng.permutation(300)[:5]] = 0
    codes[300 + rng.permutation(300)[:5]] = 1
    return places, codes


def test_a_mixture_learns_from_spots_that_nobody_labelled() -> None:
    def accuracy(paint: Callable[..., NDArray[np.float64]], *more: int) -> float:
        sections = [clouds(seed=seed) for seed in range(8)]
        return float(np.mean([paint(*section, *more).argmax(axis=1) == TRUTH for section in sections]))

    of_mixture = accuracy(by_mixture)
    assert of_mixture > 0.9
    assert of_mixture > accuracy(by_nearest, 10) + 0.02
    assert of_mixture > accuracy(by_regression) + 0.02


def test_probabilities_are_sure_at_a_cloud_and_not_between_clouds() -> None:
    places, codes = clouds()
    between = np.zeros((1, 8))
    between[0, 0] = 2
    probabilities = by_mixture(np.concatenate([places, between]), np.append(codes, -1))
    np.testing.assert_allclose(probabilities.sum(axis=1), 1)
    assert probabilities[-1].max() < 0.8
    assert np.median(probabilities[:-1].max(axis=1)) > 0.95


def test_a_rare_domain_is_not_swallowed_by_a_frequent_one() -> None:
    rng = np.random.default_rng(0)
    truth = np.repeat([0, 1], [570, 30])
    places = np.stack([2.5 * truth, 0 * truth], axis=1) + 0.5 * rng.standard_normal((600, 2))
    codes = np.full(600, -1)
    codes[[0, 1, 2, 570, 571, 572]] = truth[[0, 1, 2, 570, 571, 572]]
    found = by_mixture(places, codes).argmax(axis=1)
    assert (found[truth == 1] == 1).mean() > 0.9


@pytest.mark.parametrize(("n_spots", "expected"), [(90, 3), (700, 3), (1000, 5), (3600, 12), (700_000, 12)])
def test_larger_sections_bear_more_components(n_spots: int, expected: int) -> None:
    assert n_components(n_spots) == expected


def test_spots_that_all_look_alike_are_told_nothing() -> None:
    codes = np.array([0, 1, -1, -1])
    np.testing.assert_allclose(by_mixture(np.zeros((4, 3)), codes), 0.5)
    np.testing.assert_allclose(by_regression(np.zeros((4, 3)), codes), 0.5, atol=1e-6)
