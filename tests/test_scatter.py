"""The drawing of truth against reconstruction."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from napari_stimg.scatter import draw_scatter

TRUTH = np.array([0.0, 1.0, 2.0, 5.0], dtype=np.float32)


def test_every_spot_is_a_point_and_the_scores_are_those_worked_by_hand() -> None:
    axes = Figure().add_subplot()
    draw_scatter(axes, TRUTH, 2 * TRUTH, gene="PCP4")
    np.testing.assert_allclose(axes.collections[0].get_offsets(), np.stack([TRUTH, 2 * TRUTH], axis=1))
    assert axes.get_title() == "PCP4: 4 hidden spots, PCC 1.00, MSE 7.500"


def test_the_line_is_where_both_are_equal_and_spans_the_axes() -> None:
    axes = Figure().add_subplot()
    draw_scatter(axes, TRUTH, TRUTH[::-1].copy(), gene="PCP4")
    x, y = axes.lines[0].get_data()
    np.testing.assert_array_equal(x, y)
    assert axes.get_xlim() == axes.get_ylim() == pytest.approx((min(x), max(x)))


def test_a_gene_that_is_constant_has_no_correlation() -> None:
    axes = Figure().add_subplot()
    draw_scatter(axes, np.zeros(3, dtype=np.float32), np.zeros(3, dtype=np.float32), gene="PCP4")
    assert "PCC undefined" in axes.get_title()
