"""Agreement of domains with expert labels."""

from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import adjusted_rand_score

from napari_stimg.domains import ClusterParameters, cluster, refine
from napari_stimg.labels import Labels
from napari_stimg.lattice import find_lattice
from napari_stimg.progress import run
from tests.known_slides import factor_checkpoint, simulated_slide, wavy_slide
from trainer.evaluation.domains import agreement, score_domains_of
from trainer.evaluation.expert_labels import expert_labels
from trainer.evaluation.parameters import EvaluateParameters

SLIDE = simulated_slide()
LATTICE = find_lattice(SLIDE)

BACK_ENDS: tuple[Literal["gmm", "consensus"], ...] = ("gmm", "consensus")


def labels_of_slide() -> Labels:
    labels = expert_labels(SLIDE)
    assert labels is not None
    return labels


def test_domains_that_are_the_labels_agree_whatever_their_numbers() -> None:
    codes = np.repeat([0, 1], 720)
    labels = Labels(key="layer", names=("a", "b"), codes=codes)
    row = agreement(labels, [codes, 1 - codes], find_lattice(wavy_slide()))
    assert row["ari"] == row["nmi"] == row["ari_refined"] == row["nmi_refined"] == pytest.approx(1)
    assert row["ari_sd"] == row["ari_refined_sd"] == 0


def test_unlabelled_spots_are_not_scored_but_vote() -> None:
    codes = np.repeat([0, 1], 720)
    wrong = np.where(np.arange(1440) % 60 == 0, 1 - codes, codes)
    labels = Labels(key="layer", names=("a", "b"), codes=np.where(wrong == codes, codes, -1))
    row = agreement(labels, [wrong], find_lattice(wavy_slide()))
    assert row["ari"] == pytest.approx(1)
    shown = agreement(Labels(key="layer", names=("a", "b"), codes=codes), [wrong], find_lattice(wavy_slide()))
    assert shown["ari"] < 1
    assert shown["ari_refined"] == pytest.approx(1)  # single spots are outvoted


def test_spread_is_that_over_seeds() -> None:
    codes = np.repeat([0, 1], 720)
    labels = Labels(key="layer", names=("a", "b"), codes=codes)
    row = agreement(labels, [codes, np.zeros(1440, dtype=int)], find_lattice(wavy_slide()))
    assert (row["ari"], row["ari_sd"]) == (0.5, 0.5)
    assert (row["nmi"], row["nmi_sd"]) == (pytest.approx(0.5), pytest.approx(0.5))


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, pd.DataFrame]:
    folder = tmp_path_factory.mktemp("kept")
    external = {"oracle": np.eye(7)[labels_of_slide().codes]}
    scoring = score_domains_of(
        SLIDE,
        LATTICE,
        factor_checkpoint(),
        labels_of_slide(),
        params=EvaluateParameters(n_seeds=2, seed=3),
        external=external,
        keep=folder,
    )
    found = run(scoring)
    assert list(found.refined) == [row["method"] for row in found.rows]
    return folder, pd.DataFrame(found.rows).set_index("method")


def test_all_methods_and_external_embeddings_have_a_row(kept: tuple[Path, pd.DataFrame]) -> None:
    table = kept[1]
    assert len(table) == 6
    assert table.loc["oracle", "ari"] == pytest.approx(1)
    assert table["ari"].idxmax() == "oracle"
    assert np.isnan(table.loc["oracle", "seconds"])
    assert (table.drop(index="oracle")["seconds"] > 0).all()


def test_indices_can_be_computed_again_from_what_was_kept(kept: tuple[Path, pd.DataFrame]) -> None:
    folder, table = kept
    truth = labels_of_slide().codes
    methods = sorted(path.name for path in (folder / "embeddings").iterdir())
    assert methods == sorted(set(table.index) - {"oracle"})
    for method in methods:
        values = np.load(folder / "embeddings" / method / f"{SLIDE.name}.npy")
        found, votes = (
            [
                cluster(
                    values,
                    LATTICE.positions,
                    params=ClusterParameters(n_domains=7, method=method, refine=False, seed=seed),
                )
                for seed in (3, 4)
            ]
            for method in BACK_ENDS
        )
        refined, of_votes = ([refine(one, LATTICE.positions) for one in labels] for labels in (found, votes))
        for column, shown in (("ari", found), ("ari_refined", refined), ("ari_vote", of_votes)):
            again = np.mean([adjusted_rand_score(truth, domains) for domains in shown])
            assert again == pytest.approx(table.loc[method, column])


def test_labels_are_those_of_layer_or_region() -> None:
    assert labels_of_slide().key == "layer"
    assert expert_labels(wavy_slide()) is None
