"""One change at a time, trained and scored alike, in one table and one picture."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from napari_stimg.errors import InputError
from napari_stimg.progress import run
from tests.small_corpus import small_config
from trainer.ablation.run import ablate
from trainer.ablation.table import markdown, summarise
from trainer.ablation.variants import Variant, read_axes, variants
from trainer.cli import main
from trainer.commands import recipes
from trainer.config import Config, as_tree

AXES = {"crops.scheme": ["patch", "spot"], "crops.sides": [[5, 7], [6]]}


@pytest.fixture(scope="module")
def base(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Config:
    return small_config(
        corpus,
        tmp_path_factory.mktemp("unused"),
        data={"corpus": str(corpus), "validation": ["simulated2"]},
        run={"accelerator": "cpu", "folder": "unused", "validation_batches": 1},
        optimiser={"steps": 2, "warmup": 1},
    )


@pytest.fixture(scope="module")
def ablation(base: Config, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of an ablation of two axes, done."""
    folder = tmp_path_factory.mktemp("ablation")
    run(ablate(variants(base, AXES, folder), folder))
    return folder


# --- variants ------------------------------------------------------------------------------------------


def test_every_variant_changes_one_setting_and_none_is_the_base_again(base: Config, tmp_path: Path) -> None:
    found = variants(base, AXES, tmp_path)
    assert [variant.name for variant in found] == ["base", "crops.scheme=spot", "crops.sides=6"]
    trees = [as_tree(variant.config) for variant in found]
    for variant, tree in zip(found, trees, strict=True):
        assert Path(tree["run"].pop("folder")).parent == tmp_path
        differences = {
            f"{section}.{key}"
            for section, values in tree.items()
            for key, value in values.items()
            if value != trees[0][section].get(key)
        }
        assert differences == ({variant.axis} if variant.axis else set())


def test_variants_have_folders_of_their_own(base: Config, tmp_path: Path) -> None:
    found = variants(base, {"crops.sides": [[6], [8, 9]], "run.seed": [1, 2]}, tmp_path)
    folders = {variant.config.run.folder for variant in found}
    assert len(folders) == len(found) == 5
    assert all(Path(folder).name.replace("=", "").replace(",", "").replace(".", "").isalnum() for folder in folders)


@pytest.mark.parametrize(
    ("axes", "match"),
    [
        ({"crops.colour": ["red"]}, r"crops\.colour: expected one of scheme, sides"),
        ({"crops.scheme": ["stripe"]}, r"crops\.scheme: expected one of patch, spot, neighbourhood, slide, found"),
        ({"cakes.scheme": ["patch"]}, r"cakes: expected one of data, run"),
    ],
)
def test_settings_that_do_not_exist_are_refused_before_anything_starts(
    axes: dict[str, list[str]], match: str, base: Config, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=match):
        variants(base, axes, tmp_path)


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("crops.scheme: patch", "expected lines `section.key:"),
        ("- patch", "expected lines `section.key:"),
        ("scheme: [patch]", "expected lines `section.key:"),
        ("a: [", "expected a YAML file of settings, found"),
    ],
)
def test_axes_laid_out_otherwise_are_refused(text: str, match: str, tmp_path: Path) -> None:
    (tmp_path / "axes.yaml").write_text(text)
    with pytest.raises(InputError, match=match):
        read_axes(tmp_path / "axes.yaml")


def test_missing_axes_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"expected a YAML file of settings, found .*No such file"):
        read_axes(tmp_path / "axes.yaml")


@pytest.mark.parametrize("name", recipes.names(recipes.AXES))
def test_axes_that_come_along_fit_every_recipe(name: str, repository: Path, base: Config, tmp_path: Path) -> None:
    axes = read_axes(repository / "trainer" / "configs" / "axes" / f"{name}.yaml")
    assert len(variants(base, axes, tmp_path)) > len(axes)


# --- a run ---------------------------------------------------------------------------------------------


def test_an_ablation_leaves_a_run_a_model_and_scores_for_every_variant(ablation: Path) -> None:
    names = ["base", "crops.scheme_spot", "crops.sides_6"]
    found = sorted(path.name for path in ablation.iterdir() if path.is_dir())
    assert [name.replace("=", "_") for name in found] == names
    for path in ablation.iterdir():
        if path.is_dir():
            written = {file.name for file in path.iterdir()}
            assert {"last.state", "model.safetensors", "scores.json", "log.jsonl"} <= written


def test_its_table_has_every_score_of_every_variant(ablation: Path) -> None:
    table = json.loads((ablation / "ablation.json").read_text())
    assert [row["variant"] for row in table] == ["base", "crops.scheme=spot", "crops.sides=6"]
    for row in table:
        assert np.isfinite([row["mse"], row["mae"], row["gain_scattered"], row["gain_4"]]).all()
        assert 0 <= row["accuracy"] <= 1
        assert 0 <= row["knn_accuracy"] <= 1
        assert -0.5 <= row["ari_refined"] <= 1
    assert len({row["mse"] for row in table}) == 3
    text = (ablation / "ablation.md").read_text()
    assert text.count("\n| ") == 4  # the header's rule and three rows below the first line
    assert "Scored on: simulated2." in text
    assert (ablation / "ablation.png").read_bytes().startswith(b"\x89PNG")


def test_started_again_it_does_nothing_twice(ablation: Path, base: Config) -> None:
    kept = [path for path in ablation.rglob("*") if path.name in ("scores.json", "last.state")]
    before = {path: path.stat().st_mtime_ns for path in kept}
    text = run(ablate(variants(base, AXES, ablation), ablation))
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert text == (ablation / "ablation.md").read_text()


def test_an_interrupted_one_goes_on_with_the_variant_it_was_at(base: Config, tmp_path: Path) -> None:
    task = ablate(variants(base, AXES, tmp_path), tmp_path)
    for progress in task:
        if progress.message.startswith("2 of 3"):
            break
    task.close()
    done = (tmp_path / "base" / "scores.json").stat().st_mtime_ns
    run(ablate(variants(base, AXES, tmp_path), tmp_path))
    assert (tmp_path / "base" / "scores.json").stat().st_mtime_ns == done
    assert len(json.loads((tmp_path / "ablation.json").read_text())) == 3


def test_scores_of_other_settings_are_not_shown_as_those_of_these(ablation: Path, base: Config) -> None:
    other = replace(base, optimiser=replace(base.optimiser, learning_rate=0.5))
    with pytest.raises(InputError, match=r"optimiser\.learning_rate: expected 0\.01, with which the run in"):
        run(ablate(variants(other, {}, ablation), ablation))


def test_more_steps_are_trained_and_scored_anew(base: Config, tmp_path: Path) -> None:
    longer = replace(base, optimiser=replace(base.optimiser, steps=3))
    scored = []
    for config in (base, longer):
        run(ablate(variants(config, {}, tmp_path), tmp_path))
        scored.append(json.loads((tmp_path / "base" / "scores.json").read_text()))
    assert [found["steps"] for found in scored] == [2, 3]
    assert scored[0]["rows"] != scored[1]["rows"]


@pytest.mark.parametrize("axis", ["data.training", "run.folder", "run.devices"])
def test_axes_that_change_what_is_compared_are_refused(axis: str, base: Config, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=rf"{axis}: expected a setting that leaves sections, folder and processes"):
        variants(base, {axis: ["x"]}, tmp_path)


def test_several_processes_are_refused(base: Config, tmp_path: Path) -> None:
    config = replace(base, run=replace(base.run, devices=2))
    with pytest.raises(InputError, match=r"run\.devices: expected 1 for an ablation, found 2"):
        run(ablate(variants(config, {}, tmp_path), tmp_path))


def test_no_sections_to_score_on_are_refused(corpus: Path, tmp_path: Path) -> None:
    config = small_config(corpus, tmp_path)
    variant = Variant(name="base", axis="", value="", config=config)
    with pytest.raises(InputError, match=r"data\.validation: expected sections to score variants on, found none"):
        run(ablate([variant], tmp_path))


def test_the_command_refuses_axes_that_are_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["ablate", "small", "--axes", "nothing", "-o", str(tmp_path)])
    assert code == 2
    assert "expected a YAML file that is there, or one of paper, schemes, found no nothing;" in capsys.readouterr().err


# --- the table -----------------------------------------------------------------------------------------


def test_a_row_holds_means_over_sections_of_each_way_of_hiding(base: Config) -> None:
    rows = [
        {"section": "a", "side": "4", "mse": 1.0, "mae": 0.5, "gain_percent": 2.0, "pcc_gene": 0.1},
        {"section": "b", "side": "4", "mse": 3.0, "mae": 0.7, "gain_percent": 6.0, "pcc_gene": 0.1},
        {"section": "b", "side": "8", "mse": 5.0, "mae": 0.9, "gain_percent": 1.0, "pcc_gene": 0.1},
        {"section": "a", "ari_refined": 0.25, "accuracy": 0.5, "accuracy_sd": 0.1},
    ]
    row = summarise({"rows": rows, "validation": {"knn_accuracy": 0.75, "gain_percent": 9.0}, "hours": 0.5})
    assert (row["gain_4"], row["gain_8"], row["mse"], row["mae"]) == pytest.approx((4.0, 1.0, 3.0, 0.7))
    assert np.isnan(row["gain_14"])
    assert (row["ari_refined"], row["accuracy"], row["knn_accuracy"], row["hours"]) == (0.25, 0.5, 0.75, 0.5)
    text = markdown(pd.DataFrame([{"variant": "base"} | row]), base)
    assert "| base |  | 4.00 | 1.00 |" in text
