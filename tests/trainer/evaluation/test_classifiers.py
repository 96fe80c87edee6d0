"""What learns labels."""

import numpy as np
import pytest

from trainer.evaluation.classifiers import CLASSIFIERS, classify

RNG = np.random.default_rng(0)
LABELS = np.repeat([0, 1, 2], 40)
FEATURES = np.eye(3)[LABELS] + 0.1 * RNG.normal(size=(120, 3))


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_labels_that_lie_apart_are_learned(name: str) -> None:
    known = np.arange(120) % 3 == 0
    assert (classify(name, FEATURES[known], LABELS[known], FEATURES[~known]) == LABELS[~known]).mean() > 0.97


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_the_unit_of_features_does_not_matter(name: str) -> None:
    plain = classify(name, FEATURES[::2], LABELS[::2], FEATURES)
    np.testing.assert_array_equal(classify(name, 256 * FEATURES[::2], LABELS[::2], 256 * FEATURES), plain)


def test_ten_neighbours_vote_or_all_if_there_are_fewer() -> None:
    known = np.array([[0.0], [0.1]] + [[1.0]] * 8 + [[9.0]] * 20)
    labels = np.array([1, 1] + [0] * 8 + [2] * 20)
    assert classify("kNN", known, labels, np.array([[0.0]])).tolist() == [0]
    assert classify("kNN", known[:3], labels[:3], np.array([[0.0]])).tolist() == [1]


def test_seed_changes_the_perceptron() -> None:
    noise, labels = RNG.normal(size=(60, 4)), RNG.integers(0, 2, 60)
    asked = RNG.normal(size=(500, 4))
    first, again, other = (classify("MLP", noise, labels, asked, seed=seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_constant_features_are_no_error() -> None:
    assert classify("kNN", np.ones((4, 2)), np.array([0, 0, 0, 1]), np.ones((1, 2))).tolist() == [0]
