"""Which spots are told."""

import numpy as np
import pytest
from scipy.spatial import cKDTree

from napari_stimg.lattice import find_lattice
from tests.known_slides import simulated_slide, wavy_slide
from trainer.evaluation.expert_labels import expert_labels
from trainer.evaluation.scribbles import BLOB_SPOTS, random_spots, scribble

GRID = np.indices((12, 12)).reshape(2, -1).T.astype(float)


def hangs_together(positions: np.ndarray) -> bool:
    reached, tree = {0}, cKDTree(positions)
    for _ in positions:
        reached |= {near for spot in reached for near in tree.query_ball_point(positions[spot], 1.5)}
    return len(reached) == len(positions)


@pytest.mark.parametrize("seed", range(5))
def test_each_label_gets_one_contiguous_blob_of_ten_spots(seed: int) -> None:
    slide = simulated_slide()
    labels = expert_labels(slide)
    assert labels is not None
    positions = find_lattice(slide).positions
    told = scribble(labels.codes, positions, np.random.default_rng(seed))
    for code in range(len(labels.names)):
        blob = positions[told & (labels.codes == code)]
        assert len(blob) == BLOB_SPOTS == 10
        assert hangs_together(blob)


def test_blobs_of_open_ground_are_round() -> None:
    positions = find_lattice(wavy_slide()).positions
    told = scribble(np.zeros(len(positions), dtype=int), positions, np.random.default_rng(3))
    assert np.ptp(positions[told], axis=0).max() <= 4


def test_blobs_keep_to_their_label_round_corners() -> None:
    codes = np.where((GRID[:, 0] == 3) | (GRID[:, 1] == 3), 0, 1)  # label 0 is a cross, one spot wide
    told = scribble(codes, GRID, np.random.default_rng(0))
    assert hangs_together(GRID[told & (codes == 0)])
    assert (told & (codes == 0)).sum() == 10


def test_labels_without_room_are_left_out() -> None:
    codes = np.zeros(144, dtype=int)
    codes[:9] = 1  # nine in a row
    codes[[50, 70, 90, 110, 130, 57, 77, 97, 117, 137]] = 2  # ten that do not touch
    codes[143] = -1
    told = scribble(codes, GRID, np.random.default_rng(0))
    assert set(codes[told]) == {0}
    assert told.sum() == 10


def test_repeats_differ_and_seeds_repeat() -> None:
    codes = np.zeros(144, dtype=int)
    first, again, other = (scribble(codes, GRID, np.random.default_rng(seed)) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_a_fifth_of_the_labelled_spots_is_told_at_random() -> None:
    codes = np.where(np.arange(144) < 100, 0, -1)
    told = random_spots(codes, np.random.default_rng(0))
    assert told.sum() == 20
    assert not told[100:].any()
    assert not np.array_equal(told, random_spots(codes, np.random.default_rng(1)))
    assert random_spots(np.array([0, 1, -1]), np.random.default_rng(0)).sum() == 2
