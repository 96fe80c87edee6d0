import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.metrics import adjusted_rand_score

from napari_stimg import mixtures
from napari_stimg.mixtures import mixture, vote, vote_of_mixtures

TRUTH = np.repeat([0, 1, 2], [60, 40, 20])


def test_a_vote_does_not_mind_how_clusterings_number_their_clusters() -> None:
    np.testing.assert_array_equal(vote([TRUTH, (TRUTH + 1) % 3, (TRUTH + 2) % 3], 3), TRUTH)


def test_a_vote_undoes_what_each_clustering_has_wrong_alone() -> None:
    rng = np.random.default_rng(0)
    voters = []
    for shift in range(7):
        wrong = TRUTH.copy()
        some = rng.permutation(TRUTH.size)[:25]
        wrong[some] = rng.integers(3, size=25)
        voters.append((wrong + shift) % 3)
    voted = vote(voters, 3)
    assert adjusted_rand_score(TRUTH, voted) > 0.95 > max(adjusted_rand_score(TRUTH, voter) for voter in voters)


def test_a_vote_that_would_leave_a_cluster_empty_returns_the_most_typical_clustering() -> None:
    lone = [
        np.where(np.arange(6) == spot, 1, 0) for spot in range(6)
    ]  # all agree that most are together, not on who is not
    voted = vote(lone, 2)
    assert any(np.array_equal(voted, one) for one in lone)


def test_a_vote_that_has_more_clusters_than_the_most_typical_clustering_stands() -> None:
    voters = [[1, 0, 0, 0, 0, 1], [1, 0, 1, 1, 2, 2], [2, 0, 2, 0, 1, 0], [0, 1, 0, 1, 0, 0]]
    np.testing.assert_array_equal(np.unique(vote([np.array(voter) for voter in voters], 3)), [0, 1, 2])


def test_a_vote_of_mixtures_is_steadier_than_its_voters() -> None:
    rng = np.random.default_rng(1)
    centres = rng.standard_normal((6, 20)) * np.linspace(1.2, 0.2, 20)
    places = np.repeat(centres, 50, axis=0) + 0.9 * rng.standard_normal((300, 20))

    def spread(labels: list[NDArray[np.int64]]) -> float:
        return float(np.mean([1 - adjusted_rand_score(one, other) for one in labels for other in labels]))

    voted = [vote_of_mixtures(places, 6, seed=seed) for seed in range(4)]
    single = [mixture(6, seed=seed, n_starts=1).fit_predict(places) for seed in range(4)]
    assert spread(voted) < spread(single)


def overlapping() -> NDArray[np.float64]:
    """Return (120, 10) places in three clouds that cannot be told apart wholly."""
    return 1.5 * np.eye(3, 10)[TRUTH] + np.random.default_rng(0).standard_normal((TRUTH.size, 10))


def test_large_sections_are_fitted_in_part_and_told_in_full(monkeypatch: pytest.MonkeyPatch) -> None:
    in_full = vote_of_mixtures(overlapping(), 3, seed=0)
    monkeypatch.setattr(mixtures, "MOST_FITTED", 60)
    in_part = vote_of_mixtures(overlapping(), 3, seed=0)
    assert in_part.shape == (TRUTH.size,)
    assert not np.array_equal(in_part, in_full)
    apart = 4 * np.eye(3, 10)[TRUTH] + 0.3 * np.random.default_rng(0).standard_normal((TRUTH.size, 10))
    assert adjusted_rand_score(TRUTH, vote_of_mixtures(apart, 3, seed=0)) == 1


def test_another_seed_gives_another_vote_and_the_same_one_the_same() -> None:
    first, again, other = (vote_of_mixtures(overlapping(), 3, seed=seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)
