"""Whole evaluations, by the command and without what the command does not need."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from napari_stimg.errors import InputError
from tests.known_slides import simulated_slide
from tests.small_sections import write_small_model, write_small_section
from trainer.cli import main
from trainer.evaluation.run import check_names
from trainer.store import pack_slides

WITHOUT_READERS = """
import sys

class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {"anndata", "zarr", "napari", "pooch", "dask", "distributed", "h5py", "qtpy"}:
            raise ImportError(f"{name} is not to be imported")

sys.meta_path.insert(0, Refuse())
from trainer.cli import main
sys.exit(main(sys.argv[1:]))
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("evaluation")
    write_small_section(folder / "small.h5ad")
    write_small_section(folder / "other.h5ad")
    write_small_model(folder / "model.safetensors")
    (folder / "log.jsonl").write_text('{"step": 1, "loss": 2.0}\n')
    return folder


def evaluate(folder: Path, report: str, *options: str) -> int:
    given = ["evaluate", str(folder / "model.safetensors"), str(folder / "small.h5ad"), "-o", str(folder / report)]
    return main([*given, "--squares", "2", *options])


def facts(folder: Path, report: str) -> dict[str, Any]:
    read: dict[str, Any] = json.loads((folder / f"{report}.json").read_text())
    return read


def without_costs(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{key: row[key] for key in row if key not in ("seconds_a_mask", "seconds", "peak_mb")} for row in rows]


@pytest.fixture(scope="module")
def report(folder: Path) -> dict[str, Any]:
    log = ["--log", str(folder / "log.jsonl")]
    assert evaluate(folder, "report", "--sides", "4", "--keep", str(folder / "kept"), "--genes", "mbp", *log) == 0
    return facts(folder, "report")


def test_all_parts_are_written_with_pictures(report: dict[str, Any], folder: Path) -> None:
    assert [section["name"] for section in report["sections"]] == ["small"]
    assert report["sections"][0]["trained_on"] is True
    assert {row["side"] for row in report["reconstruction"]} == {"1 x 46", "4"}
    assert len(report["domains"]) == 5
    assert {row["protocol"] for row in report["probes"]} == {"scribbles", "random 20 %"}
    names = ["learning.png", "small-errors.png", "small-genes.png", "small-domains.png"]
    assert report["pictures"] == [f"report_files/{name}" for name in names]
    assert sorted(path.name for path in (folder / "report_files").iterdir()) == sorted(names)
    assert "*(trained on)*" in (folder / "report.md").read_text()
    assert not list(folder.rglob("*.part"))


def test_the_same_options_give_the_same_numbers(report: dict[str, Any], folder: Path) -> None:
    assert evaluate(folder, "again", "--sides", "4", "--what", "reconstruction,domains") == 0
    again = facts(folder, "again")
    for part in ("reconstruction", "domains"):
        assert without_costs(again[part]) == without_costs(report[part])
    assert again["probes"] == []


def test_seed_and_sides_change_the_numbers(report: dict[str, Any], folder: Path) -> None:
    assert evaluate(folder, "seeded", "--what", "reconstruction", "--sides", "4,6", "--seed", "1") == 0
    seeded = facts(folder, "seeded")["reconstruction"]
    assert {row["side"] for row in seeded} == {"1 x 46", "4", "6"}
    assert seeded[0]["mse"] != report["reconstruction"][0]["mse"]


def test_embeddings_of_other_methods_take_part(report: dict[str, Any], folder: Path) -> None:
    (folder / "kept" / "embeddings" / "napari-stimg").rename(folder / "kept" / "embeddings" / "peer")
    for method in ("PCA", "PCA smoothed", "PCA diffused", "places only (control)"):
        (folder / "kept" / "embeddings" / method / "small.npy").unlink()
    given = ["--embeddings", str(folder / "kept" / "embeddings")]
    assert evaluate(folder, "peers", "--what", "domains", *given) == 0
    rows = {row["method"]: row for row in facts(folder, "peers")["domains"]}
    assert len(rows) == 6
    assert rows["peer"]["ari"] == pytest.approx(rows["napari-stimg"]["ari"])
    assert rows["peer"]["seconds"] is None


def test_genes_of_a_reference_are_scored(folder: Path) -> None:
    options = ["--what", "reconstruction", "--sides", "4", "--genes-of", str(folder / "other.h5ad")]
    assert evaluate(folder, "shared", *options) == 0
    assert facts(folder, "shared")["sections"][0]["n_scored_genes"] == 60


def test_other_sections_teach(folder: Path) -> None:
    for name, source in (("study__1", "small"), ("study__2", "other")):
        (folder / f"{name}.h5ad").write_bytes((folder / f"{source}.h5ad").read_bytes())
    taught = ["evaluate", str(folder / "model.safetensors"), str(folder / "study__1.h5ad"), "--what", "probes"]
    assert main([*taught, "-o", str(folder / "taught"), "--fit-on", str(folder / "study__2.h5ad")]) == 0
    rows = [row for row in facts(folder, "taught")["probes"] if row["protocol"] == "across donors"]
    assert len(rows) == 12
    assert {row["fitted_on"] for row in rows} == {"study__2"}


def test_a_corpus_is_evaluated_where_no_reader_can_be_imported(folder: Path) -> None:
    slides = [replace(simulated_slide(seed=seed), name=f"packed{seed}") for seed in (0, 1)]
    pack_slides(slides, folder / "corpus")
    options = ["--sections", "packed1", "--sides", "4", "--squares", "1", "--what", "reconstruction,domains"]
    given = [
        "evaluate",
        str(folder / "model.safetensors"),
        str(folder / "corpus"),
        "-o",
        str(folder / "packed"),
        *options,
    ]
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_READERS, *given], capture_output=True, text=True, env=os.environ.copy()
    )
    assert done.returncode == 0, done.stderr
    found = facts(folder, "packed")
    assert [section["name"] for section in found["sections"]] == ["packed1"]
    assert len(found["domains"]) == 5
    assert len(found["pictures"]) == 3


@pytest.mark.parametrize(
    ("options", "match"),
    [
        (["--what", "all"], "expected parts of an evaluation (reconstruction, domains, probes), found all;"),
        (
            ["--sections", "a"],
            "expected the folder of a corpus to choose sections from, found none; leave out --sections",
        ),
        (["--genes", "mbp,absent"], "--genes: expected genes of the sections, found 'absent' on none; give another."),
        (["--embeddings", "nowhere"], "nowhere: expected a folder that holds METHOD/SECTION.npy, found none;"),
        (["--log", "nowhere"], "nowhere: expected the log of a run, found"),
        (["-o", "nowhere/report"], "expected a folder that can be written to, found none at"),
        (["--fit-on", "nowhere.h5ad"], "found nothing there; check the name."),
    ],
)
def test_bad_input_is_refused_in_one_sentence(
    options: list[str], match: str, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ["evaluate", str(folder / "model.safetensors"), str(folder / "small.h5ad"), "-o", str(tmp_path / "report")]
    assert main([*given, *options]) == 2
    sentence = capsys.readouterr().err.splitlines()[-1]
    assert sentence.startswith("stimg-train evaluate: ")
    assert match in sentence
    assert not list(tmp_path.iterdir())


def test_sections_of_one_name_are_refused() -> None:
    slide = simulated_slide()
    with pytest.raises(InputError, match="expected sections of different names, found 2 called simulated0; give each"):
        check_names([slide, slide])
    with pytest.raises(InputError, match="expected sections of different names, found none"):
        check_names([])


def test_what_was_kept_has_a_file_for_each_square(report: dict[str, Any], folder: Path) -> None:
    with np.load(folder / "kept" / "reconstructions" / "small" / "4" / "001.npz") as found:
        assert found["mask"].sum() == len(found["expected"]) <= 16
