"""Where to label next."""

import numpy as np
import pytest

from napari_stimg.next_labels import N_SPOTS, next_to_label

POSITIONS = np.column_stack(np.divmod(np.arange(400), 20)).astype(np.float64)
NONE = np.zeros(400, dtype=np.bool_)


def with_certainty(certainty):
    """Return (S, 2) probabilities of which the larger is this."""
    return np.column_stack([1 - certainty, certainty]).astype(np.float32)


def test_the_least_certain_spots_come_first_and_far_from_each_other():
    certainty = np.full(400, 0.9)
    certainty[[45, 46, 47, 390]] = 0.50, 0.51, 0.52, 0.60  # three beside each other, one far away
    spots = next_to_label(with_certainty(certainty), POSITIONS, NONE, n_spots=4)
    assert spots[:2].tolist() == [45, 390]
    distances = np.linalg.norm(POSITIONS[spots][:, None] - POSITIONS[spots], axis=2)
    assert distances[~np.eye(4, dtype=bool)].min() >= 5.0  # half of the 10 x 10 spots that each of 4 has


def test_spots_that_have_a_label_are_not_named():
    certainty = np.full(400, 0.9)
    certainty[45] = 0.5
    assert 45 not in next_to_label(with_certainty(certainty), POSITIONS, np.arange(400) == 45)


@pytest.mark.parametrize("n_spots", [3, N_SPOTS])
def test_so_many_are_named(n_spots):
    certainty = np.random.default_rng(0).uniform(0.5, 0.9, 400)
    assert len(next_to_label(with_certainty(certainty), POSITIONS, NONE, n_spots=n_spots)) == n_spots


def test_where_all_is_certain_none_is_named():
    assert next_to_label(with_certainty(np.ones(400)), POSITIONS, NONE).size == 0
