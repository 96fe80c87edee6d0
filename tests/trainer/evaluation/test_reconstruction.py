"""Scores of reconstructions, worked by hand and computed again from what was kept."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

from napari_stimg.expression import log_expression
from napari_stimg.lattice import find_lattice
from napari_stimg.progress import run
from tests.known_slides import factor_checkpoint, simulated_slide
from trainer.evaluation.noise import Noise
from trainer.evaluation.parameters import EvaluateParameters
from trainer.evaluation.reconstruction import Answer, Scorer, score_reconstruction_of
from trainer.evaluation.squares import Hiding

TRUTH = np.array([[0.0, 2.0], [1.0, 0.0], [2.0, 4.0], [3.0, 1.0]], dtype=np.float32)
MASKS = [np.array([True, True, False, False]), np.array([False, False, True, False])]  # hide spots 0, 1 and 2
NOISE = Noise(spots=np.arange(4), variance=np.full((4, 2), 0.5, dtype=np.float32))


def scorer(noise: Noise | None = NOISE) -> Scorer:
    return Scorer(Hiding(name="2", side=2, masks=MASKS), sp.csr_matrix(TRUTH), noise)


def answers(expected: object, sd: float | None = None) -> list[Answer]:
    values = np.broadcast_to(np.asarray(expected, dtype=np.float32), (3, 2))
    given = None if sd is None else np.full((3, 2), sd, dtype=np.float32)
    return [
        Answer(expected=values[part], sd=None if given is None else given[part]) for part in (slice(2), slice(2, 3))
    ]


def test_errors_gains_and_explainable_share_are_those_worked_by_hand() -> None:
    scores = scorer()
    mean = scores.score(answers([1.0, 2.0]), 0.1)  # residuals -1 0, 0 -2, 1 2
    assert mean["mse"] == pytest.approx((1 + 0 + 0 + 4 + 1 + 4) / 6)
    assert mean["mae"] == pytest.approx((1 + 0 + 0 + 2 + 1 + 2) / 6)
    assert mean["gain_percent"] == mean["explainable_share"] == 0
    better = scores.score(answers(TRUTH[:3] + 1), 0.2)
    assert better["mse"] == pytest.approx(1)
    assert better["gain_percent"] == pytest.approx(40)
    assert better["mse_floor"] == pytest.approx(0.5)
    assert better["explainable_share"] == pytest.approx((10 / 6 - 1) / (10 / 6 - 0.5))
    assert better["pcc_gene"] == better["pcc_gene_top"] == better["pcc_spot"] == pytest.approx(1)
    assert (better["n_masks"], better["n_spots"], better["seconds_a_mask"]) == (2, 3, 0.2)


def test_correlations_are_over_all_hidden_spots_of_a_side() -> None:
    expected = np.array([[3.0, 1.0], [1.0, 0.0], [0.0, 7.0]])
    row = scorer().score(answers(expected), 0.0)
    of_gene = [np.corrcoef(TRUTH[:3, gene], expected[:, gene])[0, 1] for gene in range(2)]
    assert row["pcc_gene"] == pytest.approx(np.mean(of_gene), rel=1e-5)
    of_spot = [np.corrcoef(TRUTH[spot], expected[spot])[0, 1] for spot in range(3)]
    assert row["pcc_spot"] == pytest.approx(np.mean(of_spot), rel=1e-5)


def test_what_is_constant_has_no_correlation() -> None:
    row = scorer().score(answers(1.0), 0.0)
    assert np.isnan([row["pcc_gene"], row["pcc_gene_top"], row["pcc_spot"]]).all()


def test_only_methods_that_give_a_deviation_are_checked_for_it() -> None:
    scores = scorer()
    assert np.isnan(scores.score(answers(1.0), 0.0)["coverage_90"])
    assert scores.score(answers([1.0, 2.0], sd=10.0), 0.0)["coverage_90"] > 0.99
    assert scores.score(answers([1.0, 2.0], sd=0.01), 0.0)["coverage_90"] < 0.8


def test_without_counts_there_is_no_floor() -> None:
    row = scorer(None).score(answers([1.0, 2.0], sd=1.0), 0.0)
    assert np.isnan([row["mse_floor"], row["explainable_share"], row["coverage_90"]]).all()


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, pd.DataFrame]:
    folder = tmp_path_factory.mktemp("kept")
    slide = simulated_slide()
    params = EvaluateParameters(sides=(4, 7), n_squares=2, n_scattered=30)
    scoring = score_reconstruction_of(
        slide, find_lattice(slide), factor_checkpoint(), columns=np.arange(40), params=params, keep=folder
    )
    return folder, pd.DataFrame(run(scoring))


def test_every_method_is_scored_for_every_way_of_hiding(kept: tuple[Path, pd.DataFrame]) -> None:
    table = kept[1].pivot(index="method", columns="side", values="mse")
    assert table.shape == (7, 3)
    assert table.notna().all(axis=None)
    assert set(table.columns) == {"1 x 30", "4", "7"}
    assert (table.loc["napari-stimg"] < table.loc["slide mean"]).all()
    assert (table.loc["kriging"] < table.loc["slide mean"]).all()


def test_errors_can_be_computed_again_from_what_was_kept(kept: tuple[Path, pd.DataFrame]) -> None:
    folder, table = kept
    slide = simulated_slide()
    expression = log_expression(slide.counts).toarray()
    for side in ("1 x 30", "4", "7"):
        squared = []
        for path in sorted((folder / "reconstructions" / slide.name / side).iterdir()):
            with np.load(path) as found:
                assert found["genes"].tolist() == slide.gene_names[found["columns"]].tolist()
                assert found["sd"].shape == found["expected"].shape
                squared.append(np.square(expression[found["mask"]][:, found["columns"]] - found["expected"]))
        row = table[(table["side"] == side) & (table["method"] == "napari-stimg")].iloc[0]
        assert len(squared) == row["n_masks"]
        assert np.concatenate(squared).mean() == pytest.approx(row["mse"], rel=1e-5)


@pytest.mark.parametrize("change", [{"seed": 1}, {"n_squares": 1}, {"min_tissue": 0.1}, {"n_scattered": 5}])
def test_parameters_change_the_result(change: dict[str, int], kept: tuple[Path, pd.DataFrame]) -> None:
    slide = simulated_slide()
    params = EvaluateParameters(**({"sides": (4, 7), "n_squares": 2, "n_scattered": 30} | change))
    other = pd.DataFrame(
        run(
            score_reconstruction_of(
                slide, find_lattice(slide), factor_checkpoint(), columns=np.arange(40), params=params
            )
        )
    )
    assert other["mse"].tolist() != kept[1]["mse"].tolist()


def test_a_section_that_has_room_for_nothing_has_no_rows() -> None:
    slide = simulated_slide().select(np.arange(4))
    scoring = score_reconstruction_of(
        slide,
        find_lattice(slide),
        factor_checkpoint(),
        columns=np.arange(9),
        params=EvaluateParameters(sides=(30,)),
    )
    assert run(scoring) == []
