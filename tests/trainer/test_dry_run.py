import os
from dataclasses import replace
from pathlib import Path

import pytest

from napari_stimg.errors import InputError
from napari_stimg.progress import Progress, run
from tests.small_corpus import small_config
from trainer.dry_run import estimate


def facts_of(text: str) -> dict[str, str]:
    return {line[:18].strip(): line[19:] for line in text.splitlines()}


def test_a_dry_run_says_what_a_run_takes_and_leaves_nothing(corpus: Path, data: object, tmp_path: Path) -> None:
    config = small_config(corpus, tmp_path / "run", data={"validation": ["simulated2"]}, optimiser={"steps": 4000})
    told: list[Progress] = []
    facts = facts_of(run(estimate(config), told.append))
    assert facts["sections"] == "2 to train on, 1 to validate on"
    assert facts["cells"] == "380"
    assert facts["genes"] == "43"
    assert facts["weights"].endswith(" of which 688 are gene embeddings")  # 2 x 43 x 8
    assert facts["batches from"] == "0 workers"
    assert facts["processes"] == "1 of cpu"
    assert " crops, " in facts["batch"]
    assert facts["time"].endswith(" for 4,000 steps, without validation")
    assert int(facts["peak memory"].split()[0].replace(",", "")) > 50
    assert told[-1].message == "Trying a few steps"
    assert os.listdir(tmp_path) == []


def test_a_run_of_one_step_is_tried_too(corpus: Path, tmp_path: Path) -> None:
    config = small_config(corpus, tmp_path / "run", optimiser={"steps": 1})
    assert facts_of(run(estimate(config)))["time"].endswith(" for 1 steps, without validation")


def test_more_steps_take_more_time(corpus: Path, tmp_path: Path) -> None:
    config = small_config(corpus, tmp_path / "run", optimiser={"steps": 10**7})
    assert " h " in facts_of(run(estimate(config)))["time"]


def test_a_corpus_that_cannot_be_used_is_refused(corpus: Path, tmp_path: Path) -> None:
    config = small_config(corpus, tmp_path / "run")
    with pytest.raises(InputError, match="none"):
        run(estimate(replace(config, data=replace(config.data, corpus=str(tmp_path / "none")))))
