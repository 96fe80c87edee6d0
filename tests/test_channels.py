from itertools import permutations

import numpy as np
import pytest
from numpy.typing import NDArray

from napari_stimg.channels import draw_channels
from napari_stimg.errors import InputError

DRAWS = 20_000
WEIGHTS = np.array([0.5, 1.0, 2.0, 4.0, 8.0])


def inclusion_probabilities(weights: NDArray[np.floating], n_channels: int) -> NDArray[np.float64]:
    """Return each gene's chance to be drawn when genes are taken one by one, by weight, without replacement."""
    included = np.zeros(weights.size)
    for order in permutations(range(weights.size), n_channels):
        chance, left = 1.0, weights.sum()
        for gene in order:
            chance *= weights[gene] / left
            left -= weights[gene]
        included[list(order)] += chance
    return included


def frequencies(weights: NDArray[np.floating], n_channels: int, rule: str) -> NDArray[np.float64]:
    rng = np.random.default_rng(0)
    drawn = [draw_channels(weights, n_channels, rng=rng, rule=rule) for _ in range(DRAWS)]
    return np.bincount(np.concatenate(drawn), minlength=weights.size) / DRAWS


@pytest.mark.parametrize("n_channels", [1, 2, 3])
def test_genes_are_drawn_with_the_exact_inclusion_probabilities(n_channels: int) -> None:
    exact = inclusion_probabilities(WEIGHTS, n_channels)
    assert exact.sum() == pytest.approx(n_channels)
    tolerance = 4 * np.sqrt(0.25 / DRAWS)
    np.testing.assert_allclose(frequencies(WEIGHTS, n_channels, "variance"), exact, atol=tolerance)


def test_uniform_ignores_the_weights() -> None:
    np.testing.assert_allclose(frequencies(WEIGHTS, 2, "uniform"), 2 / 5, atol=4 * np.sqrt(0.24 / DRAWS))


def test_top_hvg_takes_the_heaviest_genes_without_chance() -> None:
    for seed in range(5):
        rng = np.random.default_rng(seed)
        assert draw_channels(WEIGHTS[::-1], 2, rng=rng, rule="top-hvg").tolist() == [0, 1]


def test_genes_of_weight_zero_come_only_after_all_others() -> None:
    weights = np.array([0.0, 1e-6, 0.0, 3.0, 0.0])
    for seed in range(50):
        drawn = draw_channels(weights, 3, rng=np.random.default_rng(seed))
        assert {1, 3} < set(drawn.tolist())


@pytest.mark.parametrize("rule", ["variance", "uniform", "top-hvg"])
def test_channels_are_sorted_and_none_comes_twice(rule: str) -> None:
    weights = np.random.default_rng(0).random(101).astype(np.float32)
    drawn = draw_channels(weights, 37, rng=np.random.default_rng(0), rule=rule)
    assert drawn.size == 37
    assert (np.diff(drawn) > 0).all()


def test_more_channels_than_genes_gives_all_genes() -> None:
    assert draw_channels(WEIGHTS, 512, rng=np.random.default_rng(0)).tolist() == [0, 1, 2, 3, 4]


def test_equal_seeds_draw_the_same_channels() -> None:
    weights = np.random.default_rng(0).random(100)
    first, second, third = (draw_channels(weights, 20, rng=np.random.default_rng(seed)).tolist() for seed in (1, 1, 2))
    assert first == second != third


def test_no_channel_is_refused() -> None:
    with pytest.raises(InputError, match="expected at least 1 channel, found 0; give a number of genes"):
        draw_channels(WEIGHTS, 0, rng=np.random.default_rng(0))


def test_an_unknown_rule_is_refused() -> None:
    with pytest.raises(InputError, match="variance, uniform or top-hvg, found hvg; choose one of them"):
        draw_channels(WEIGHTS, 2, rng=np.random.default_rng(0), rule="hvg")
