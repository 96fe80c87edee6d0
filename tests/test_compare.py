"""A page on all methods: what it says follows from the numbers it is given."""

import json
import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from benchmarks.compare.__main__ import main
from benchmarks.compare.embed import embed_all, requirements_of, run, why
from benchmarks.compare.methods import METHODS
from benchmarks.compare.page import page
from benchmarks.compare.pictures import MOST_BYTES, dot_figure, gain_figure, shrink
from benchmarks.compare.provenance import Comparison, epochs, missing, seen
from benchmarks.compare.scores import ARI_REFINED, MSE, PAINTED, SECONDS, domain_scores, hole_scores
from benchmarks.compare.tables import overview, ranked, table
from benchmarks.compare.verdicts import lower_errors, place, verdicts
from tests.small_sections import small_section, write_small_model, write_small_section

MODEL = "napari-stimg"


def domains(section: str, method: str, ari: float | None, sd: float = 0.0, **more: object) -> dict[str, object]:
    return {"section": section, "method": method, "ari_refined": ari, "ari_refined_sd": sd, **more}


def painted(section: str, method: str, accuracy: float) -> dict[str, object]:
    told = {"protocol": "scribbles", "classifier": "viewer's painting"}
    return {"section": section, "features": method, "accuracy": accuracy, "accuracy_sd": 0.1, **told}


def hole(section: str, side: str, method: str, mse: float) -> dict[str, object]:
    return {
        "section": section,
        "side": side,
        "method": method,
        "mse": mse,
        "gain_percent": 100 * (1 - mse),
        "explainable_share": 1 - mse,
    }


def fact(method: str, section: str, **more: object) -> dict[str, object]:
    made = {"package": f"py{method}", "version": "1.0", "versions": {"numpy": "2.0"}, "parameters": {}, "seed": 0}
    return (
        {"method": method, "section": section, "seconds": 9.0, "cpu_seconds": 4.0, "omp_num_threads": "1"} | made | more
    )


def report_of(**parts: object) -> dict[str, Any]:
    section = {"n_spots": 1200, "n_genes": 30, "n_scored_genes": 20, "n_labels": 3, "lattice": "hex"}
    section |= {"of_variance": 0.2, "shared": 0.6, "by_depth": 0.3}
    return {
        "version": "9.9",
        "checkpoint": {"file": "m.safetensors", "sha256": "a" * 64},
        "parameters": {"seed": 0, "n_seeds": 5, "n_scribbles": 10, "n_squares": 20},
        "sections": [{"name": name, **section} for name in ("one__a", "two__b")],
        "domains": [],
        "probes": [],
        "reconstruction": [],
        **parts,
    }


REPORT = report_of(
    domains=[
        domains("one__a", "PCA", 0.5, 0.01, seconds=1.0, peak_mb=10.0),
        domains("one__a", MODEL, 0.6, 0.02, seconds=2.0),
        domains("one__a", "banksy", 0.55, 0.3, seconds=None),
        domains("two__b", "PCA", 0.4, seconds=3.0),
        domains("two__b", MODEL, 0.2, seconds=2.0),
    ],
    probes=[painted("one__a", "PCA", 0.5), painted("one__a", MODEL, 0.7), painted("two__b", MODEL, 0.3)],
    reconstruction=[
        hole("one__a", "1 x 200", "slide mean", 1.0),
        hole("one__a", "1 x 200", MODEL, 0.9),
        hole("one__a", "4", "slide mean", 1.0),
        hole("one__a", "4", MODEL, 1.1),
        hole("two__b", "1 x 50", "slide mean", 1.0),
        hole("two__b", "1 x 50", MODEL, 0.8),
    ],
)
FACTS = [fact("banksy", "one__a", peak_mb=77)]
COMPARISON = Comparison(
    report=REPORT, facts=FACTS, failures={"graphst": {"one__a": "too few genes"}}, trained_on=["three__c"]
)
SCORES = domain_scores(REPORT, FACTS)
HOLES = hole_scores(REPORT)


def cells(markdown: str) -> list[list[str]]:
    """Return the cells of a table, without the line under its head."""
    lines = [[cell.strip() for cell in line.strip("| ").split("|")] for line in markdown.splitlines()]
    return [lines[0], *lines[2:]]


def test_sections_stand_side_by_side_and_the_best_of_each_is_bold() -> None:
    assert cells(overview(SCORES, ARI_REFINED)) == [
        ["method", "one__a", "two__b", "mean"],
        ["PCA", "0.500 ± 0.010", "**0.400 ± 0.000**", "**0.450**"],
        [MODEL, "**0.600 ± 0.020**", "0.200 ± 0.000", "0.400"],
        ["BANKSY", "0.550 ± 0.300", "-", "-"],
    ]


def test_a_method_that_lacks_a_section_comes_last_however_good() -> None:
    scores = domain_scores(
        report_of(domains=[domains("a", MODEL, 0.1), domains("b", MODEL, 0.1), domains("b", "x", 1)]), []
    )
    assert ranked(scores, ARI_REFINED) == [MODEL, "x"]


def test_costs_of_a_peer_are_those_beside_its_embedding() -> None:
    seconds = SCORES[SCORES["measure"] == SECONDS.name].set_index(["method", "section"])["value"]
    assert seconds.to_dict() == {
        ("PCA", "one__a"): 1.0,
        (MODEL, "one__a"): 2.0,
        ("PCA", "two__b"): 3.0,
        (MODEL, "two__b"): 2.0,
        ("BANKSY", "one__a"): 9.0,
    }
    assert cells(overview(SCORES, SECONDS))[1:] == [
        ["PCA", "1.0", "3.0", "2.0"],
        [MODEL, "2.0", "2.0", "2.0"],
        ["BANKSY", "9.0", "-", "-"],
    ]  # quickest first, none bold


def test_ways_of_hiding_are_averaged_and_the_lowest_error_is_bold() -> None:
    of_one = HOLES[HOLES["section"] == "one__a"]
    assert set(of_one["hidden"]) == {"scattered", "side 4"}
    assert cells(table(of_one, [MSE, SECONDS], order=MSE))[1:] == [["slide mean", "**1.0000**"], [MODEL, "**1.0000**"]]


def test_better_is_more_than_both_spreads_together() -> None:
    of_pca, of_banksy = verdicts(SCORES, ARI_REFINED)
    assert (of_pca.method, of_pca.better, of_pca.alike, of_pca.worse) == ("PCA", ["one__a"], [], ["two__b"])
    assert of_pca.mean_difference == pytest.approx(-0.05)
    assert (of_banksy.method, of_banksy.better, of_banksy.alike, of_banksy.worse) == ("BANKSY", [], ["one__a"], [])


def test_the_leader_is_named_and_so_is_the_place_of_the_model() -> None:
    assert place(SCORES, ARI_REFINED) == (
        f"**Highest mean: PCA, 0.450. {MODEL}: 0.400, number 2 of the 2 that have all sections.** "
        f"{MODEL} is the best of all on 1 of 2 (one__a)."
    )
    assert (
        place(SCORES, PAINTED)
        == f"**Highest mean: {MODEL}, 0.500.** {MODEL} is the best of all on 2 of 2 (one__a, two__b)."
    )


def test_lower_errors_are_counted_over_sections_and_ways_of_hiding() -> None:
    assert cells(lower_errors(HOLES))[1:] == [["slide mean", "2 of 3", "one__a 1, two__b 1"]]


def test_what_the_model_has_seen_is_said() -> None:
    sections = [{"name": name} for name in ("dlpfc__151675", "her2st__D1", "three__c", "four__d")]
    comparison = Comparison(
        report={"sections": sections}, facts=[], failures={}, trained_on=["three__c", "dlpfc__151673", "her2st__A1"]
    )
    assert seen(comparison) == [
        "napari-stimg was neither trained on dlpfc__151675 nor was any of its settings chosen there",
        "Settings of napari-stimg were chosen on her2st__D1: expect less elsewhere",
        "napari-stimg was trained on three__c: its scores there say little",
        "Of the donor of dlpfc__151675 the model was trained on dlpfc__151673",
    ]


def test_what_is_missing_is_listed_with_its_reason() -> None:
    said = missing(COMPARISON)
    assert said[0] == "BANKSY, two__b: not computed"
    assert "BANKSY of log1p counts, all sections: not computed" in said
    assert {"GraphST, one__a: too few genes", "GraphST, two__b: not computed"} < set(said)


def test_fewer_epochs_than_the_authors_are_said() -> None:
    trained = [fact("x", "a", parameters={"epochs": given, "authors_epochs": 1000}) for given in (1000, 150)]
    assert epochs(trained) == "1,000, 150 of 1,000"
    assert epochs(FACTS) == "-"


def test_the_page_holds_each_part_once_and_only_pictures_it_was_given() -> None:
    text = page(
        COMPARISON, SCORES, HOLES, pictures=[Path("there/comparison/domains.png"), Path("comparison/one__a.png")]
    )
    titles = [line for line in text.splitlines() if line.startswith("#")]
    assert titles == [
        "# All methods on the same sections",
        "## Which sections",
        "## Domains without labels",
        "## Domains from scribbles",
        "## Hidden spots",
        "### How much could be told at all",
        "## Seconds and memory",
        "## Study by study",
        "### one (one__a)",
        "### two (two__b)",
        "## Maps",
        "## How the numbers came about",
    ]
    assert [line for line in text.splitlines() if line.startswith("![")] == [
        "![domains](comparison/domains.png)",
        "![one__a](comparison/one__a.png)",
    ]
    assert "| one__a | 1,200 | 30 | 20 | 3 | hex |" in text
    assert "| one__a | 0.20 | 0.30 | 0.60 | -0.10 to 0.10 |" in text
    assert "napari-stimg 9.9, checkpoint `m.safetensors` (aaaaaaaaaaaa), seed 0." in text
    assert "make compare SECTIONS=FOLDER COMPARED=one__a,two__b " in text
    assert "over 5 seeds" in text
    assert "over 10 repeats" in text


def test_parts_that_were_not_evaluated_are_left_out() -> None:
    report = report_of(domains=REPORT["domains"])
    comparison = Comparison(report=report, facts=[], failures={}, trained_on=())
    text = page(comparison, domain_scores(report, []), hole_scores(report), pictures=[])
    assert "## Domains without labels" in text
    assert "## Domains from scribbles" not in text
    assert "## Hidden spots" not in text


def test_figures_have_a_row_for_each_method_and_a_panel_for_each_section() -> None:
    (ax,) = dot_figure(SCORES, ARI_REFINED).axes
    assert [text.get_text() for text in ax.get_yticklabels()] == ["BANKSY", MODEL, "PCA"]  # from below
    assert [ax.get_title() for ax in gain_figure(HOLES).axes] == ["one__a", "two__b"]


def test_pictures_are_made_small(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (700, 900, 3), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "large.png")
    shrink(tmp_path / "large.png", tmp_path / "folder" / "small.png")
    assert (tmp_path / "large.png").stat().st_size > MOST_BYTES
    assert (tmp_path / "folder" / "small.png").stat().st_size <= MOST_BYTES


def test_without_an_interpreter_every_missing_embedding_has_that_reason(tmp_path: Path) -> None:
    there = tmp_path / "embeddings" / "banksy" / "a.npy"
    there.parent.mkdir(parents=True)
    there.touch()
    failures = embed_all([tmp_path / "a.h5ad"], tmp_path, python="no-such-python")
    assert failures == {
        method.name: {"a": "no no-such-python here to make an environment of"}
        for method in METHODS
        if method.name != "banksy"
    }


def test_every_method_has_requirements() -> None:
    for method in METHODS:
        assert "scanpy==" in requirements_of(method.environment)


def test_a_command_that_fails_says_why(tmp_path: Path) -> None:
    log = tmp_path / "log"
    assert run([sys.executable, "-c", "import os; print(os.environ['OMP_NUM_THREADS'])"], log) is None
    assert log.read_text() == "1\n"
    assert run([sys.executable, "-c", "raise ValueError('too few genes')"], log) == "ValueError: too few genes"
    assert run([sys.executable, "-c", "raise SystemExit(3)"], log) == "exit code 3"
    assert why(1, "ERROR: no such package\nnote: hint\n") == "ERROR: no such package"
    assert why(-9, "said\n") == "ended by signal 9"


def test_what_cannot_be_used_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path), "--steps", "dance"]) == 2
    assert "expected steps (embed, evaluate, page), found dance" in capsys.readouterr().err
    assert main([str(tmp_path), "--sections", "x"]) == 2
    assert "expected sections, found no file " in capsys.readouterr().err


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a page on a small section: simple methods, an untrained model, and noise for a peer."""
    folder = tmp_path_factory.mktemp("compared")
    n_spots = small_section().n_obs
    write_small_section(folder / "one__small.h5ad")
    write_small_model(folder / "model.safetensors")
    embedding = folder / "peers" / "embeddings" / "banksy" / "one__small.npy"
    embedding.parent.mkdir(parents=True)
    (folder / "comparison").mkdir()
    (folder / "comparison" / "of an older page.png").touch()
    np.save(embedding, np.random.default_rng(0).normal(size=(n_spots, 4)).astype(np.float32))
    embedding.with_suffix(".json").write_text(json.dumps(fact("banksy", "one__small", peak_mb=5)))
    assert main(options(folder, "--what", "domains")) == 0
    return folder


def options(folder: Path, *more: str) -> list[str]:
    given = [str(folder), "--sections", "one__small", "--peers", str(folder / "peers"), "--python", "no-such-python"]
    return [*given, "--model", str(folder / "model.safetensors"), "-o", str(folder / "comparison.md"), *more]


def test_from_a_section_and_an_embedding_to_a_page(compared: Path) -> None:
    text = (compared / "comparison.md").read_text(encoding="utf-8")
    assert "| BANKSY |" in text
    assert "| PCA diffused |" in text
    assert "* GraphST, all sections: no no-such-python here to make an environment of." in text
    pictures = re.findall(r"!\[.*\]\((.*)\)", text)
    assert pictures == [f"comparison/{name}.png" for name in ("domains", "one__small-domains")]
    assert {path.name for path in (compared / "comparison").iterdir()} == {Path(picture).name for picture in pictures}
    assert all(0 < (compared / picture).stat().st_size <= MOST_BYTES for picture in pictures)


def test_a_report_of_another_model_is_refused(compared: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = write_small_model(compared / "other.safetensors", n_genes=20)
    assert main(options(compared, "--steps", "page", "--model", str(other))) == 2
    assert "other.safetensors, found one of another file; evaluate anew." in capsys.readouterr().err


def test_an_evaluation_that_fails_makes_no_page(compared: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = (compared / "comparison.md").read_text(encoding="utf-8")
    assert main(options(compared, "--steps", "evaluate,page", "--model", "no-such-model")) == 2
    assert "expected an evaluation, found that it failed" in capsys.readouterr().err
    assert (compared / "comparison.md").read_text(encoding="utf-8") == before
