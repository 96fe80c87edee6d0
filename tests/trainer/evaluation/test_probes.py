"""Labels learned from a few spots, of features whose answer is known."""

import numpy as np
import pandas as pd
import pytest

from napari_stimg.labels import Labels
from napari_stimg.lattice import find_lattice
from napari_stimg.progress import run
from tests.known_slides import checkpoint_of, wavy_slide
from trainer.evaluation.parameters import EvaluateParameters
from trainer.evaluation.probes import PAINT, RANDOM, SCRIBBLES, compare, score_probes_of, summarise

WAVES = wavy_slide()
SLIDE = WAVES.select(find_lattice(WAVES).cell_of_spot[:, 1] < 18)  # 40 x 18 spots
LATTICE = find_lattice(SLIDE)
CODES = np.digitize(LATTICE.positions[:, 0], [10, 20, 30])  # four bands of ten rows
CODES[:5] = -1
LABELS = Labels(key="layer", names=("a", "b", "c", "d"), codes=CODES)
RNG = np.random.default_rng(0)
CHECKPOINT = checkpoint_of(SLIDE)
EXTERNAL = {"oracle": 5.0 * np.eye(4)[np.maximum(CODES, 0)], "noise": RNG.normal(size=(SLIDE.n_spots, 4))}


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    scoring = score_probes_of(
        SLIDE,
        LATTICE,
        CHECKPOINT,
        LABELS,
        params=EvaluateParameters(n_scribbles=3),
        external=EXTERNAL,
    )
    return pd.DataFrame(run(scoring)).set_index(["protocol", "features", "classifier"]).sort_index()


def test_features_that_are_the_labels_learn_all(table: pd.DataFrame) -> None:
    oracle = table.xs("oracle", level="features")
    assert len(oracle) == 6
    assert (oracle[["accuracy", "balanced_accuracy", "ari"]] == 1).all(axis=None)


def test_features_that_are_noise_learn_nothing(table: pd.DataFrame) -> None:
    noise = table.xs("noise", level="features")
    assert (noise["accuracy"] < 0.35).all()
    assert (noise["ari"].abs() < 0.05).all()


def test_places_do_well_by_leaking_neighbours_and_badly_from_scribbles(table: pd.DataFrame) -> None:
    places = "places only (control)"
    assert table.loc[(RANDOM, places, "kNN"), "accuracy"] > 0.9
    assert table.loc[(SCRIBBLES, places, "kNN"), "accuracy"] < 0.8


def test_only_spots_that_were_not_told_are_tested(table: pd.DataFrame) -> None:
    assert (table.loc[SCRIBBLES, "n_tested"] == 715 - 40).all()
    assert (table.loc[RANDOM, "n_tested"] == 715 - 143).all()
    assert (table.loc[(SCRIBBLES, "oracle", PAINT), "n_repeats"] == 3).all()


def test_labels_without_room_for_a_scribble_are_not_tested() -> None:
    codes = CODES.copy()
    codes[50:54] = 4
    labels = Labels(key="layer", names=("a", "b", "c", "d", "rare"), codes=codes)
    scoring = score_probes_of(SLIDE, LATTICE, CHECKPOINT, labels, params=EvaluateParameters(n_scribbles=1))
    rows = [row for row in run(scoring) if row["protocol"] == SCRIBBLES]
    assert {row["n_tested"] for row in rows} == {715 - 40 - 4}


def test_seed_changes_the_result(table: pd.DataFrame) -> None:
    params = EvaluateParameters(n_scribbles=1, seed=1)
    scoring = score_probes_of(SLIDE, LATTICE, CHECKPOINT, LABELS, params=params, external=EXTERNAL)
    other = pd.DataFrame(run(scoring)).set_index(["protocol", "features", "classifier"]).sort_index()
    for protocol, classifier in ((SCRIBBLES, "kNN"), (RANDOM, "MLP")):
        assert (
            other.loc[(protocol, "noise", classifier), "accuracy"]
            != table.loc[(protocol, "noise", classifier), "accuracy"]
        )
    assert (other["n_repeats"] == 1).all()


def test_scores_are_those_worked_by_hand() -> None:
    truth, predicted = np.array([0, 0, 0, 1, 1, 0]), np.array([0, 0, 1, 1, 1, 1])
    tested = np.array([True] * 5 + [False])
    scores = compare(truth, predicted, tested)
    assert scores["accuracy"] == pytest.approx(4 / 5)
    assert scores["balanced_accuracy"] == pytest.approx((2 / 3 + 1) / 2)
    assert scores["ari"] == pytest.approx(1 / 6)  # pairs: 2 agree in one, chance 1.6, most 4


def test_spread_is_that_over_repeats() -> None:
    row = summarise([{"accuracy": 0.5, "ari": 0.0}, {"accuracy": 0.7, "ari": 1.0}])
    assert row["accuracy"] == pytest.approx(0.6)
    assert row["accuracy_sd"] == pytest.approx(0.1)
    assert row["ari_sd"] == pytest.approx(0.5)
    assert row["n_repeats"] == 2
    assert np.isnan(summarise([{"accuracy": 0.5, "ari": 0.0}])["accuracy_sd"])
