from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.metrics import adjusted_rand_score

from napari_stimg.domains import (
    PALETTE,
    REFINE_NEIGHBOURS,
    ClusterParameters,
    PaintParameters,
    cluster,
    components,
    domain_colors,
    paint,
    refine,
)
from napari_stimg.errors import InputError

GRID = np.indices((24, 30)).reshape(2, -1).T.astype(np.float32)
STRIPES = np.digitize(GRID[:, 1], [14, 24])  # 14, 10 and 6 columns wide
RAGGED = ClusterParameters(n_domains=3, refine=False)


def planted(noise: float, *, seed: int = 0) -> NDArray[np.float32]:
    """Return a (720, 25) embedding in which each stripe lies around a centre of its own."""
    rng = np.random.default_rng(seed)
    centres = 3 * np.eye(3, 25)
    return (centres[STRIPES] + noise * rng.standard_normal((len(GRID), 25))).astype(np.float32)


# --- without labels ------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["consensus", "gmm", "kmeans"])
def test_planted_domains_are_found(method: Any) -> None:
    params = ClusterParameters(n_domains=3, method=method, refine=False)
    labels = cluster(planted(0.3), GRID, params=params)
    assert labels.dtype == np.int64
    assert adjusted_rand_score(STRIPES, labels) == 1


def test_domains_are_numbered_from_the_largest_to_the_smallest() -> None:
    np.testing.assert_array_equal(cluster(planted(0.3), GRID, params=RAGGED), STRIPES)
    shuffled = planted(0.3)[::-1]
    np.testing.assert_array_equal(cluster(shuffled, GRID[::-1], params=RAGGED), STRIPES[::-1])


def test_a_tied_mixture_tells_elongated_domains_apart_that_k_means_cuts_across() -> None:
    rng = np.random.default_rng(0)
    halves = GRID[:, 1] >= 14
    along, across = 1.6 * rng.standard_normal(len(GRID)), 0.3 * rng.standard_normal(len(GRID))
    embedding = np.stack([along - across + 2.8 * halves, along + across], axis=1)

    def agreement(method: Any) -> float:
        params = ClusterParameters(n_domains=2, method=method, refine=False)
        return float(adjusted_rand_score(halves, cluster(embedding, GRID, params=params)))

    assert agreement("gmm") > 0.9
    assert agreement("kmeans") < 0.5


def test_refinement_removes_stray_spots() -> None:
    raw, refined = (
        adjusted_rand_score(STRIPES, cluster(planted(1.6), GRID, params=ClusterParameters(n_domains=3, refine=refined)))
        for refined in (False, True)
    )
    assert refined > raw + 0.1


def test_the_number_of_domains_is_as_asked() -> None:
    noise = np.random.default_rng(0).standard_normal((len(GRID), 4))
    for n_domains in (2, 5):
        labels = cluster(noise, GRID, params=ClusterParameters(n_domains=n_domains, refine=False))
        assert np.unique(labels).tolist() == list(range(n_domains))


@pytest.mark.parametrize("method", ["consensus", "gmm", "kmeans"])
def test_equal_seeds_give_equal_domains(method: Any) -> None:
    noise = np.random.default_rng(0).standard_normal((300, 6))
    first, second, third = (
        cluster(
            noise, GRID[:300], params=ClusterParameters(n_domains=8, method=method, seed=seed, refine=False)
        ).tolist()
        for seed in (1, 1, 2)
    )
    assert first == second != third


@pytest.mark.parametrize("n_spots", [2, 3, 19])
def test_few_spots_can_be_clustered(n_spots: int) -> None:
    labels = cluster(planted(0.3)[:n_spots], GRID[:n_spots], params=ClusterParameters(n_domains=2))
    assert labels.shape == (n_spots,)


@pytest.mark.parametrize("n_domains", [1, 0, -3, 6])
def test_too_few_and_too_many_domains_are_refused(n_domains: int) -> None:
    with pytest.raises(
        InputError, match=rf"expected 2 to 5 domains \(the number of spots\), found {n_domains}; choose another number"
    ):
        cluster(planted(0.3)[:5], GRID[:5], params=ClusterParameters(n_domains=n_domains))


# --- refinement ----------------------------------------------------------------------------------------


def test_a_spot_takes_the_label_of_most_of_its_neighbours() -> None:
    line = np.stack([np.zeros(19), np.arange(19.0)], axis=1)  # everyone's 18 nearest are all others
    labels = np.array([1] * 12 + [0] * 7)
    np.testing.assert_array_equal(refine(labels, line), 1)


def test_a_tie_keeps_the_spot_s_own_label() -> None:
    line = np.stack([np.zeros(20), np.arange(20.0)], axis=1)
    labels = np.array([0] * 10 + [1] * 10)  # in the middle, 9 and 10 of 19 votes: the own half wins by one or ties
    np.testing.assert_array_equal(refine(labels, line), labels)
    small = np.array([[0.0, 0.0], [0.0, 1.0], [0.0, 2.0], [0.0, 3.0]])
    np.testing.assert_array_equal(refine(np.array([1, 1, 0, 0]), small), [1, 1, 0, 0])


def test_only_near_spots_vote() -> None:
    far = np.concatenate([GRID, GRID + 1000])
    labels = np.repeat([0, 3], len(GRID))
    np.testing.assert_array_equal(refine(labels, far), labels)


def test_a_lone_spot_of_another_domain_is_absorbed_but_a_thick_domain_is_kept() -> None:
    labels = STRIPES.copy()
    lone = int(np.flatnonzero((GRID == [12, 5]).all(axis=1))[0])
    labels[lone] = 2
    refined = refine(labels, GRID)
    assert refined[lone] == 0
    inner = np.abs(GRID[:, 1, None] - [13.5, 23.5]).min(axis=1) > 3
    np.testing.assert_array_equal(refined[inner], STRIPES[inner])


def test_a_vote_needs_two_rings_of_a_hexagonal_lattice() -> None:
    assert REFINE_NEIGHBOURS == 6 + 12


# --- from a few labels ---------------------------------------------------------------------------------


def scribbles(per_domain: int = 4, *, names: tuple[int, ...] = (0, 1, 2)) -> NDArray[np.int64]:
    labels = np.full(len(GRID), -1)
    for stripe, name in enumerate(names):
        labels[np.flatnonzero(STRIPES == stripe)[7 : 7 + per_domain]] = name
    return labels


@pytest.mark.parametrize("method", ["blend", "knn", "logistic"])
def test_a_few_labels_paint_the_whole_section(method: Any) -> None:
    painting = paint(planted(0.5), GRID, scribbles(), params=PaintParameters(method=method, refine=False))
    assert (painting.labels == STRIPES).mean() > 0.98
    assert painting.labels.dtype == np.int64
    assert painting.probabilities.shape == (len(GRID), 3)
    assert painting.probabilities.dtype == np.float32
    np.testing.assert_allclose(painting.probabilities.sum(axis=1), 1, rtol=1e-5)
    np.testing.assert_array_equal(painting.probabilities.argmax(axis=1), painting.labels)


@pytest.mark.parametrize("method", ["blend", "knn", "logistic"])
def test_labels_keep_their_numbers_and_probabilities_follow_their_order(method: Any) -> None:
    painting = paint(planted(0.5), GRID, scribbles(names=(7, 2, 40)), params=PaintParameters(method=method))
    assert set(painting.labels.tolist()) == {2, 7, 40}
    np.testing.assert_array_equal(np.array([2, 7, 40])[painting.probabilities.argmax(axis=1)], painting.labels)


def test_refinement_averages_the_probabilities_of_neighbours() -> None:
    embedding, labels = planted(1.5), scribbles()
    raw, refined = (
        paint(embedding, GRID, labels, params=PaintParameters(method="logistic", refine=refined))
        for refined in (False, True)
    )
    assert (refined.labels == STRIPES).mean() > (raw.labels == STRIPES).mean() + 0.1
    corner = ((GRID - GRID[0]) ** 2).sum(axis=1).argsort(kind="stable")
    assert raw.probabilities[corner[: REFINE_NEIGHBOURS + 1]].mean(axis=0) == pytest.approx(
        refined.probabilities[0], abs=0.1
    )


def test_the_number_of_neighbours_matters_only_to_nearest_neighbours() -> None:
    embedding, labels = planted(1.5), scribbles()

    def probabilities(**fields: Any) -> NDArray[np.float32]:
        return paint(embedding, GRID, labels, params=PaintParameters(**fields)).probabilities

    assert not np.array_equal(probabilities(method="knn", n_neighbours=1), probabilities(method="knn", n_neighbours=5))
    assert not np.array_equal(probabilities(method="knn"), probabilities(method="logistic"))
    np.testing.assert_array_equal(
        probabilities(method="logistic", n_neighbours=1), probabilities(method="logistic", n_neighbours=5)
    )


def test_fewer_labelled_spots_than_neighbours_all_vote() -> None:
    painting = paint(
        planted(0.3), GRID, scribbles(1), params=PaintParameters(method="knn", n_neighbours=100, refine=False)
    )
    np.testing.assert_array_equal(painting.labels, STRIPES)


@pytest.mark.parametrize(
    "draw", [lambda labels: np.full_like(labels, -1), lambda labels: np.where(labels > 0, -1, labels)]
)
def test_labels_of_fewer_than_two_domains_are_refused(draw: Callable[[Any], Any]) -> None:
    labels = draw(scribbles())
    n_domains = np.unique(labels[labels >= 0]).size
    with pytest.raises(
        InputError, match=f"expected labels of at least two domains, found {n_domains}; label some spots of another"
    ):
        paint(planted(0.3), GRID, labels)


# --- colours -------------------------------------------------------------------------------------------


def test_domains_have_different_colours_until_the_palette_ends() -> None:
    assert domain_colors(0) == []
    assert len(set(domain_colors(len(PALETTE)))) == len(PALETTE) == 16
    assert domain_colors(17)[16] == domain_colors(1)[0]
    assert all(len(color) == 7 and int(color[1:], 16) >= 0 for color in domain_colors(17))


def test_an_embedding_that_is_the_same_everywhere_has_no_domains() -> None:
    with pytest.raises(InputError, match="tells spots apart, found the same for all of them"):
        cluster(np.ones((50, 8)), np.random.default_rng(0).random((50, 2)), params=ClusterParameters(n_domains=3))


@pytest.mark.parametrize("rank", [1, 3])
def test_components_that_an_embedding_does_not_have_are_left_out(rank: int) -> None:
    rng = np.random.default_rng(0)
    embedding = (rng.standard_normal((60, rank)) @ rng.standard_normal((rank, 16))).astype(np.float32)
    assert components(embedding).shape == (60, rank)
    assert components(np.ones((60, 4))).shape == (60, 1)
