"""Labels carried from sections to others."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from napari_stimg.progress import run
from napari_stimg.slide import Slide
from tests.known_slides import factor_checkpoint, simulated_slide
from trainer.evaluation.parameters import EvaluateParameters
from trainer.evaluation.transfer import DONORS, SECTIONS, Lesson, labels_by_name, lesson_plan, score_lesson


def section(name: str, *, seed: int = 0) -> Slide:
    return replace(simulated_slide(n_rows=22, n_cols=18, seed=seed), name=name)


def unlabelled(name: str) -> Slide:
    slide = section(name)
    return replace(slide, obs=pd.DataFrame(index=slide.obs.index))


def names(lessons: list[Lesson]) -> list[tuple[str, list[str]]]:
    return [(lesson.protocol, [slide.name for slide in lesson.known]) for lesson in lessons]


def test_lessons_are_of_the_study_and_apart_by_donor() -> None:
    slides = [section(name) for name in ("her2st__A1", "her2st__A2", "her2st__B1", "dlpfc__1", "her2st__C1")]
    assert names(lesson_plan(slides[0], slides)) == [
        (SECTIONS, ["her2st__A2"]),
        (DONORS, ["her2st__B1", "her2st__C1"]),
    ]
    assert names(lesson_plan(slides[2], slides)) == [(DONORS, ["her2st__A1", "her2st__A2", "her2st__C1"])]
    assert lesson_plan(slides[3], slides) == []


def test_unlabelled_sections_neither_teach_nor_learn() -> None:
    slides = [section("dlpfc__1"), unlabelled("dlpfc__2"), section("dlpfc__3")]
    assert names(lesson_plan(slides[0], slides)) == [(SECTIONS, ["dlpfc__3"])]
    assert lesson_plan(slides[1], slides) == []


def test_sections_that_share_no_gene_are_no_lesson() -> None:
    other = section("dlpfc__2")
    other = replace(other, gene_names=np.array([f"X{i}" for i in range(other.n_genes)]))
    assert lesson_plan(section("dlpfc__1"), [other]) == []


def test_labels_are_compared_by_name() -> None:
    assert set(labels_by_name(section("a"))) == set(section("a").obs["layer"].astype(str))
    assert set(labels_by_name(unlabelled("a"))) == {""}


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    lesson = Lesson(protocol=SECTIONS, known=[section("x__1", seed=1), section("x__2", seed=2)], asked=section("x__3"))
    rows = run(score_lesson(lesson, factor_checkpoint(), params=EvaluateParameters()))
    return pd.DataFrame(rows).set_index(["features", "classifier"])


def test_layers_of_simulated_sections_are_carried_over(table: pd.DataFrame) -> None:
    assert len(table) == 12
    assert (table["protocol"] == SECTIONS).all()
    assert (table["fitted_on"] == "x__1, x__2").all()
    assert table.loc[("PCA smoothed, section-centred", "logistic regression"), "accuracy"] > 0.8
    assert (table["n_tested"] == section("x__3").n_spots).all()


def test_labels_that_were_never_taught_are_not_tested() -> None:
    taught = section("x__1", seed=1)
    layers = taught.obs["layer"].astype(str)
    few = sorted(set(layers))[:2]
    taught = replace(taught, obs=pd.DataFrame({"layer": layers.where(layers.isin(few))}, index=taught.obs.index))
    asked = section("x__3")
    rows = run(
        score_lesson(
            Lesson(protocol=DONORS, known=[taught], asked=asked), factor_checkpoint(), params=EvaluateParameters()
        )
    )
    assert {row["n_tested"] for row in rows} == {asked.obs["layer"].isin(few).sum()}


def test_nothing_is_learned_where_no_label_is_shared() -> None:
    other = section("x__1")
    other = replace(other, obs=pd.DataFrame({"layer": "z" + other.obs["layer"].astype(str)}, index=other.obs.index))
    lesson = Lesson(protocol=DONORS, known=[other], asked=section("x__3"))
    assert run(score_lesson(lesson, factor_checkpoint(), params=EvaluateParameters())) == []
