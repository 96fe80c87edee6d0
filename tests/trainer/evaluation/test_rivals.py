"""Simple reconstructions, worked by hand."""

import numpy as np
import pytest
import scipy.sparse as sp

from napari_stimg.expression import log_expression
from napari_stimg.lattice import find_lattice
from tests.known_slides import slide_of, wavy_slide
from trainer.evaluation.puzzle import Puzzle, pose
from trainer.evaluation.rivals import RIVALS, gaussian_neighbours, nearest_spot, slide_mean, zeros

LOW, HIGH = np.log1p([1000, 3000])  # 1 and 3 of 10 counts
ROW = slide_of([[1, 9], [3, 7], [1, 9], [1, 9]])  # spots in a row, one pitch apart


def puzzle(hidden: int) -> Puzzle:
    mask = np.arange(4) == hidden
    columns = np.array([0])
    expression = sp.csr_matrix(log_expression(ROW.counts)[:, columns])
    return pose(ROW, find_lattice(ROW), mask, columns=columns, expression=expression)


def test_zeros_are_zero() -> None:
    assert zeros(puzzle(2)).tolist() == [[0]]


def test_the_slide_mean_is_that_of_the_visible_spots() -> None:
    assert slide_mean(puzzle(1))[0, 0] == pytest.approx(LOW)
    assert slide_mean(puzzle(2))[0, 0] == pytest.approx((LOW + HIGH + LOW) / 3)


def test_the_nearest_spot_is_copied() -> None:
    assert nearest_spot(puzzle(0))[0, 0] == pytest.approx(HIGH)
    assert nearest_spot(puzzle(3))[0, 0] == pytest.approx(LOW)


@pytest.mark.parametrize("sigma", [1.0, 2.0])
def test_neighbours_weigh_by_a_gaussian(sigma: float) -> None:
    near, far = np.exp(-0.5 * (np.array([1, 2]) / sigma) ** 2)
    expected = (near * HIGH + far * LOW + near * LOW) / (2 * near + far)
    assert gaussian_neighbours(sigma)(puzzle(2))[0, 0] == pytest.approx(expected, rel=1e-5)


def test_the_slide_mean_comes_first_as_gains_are_measured_against_it() -> None:
    assert next(iter(RIVALS)) == "slide mean"


def test_kriging_is_the_best_of_them_on_smooth_waves() -> None:
    slide = wavy_slide()
    lattice = find_lattice(slide)
    expression = log_expression(slide.counts)
    cells = lattice.cell_of_spot
    mask = ((cells >= [14, 12]) & (cells < [22, 20])).all(axis=1)
    posed = pose(slide, lattice, mask, columns=np.arange(40), expression=expression)
    truth = expression[mask].toarray()
    error = {name: float(np.square(truth - rival(posed)).mean()) for name, rival in RIVALS.items()}
    assert min(error, key=lambda name: error[name]) == "kriging"
    assert error["kriging"] < 0.4 * error["slide mean"]
