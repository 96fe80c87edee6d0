from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from numpy.typing import ArrayLike

from napari_stimg.expression import log_expression
from napari_stimg.inference import Reconstruction
from napari_stimg.lattice import find_lattice
from napari_stimg.scores import NEIGHBOUR_SIGMA, score_reconstruction, summary
from napari_stimg.slide import Slide
from tests.known_slides import simulated_slide, slide_of

# Spots in a row, one pitch apart; 1 and 3 of 10 counts:
LOW, HIGH = np.log1p([1000, 3000])
ROW = slide_of([[1, 9, 0], [3, 7, 0], [1, 9, 0], [1, 9, 0]])


def reconstruction(expected: ArrayLike, *, spots: list[int], columns: list[int]) -> Reconstruction:
    expected = np.asarray(expected, dtype=np.float32)
    return Reconstruction(
        spots=np.array(spots), columns=np.array(columns), expected=expected, sd=np.ones_like(expected), elapsed_s=0.0
    )


def scores(slide: Slide, expected: ArrayLike, *, spots: list[int], columns: list[int]) -> pd.DataFrame:
    return score_reconstruction(slide, find_lattice(slide), reconstruction(expected, spots=spots, columns=columns))


def test_errors_are_those_worked_by_hand() -> None:
    table = scores(ROW, [[HIGH + 0.5], [LOW - 1.0]], spots=[1, 2], columns=[0])
    assert table.index.tolist() == ["GENE0"]
    assert table.loc["GENE0", "mse"] == pytest.approx((0.25 + 1) / 2)
    assert table.loc["GENE0", "mae"] == pytest.approx((0.5 + 1) / 2)
    assert table.loc["GENE0", "pcc"] == pytest.approx(1)


def test_the_slide_mean_is_that_of_the_visible_spots() -> None:
    table = scores(ROW, [[HIGH], [LOW]], spots=[1, 2], columns=[0])  # the visible spots 0 and 3 are LOW
    assert table.loc["GENE0", "mse_slide_mean"] == pytest.approx((HIGH - LOW) ** 2 / 2)
    assert table.loc["GENE0", "mse"] == pytest.approx(0, abs=1e-10)
    assert table.loc["GENE0", "gain_percent"] == pytest.approx(100)


def test_the_neighbours_mean_is_weighted_by_a_gaussian() -> None:
    table = scores(ROW, [[0.0]], spots=[2], columns=[0])
    near, far = np.exp(-0.5 * (np.array([1, 2]) / NEIGHBOUR_SIGMA) ** 2)
    around = (far * LOW + near * HIGH + near * LOW) / (far + near + near)
    assert table.loc["GENE0", "mse_neighbours"] == pytest.approx((LOW - around) ** 2, rel=1e-5)
    assert table.loc["GENE0", "mse"] == pytest.approx(LOW**2, rel=1e-5)
    assert table.loc["GENE0", "gain_over_neighbours_percent"] == pytest.approx(
        100 * (1 - LOW**2 / (LOW - around) ** 2), rel=1e-4
    )


def test_neighbours_far_across_a_hole_still_have_a_mean() -> None:
    places = np.array([[0.0, 0.0], [0.0, 500.0]])
    slide = slide_of([[1, 9], [3, 7]], places=places, array_indices=places.astype(np.int64))
    assert scores(slide, [[LOW]], spots=[1], columns=[0]).loc["GENE0", "mse_neighbours"] == pytest.approx(
        (HIGH - LOW) ** 2, rel=1e-5
    )


def test_a_gene_that_is_constant_has_no_correlation_and_gains_nothing_over_a_perfect_guess() -> None:
    table = scores(ROW, [[0.0, 1.0], [0.0, 2.0]], spots=[1, 2], columns=[2, 0])
    assert table.index.tolist() == ["GENE2", "GENE0"]
    assert np.isnan(table.loc["GENE2", "pcc"])
    assert table.loc["GENE2", ["gain_percent", "gain_over_neighbours_percent"]].tolist() == [0, 0]
    assert table.loc["GENE0", "pcc"] == pytest.approx(-1)


def test_correlation_is_pearson_s() -> None:
    slide = simulated_slide()
    spots = list(range(20, 60))
    expected = np.random.default_rng(0).random((40, 3))
    truth = log_expression(slide.counts).toarray()[20:60][:, [4, 0, 9]]
    table = scores(slide, expected, spots=spots, columns=[4, 0, 9])
    assert table.index.tolist() == slide.gene_names[[4, 0, 9]].tolist()
    for gene in range(3):
        pearson = np.corrcoef(truth[:, gene], expected[:, gene])[0, 1]
        assert table["pcc"].iloc[gene] == pytest.approx(pearson, rel=1e-4)


def test_the_visible_spots_own_values_are_not_scored() -> None:
    slide = simulated_slide()
    expected = np.zeros((2, 1), dtype=np.float32)
    table = scores(slide, expected, spots=[7, 9], columns=[0])
    counts = slide.counts.tolil()
    counts[100] = 50
    other = scores(replace(slide, counts=counts.tocsr()), expected, spots=[7, 9], columns=[0])
    assert other["mse"].iloc[0] == table["mse"].iloc[0]
    assert other["mse_slide_mean"].iloc[0] != table["mse_slide_mean"].iloc[0]


def test_the_summary_s_gains_are_those_of_the_mean_errors() -> None:
    table = pd.DataFrame(
        {
            "mse": [1.0, 3.0],
            "mae": [0.5, 1.5],
            "pcc": [0.4, np.nan],
            "mse_slide_mean": [2.0, 6.0],
            "mse_neighbours": [1.0, 4.0],
            "gain_percent": [50.0, 50.0],
            "gain_over_neighbours_percent": [0.0, 25.0],
        }
    )
    assert summary(table) == pytest.approx(
        {
            "mse": 2.0,
            "mae": 1.0,
            "pcc": 0.4,
            "mse_slide_mean": 4.0,
            "mse_neighbours": 2.5,
            "gain_percent": 50.0,
            "gain_over_neighbours_percent": 20.0,
        }
    )


def test_the_summary_of_perfect_guesses_gains_nothing() -> None:
    table = scores(ROW, [[0.0]], spots=[1], columns=[2])
    assert summary(table)["gain_percent"] == summary(table)["gain_over_neighbours_percent"] == 0
