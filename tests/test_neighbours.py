import numpy as np
import pytest

from napari_stimg.neighbours import SPOTS_AT_ONCE, smooth

LINE = np.stack([np.zeros(4), [0.0, 1.0, 2.0, 100.0]], axis=1)


def test_smoothing_is_the_gaussian_weighted_mean_worked_by_hand() -> None:
    near, far = np.exp(-0.5 / 4), np.exp(-0.5)  # one and two pitches at sigma 2
    smoothed = smooth(np.array([[1.0], [0.0], [0.0], [7.0]]), LINE, sigma=2.0)
    total = 1 + near + far
    assert smoothed.ravel() == pytest.approx([1 / total, near / (1 + 2 * near), far / total, 7])


def test_what_is_constant_stays() -> None:
    positions = np.random.default_rng(0).uniform(0, 9, (60, 2))
    np.testing.assert_allclose(smooth(np.full((60, 3), 2.5), positions, sigma=1.5), 2.5)


def test_a_wider_gaussian_smooths_more() -> None:
    rng = np.random.default_rng(0)
    positions, noise = rng.uniform(0, 20, (400, 2)), rng.standard_normal((400, 5))
    assert smooth(noise, positions, sigma=3.0).std() < smooth(noise, positions, sigma=1.0).std() < noise.std()


def test_a_lone_spot_is_left_as_it_is() -> None:
    np.testing.assert_array_equal(smooth(np.array([[3.0, 4.0]]), LINE[:1], sigma=2.0), [[3, 4]])


def test_spots_of_a_large_section_see_across_the_blocks_it_is_smoothed_in() -> None:
    positions = np.stack([np.zeros(SPOTS_AT_ONCE + 9), np.arange(SPOTS_AT_ONCE + 9.0)], axis=1)
    step = (positions[:, 1] >= SPOTS_AT_ONCE).astype(np.float64)[:, None]
    near = slice(SPOTS_AT_ONCE - 9, SPOTS_AT_ONCE + 9)
    alone = smooth(step[near], positions[near], sigma=1.0)
    np.testing.assert_allclose(smooth(step, positions, sigma=1.0)[near][4:-4], alone[4:-4], rtol=1e-6)
    assert 0 < alone[8, 0] < 0.5 < alone[9, 0] < 1
