import numpy as np
import pytest

from napari_stimg.io.scale import um_per_place_of_legacy_st, um_per_place_of_visium
from tests.io.written_formats import hexagonal_truth, square_truth


@pytest.mark.parametrize("angle", [0.0, 0.3, np.pi / 2])
def test_the_pitch_of_visium_is_100_um_however_it_is_turned(angle):
    truth = hexagonal_truth()
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    assert um_per_place_of_visium(3 * truth.places @ turn, truth.array_indices) == pytest.approx(100 / (3 * 137.0))


def test_a_checkerboard_is_no_visium():
    indices = hexagonal_truth().array_indices
    assert um_per_place_of_visium(indices * 50.0, indices) is None


def test_a_square_array_is_no_visium():
    truth = square_truth()
    assert um_per_place_of_visium(truth.places, truth.array_indices) is None


def test_one_row_of_spots_tells_no_scale():
    row = hexagonal_truth(n_rows=1)
    assert um_per_place_of_visium(row.places, row.array_indices) is None
    assert um_per_place_of_legacy_st(row.places, row.array_indices) is None


def test_the_pitch_of_the_1k_array_is_200_um():
    truth = square_truth(step=250.0)
    assert um_per_place_of_legacy_st(truth.places, truth.array_indices) == pytest.approx(0.8)


def test_places_stretched_along_one_axis_tell_no_scale():
    truth = square_truth()
    assert um_per_place_of_legacy_st(truth.places * [1.0, 1.2], truth.array_indices) is None
