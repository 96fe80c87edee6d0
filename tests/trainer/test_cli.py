"""What ``stimg-train fit`` and its fellows write, and what they refuse."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

import napari_stimg
from napari_stimg.checkpoint import load_checkpoint
from tests.small_corpus import SMALL, small_config
from tests.small_sections import write_small_section
from trainer.cli import main
from trainer.commands.recipes import path_of
from trainer.config import read_config, write_config
from trainer.run_folder import read_log


@pytest.fixture
def config_file(corpus: Path, tmp_path: Path) -> Path:
    """Return the file of a small run of four steps in the folder ``run`` beside it."""
    path = tmp_path / "small run.yaml"
    write_config(small_config(corpus, tmp_path / "run"), path)
    return path


def fit(config: object, *options: object) -> None:
    assert main(["fit", str(config), *map(str, options)]) == 0


def last_state(folder: Path) -> dict[str, Any]:
    state: dict[str, Any] = torch.load(folder / "last.state", weights_only=True)
    return state


def test_fit_runs_what_a_file_says(config_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fit(config_file)
    assert read_config(tmp_path / "run" / "config.yaml") == read_config(config_file)
    assert [entry["step"] for entry in read_log(tmp_path / "run" / "log.jsonl")] == [1, 2, 3, 4]
    printed = capsys.readouterr()
    assert printed.out == (
        f"{tmp_path / 'run'}: trained for 4 steps; "
        f"`stimg-train export {tmp_path / 'run'} -o model.safetensors` makes a checkpoint of it\n"
    )
    assert "Fitting gene loadings\nTraining: 0 of 4\n" in printed.err


def test_settings_on_the_command_line_come_before_those_of_the_file(config_file: Path, tmp_path: Path) -> None:
    fit(config_file, "optimiser.steps=2", "data.validation=[simulated1]", f"run.folder={tmp_path / 'other'}")
    config = read_config(tmp_path / "other" / "config.yaml")
    assert config.optimiser.steps == 2
    assert config.data.validation == ("simulated1",)
    assert last_state(tmp_path / "other")["step"] == 2
    assert not (tmp_path / "run").exists()


def test_fit_goes_on_from_where_it_stopped(config_file: Path, tmp_path: Path) -> None:
    fit(config_file, "optimiser.steps=1")
    assert last_state(tmp_path / "run")["step"] == 1
    fit(config_file, "optimiser.steps=3")
    assert last_state(tmp_path / "run")["step"] == 3
    assert [entry["step"] for entry in read_log(tmp_path / "run" / "log.jsonl")] == [1, 2, 3]


def test_fit_export_and_fit_further(config_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fit(config_file, "model.n_encoder_layers=3", "data.training=[simulated0]")
    model = tmp_path / "model.safetensors"
    assert main(["export", str(tmp_path / "run"), "-o", str(model)]) == 0
    assert load_checkpoint(model).card["steps"] == 4
    fit(config_file, "--from", model, f"run.folder={tmp_path / 'further'}")  # with sizes that the file does not name
    assert read_config(tmp_path / "further" / "config.yaml").model.n_encoder_layers == 3
    further = tmp_path / "further.safetensors"
    assert main(["export", str(tmp_path / "further"), "-o", str(further)]) == 0
    card = load_checkpoint(further).card
    assert card["trained_further_from"] == load_checkpoint(model).sha256
    assert card["sections"] == ["simulated0", "simulated1", "simulated2"]
    assert capsys.readouterr().out.endswith(f"{further}: the last state after 4 steps; its card is beside it\n")


def test_a_dry_run_says_what_a_run_takes_and_writes_nothing(
    config_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fit(config_file, "--dry-run", "data.validation=[simulated2]")
    facts = dict(line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines() if " " in line)
    assert facts["sections"] == "2 to train on, 1 to validate on"
    assert os.listdir(tmp_path) == [config_file.name]


@pytest.mark.parametrize("name", ["base", "gpu", "small"])
def test_recipes_come_along_and_are_whole(name: str) -> None:
    config = read_config(path_of(name), ["data.corpus=somewhere"])
    assert config.run.folder == f"runs/{name}"
    assert config.data.corpus == "somewhere"


def test_the_bundled_model_s_recipe_is_all_defaults() -> None:
    assert yaml.safe_load(path_of("base").read_text()).keys() == {"data", "run"}


def test_a_file_comes_before_a_recipe_of_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("base").write_text("run: {folder: mine}\ndata: {corpus: ours}\n")
    assert read_config(path_of("base")).run.folder == "mine"


@pytest.mark.parametrize("arguments", [["--help"], ["fit", "--help"]])
def test_help_has_an_example(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        main(arguments)
    assert "\n  stimg-train fit small data.corpus=corpus run.folder=runs/first\n" in capsys.readouterr().out


def test_version_is_that_of_the_package(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        main(["--version"])
    assert capsys.readouterr().out == f"stimg-train {napari_stimg.__version__}\n"


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        (["huge"], "expected a YAML file that is there, or one of base, gpu, small, found no huge; give one of these."),
        (["small run.yaml", "steps=3"], "expected section.key=value, such as optimiser.steps=1000, found 'steps=3'."),
        (["small run.yaml", "optimiser.stepz=3"], "optimiser.stepz: expected one of steps, learning_rate, "),
        (["small run.yaml", "model.width=9"], "model.width: expected a multiple of model.n_heads (2), found 9;"),
        (["small run.yaml", "data.corpus=nowhere"], "nowhere"),
        (["small run.yaml", "--from", "missing.safetensors"], "missing.safetensors"),
        (["small run.yaml", "run.folder=broken.yaml/run"], "run.folder: expected a folder to write to, found "),
        (["broken.yaml"], "broken.yaml: expected a YAML file of settings, found "),
    ],
    ids=str,
)
def test_bad_input_is_refused_in_one_sentence(
    arguments: list[str],
    match: str,
    config_file: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "broken.yaml").write_text("run: [")
    assert main(["fit", *arguments]) == 2
    sentence = capsys.readouterr().err.splitlines()[-1]
    assert sentence.startswith("stimg-train fit: ")
    assert match in sentence
    assert not (tmp_path / "run" / "last.state").exists()


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ([], "required: COMMAND"),
        (["fit"], "required: CONFIG"),
        (["export", "run"], "required: -o/--output"),
        (["fit", "small", "--steps", "3"], "unrecognized arguments: --steps"),
    ],
)
def test_wrong_options_are_refused_in_one_line(
    arguments: list[str], match: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(arguments)
    (line,) = capsys.readouterr().err.splitlines()
    assert match in line


def test_the_module_is_the_command() -> None:
    shown = subprocess.run([sys.executable, "-m", "trainer", "--version"], capture_output=True, text=True)
    assert (shown.returncode, shown.stdout) == (0, f"stimg-train {napari_stimg.__version__}\n")


def test_files_are_packed_and_learned_from(tmp_path: Path) -> None:
    section = write_small_section(tmp_path / "small.h5ad")
    assert main(["corpus", str(section), "-o", str(tmp_path / "corpus")]) == 0
    (tmp_path / "run.yaml").write_text(yaml.safe_dump(SMALL | {"data": {"corpus": str(tmp_path / "corpus")}}))
    fit(tmp_path / "run.yaml", f"run.folder={tmp_path / 'run'}", "optimiser.steps=2")
    assert last_state(tmp_path / "run")["step"] == 2
