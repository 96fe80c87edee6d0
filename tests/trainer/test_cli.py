"""What ``stimg-train`` writes, and what it refuses."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import napari_stimg
from napari_stimg import load_checkpoint
from tests.small_sections import write_small_section
from trainer.cli import main


@pytest.fixture(scope="module")
def section(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_small_section(tmp_path_factory.mktemp("section") / "small.h5ad")


def fit(section: Path, target: Path, *options: object) -> None:
    assert main(["fit", str(section), "-o", str(target), "--width", "8", *map(str, options)]) == 0


def test_fit_writes_a_checkpoint_that_loads(section: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = tmp_path / "model.safetensors"
    fit(section, target, "--steps", 2, "--seed", 3, "--save-every", 1, "--device", "cpu")
    checkpoint = load_checkpoint(target)
    assert checkpoint.model.config.width == 8
    assert len(checkpoint.vocabulary) == 60
    assert checkpoint.card["sections"] == ["small"]
    assert checkpoint.card["steps"] == 2
    assert checkpoint.card["fit"]["steps"] == 2
    assert checkpoint.card["fit"]["seed"] == checkpoint.card["loadings"]["seed"] == 3
    assert checkpoint.card["fit"]["save_every"] == 1
    assert checkpoint.card["fit"]["device"] == "cpu"
    printed = capsys.readouterr()
    assert printed.out == f"{target}: trained for 2 steps; sections: 1\n"
    assert "Reading sections: 0 of 1" in printed.err


def test_fit_goes_on_from_where_it_stopped(section: Path, tmp_path: Path) -> None:
    target = tmp_path / "model.safetensors"
    fit(section, target, "--steps", 1)
    first = load_checkpoint(target)
    fit(section, target, "--steps", 3)
    assert first.card["steps"] == 1
    assert load_checkpoint(target).card["steps"] == 3
    assert load_checkpoint(target).sha256 != first.sha256


def test_seed_changes_the_model(section: Path, tmp_path: Path) -> None:
    for name, seed in (("first", 0), ("again", 0), ("other", 1)):
        fit(section, tmp_path / f"{name}.safetensors", "--steps", 1, "--seed", seed)
    first, again, other = (
        load_checkpoint(tmp_path / f"{name}.safetensors").model.gene_in.weight for name in ("first", "again", "other")
    )
    assert first.equal(again)
    assert not first.equal(other)


@pytest.mark.parametrize("arguments", [["--help"], ["fit", "--help"]])
def test_help_has_an_example(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        main(arguments)
    assert "\n  stimg-train fit sections/*.h5ad -o model.safetensors" in capsys.readouterr().out


def test_version_is_that_of_the_package(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        main(["--version"])
    assert capsys.readouterr().out == f"stimg-train {napari_stimg.__version__}\n"


@pytest.mark.parametrize(
    ("options", "match"),
    [
        (["-o", "model.bin"], "expected a file name that ends in .safetensors, found model.bin; add the ending."),
        (["-o", "no folder/model.safetensors"], "expected a folder that can be written to, found none at "),
        (["-o", "model.safetensors", "--width", "6"], "expected a width that is a multiple of 4 (the heads), found 6;"),
        (["-o", "model.safetensors", "--device", "abacus"], "expected a device of this machine (cpu"),
        (["missing.h5ad", "-o", "model.safetensors"], "found nothing there; check the name."),
        (["broken.h5ad", "-o", "model.safetensors"], "a file that is not HDF5; copy or download it again."),
    ],
)
def test_bad_input_is_refused_in_one_sentence(
    options: list[str],
    match: str,
    section: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "broken.h5ad").write_text("broken")
    assert main(["fit", str(section), *options]) == 2
    sentence = capsys.readouterr().err.splitlines()[-1]
    assert sentence.startswith("stimg-train fit: ")
    assert match in sentence
    assert os.listdir(tmp_path) == ["broken.h5ad"]


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ([], "required: COMMAND"),
        (["fit", "a.h5ad"], "required: -o/--output"),
        (["fit", "-o", "m.safetensors"], "required: SLIDES"),
        (["fit", "a.h5ad", "-o", "m.safetensors", "--steps", "0"], "expected a whole number >= 1, found '0'"),
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
