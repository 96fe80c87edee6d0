"""Gene planes and the contrast they are shown with."""

import numpy as np
import pytest
import scipy.sparse as sp

from napari_stimg.expression import gene_moments, log_expression
from napari_stimg.planes import GenePlanes, contrast_limits


@pytest.fixture
def counts():
    dense = np.random.default_rng(0).poisson(0.7, size=(13, 5)).astype(np.float32)
    dense[4] = 0
    dense[:, 3] = 0
    return sp.csr_matrix(dense)


def test_a_plane_is_the_column_of_log_expression(counts):
    planes, expected = GenePlanes(counts), log_expression(counts).toarray()
    for column in range(5):
        np.testing.assert_allclose(planes.expression(column), expected[:, column], rtol=1e-6)
    assert planes.expression(0).dtype == np.float32


def test_one_spots_value_is_that_of_the_plane(counts):
    planes = GenePlanes(counts)
    for column in range(5):
        one_by_one = [planes.expression_at(column, spot) for spot in range(13)]
        np.testing.assert_allclose(one_by_one, planes.expression(column), rtol=1e-6)


def test_mean_and_variance_are_those_of_log_expression(counts):
    planes, moments = GenePlanes(counts), gene_moments(log_expression(counts))
    np.testing.assert_array_equal(planes.mean, moments.mean)
    np.testing.assert_array_equal(planes.variance, moments.variance)


def test_a_spot_without_counts_is_zero_in_every_plane(counts):
    assert GenePlanes(counts).library_size[4] == 0
    assert all(GenePlanes(counts).expression(column)[4] == 0 for column in range(5))


def test_contrast_leaves_out_the_clipped_ends():
    assert contrast_limits(np.arange(101, dtype=np.float32), 10) == pytest.approx((10, 90))


def test_contrast_of_a_nearly_silent_gene_is_its_whole_range():
    values = np.zeros(1000, dtype=np.float32)
    values[7] = 2.5
    assert contrast_limits(values) == (0.0, 2.5)


@pytest.mark.parametrize("value", [0.0, 3.0])
def test_contrast_of_one_value_still_has_a_width(value):
    low, high = contrast_limits(np.full(9, value, dtype=np.float32))
    assert low == value < high


def test_contrast_ignores_nan():
    assert contrast_limits(np.array([np.nan, 1, 2, np.nan], dtype=np.float32), 0) == (1.0, 2.0)
    assert contrast_limits(np.full(3, np.nan, dtype=np.float32)) == (0.0, 1.0)


@pytest.mark.parametrize("largest", [255, 256, 65535, 65536, 0.5])
def test_no_count_is_lost_however_large(largest):
    counts = sp.csr_matrix(np.array([[largest, 1.0, 0.0], [0.0, 2.0, 1.0]], dtype=np.float32))
    planes, expected = GenePlanes(counts), log_expression(counts).toarray()
    for column in range(3):
        np.testing.assert_allclose(planes.expression(column), expected[:, column], rtol=1e-6)
