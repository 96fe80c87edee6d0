"""Which checkpoints there are, what they are called, and what their cards say in plain words."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from platformdirs import user_data_path
from safetensors.numpy import load_file, save_file

from napari_stimg.checkpoint_file import FORMAT, bundled_path
from napari_stimg.cli import main
from napari_stimg.errors import InputError
from napari_stimg.model_card import details, summary
from napari_stimg.models import (
    FOLDER_VARIABLE,
    ModelFile,
    describe,
    find_model,
    install_model,
    install_target,
    list_models,
    models_folder,
)
from tests.small_sections import write_small_model, write_small_section

BUNDLED = "stimg-mae-1"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the user's folder of checkpoints, which is not there yet."""
    folder = tmp_path / "models"
    monkeypatch.setenv(FOLDER_VARIABLE, str(folder))
    return folder


@pytest.fixture
def filled(folder: Path) -> Path:
    """Return that folder with a good checkpoint, a foreign one, one that is no safetensors file, and other files."""
    folder.mkdir()
    write_small_model(folder / "good.safetensors")
    save_file({"weight": np.ones(3, dtype=np.float16)}, folder / "Foreign.safetensors")
    (folder / "broken.safetensors").write_bytes(b"not a checkpoint")
    (folder / "half.safetensors.part").write_bytes(b"being written")
    (folder / "._good.safetensors").write_bytes(b"what macOS leaves on a stick")
    (folder / "good.md").write_text("its card")
    return folder


def listed() -> list[str]:
    return [model.name for model in list_models()]


# --- Listing --------------------------------------------------------------------------------------


def test_without_a_folder_there_is_the_bundled_checkpoint(folder: Path) -> None:
    (model,) = list_models()
    assert (model.name, model.path, model.problem) == (BUNDLED, bundled_path(), "")
    assert not folder.exists()


def test_the_folder_is_the_platform_s_unless_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert models_folder() == folder
    monkeypatch.setenv(FOLDER_VARIABLE, "~/elsewhere")
    assert models_folder() == Path.home() / "elsewhere"
    monkeypatch.delenv(FOLDER_VARIABLE)
    assert models_folder() == user_data_path("napari-stimg", appauthor=False) / "models"


def test_the_bundled_one_is_listed_first_then_those_of_the_folder_by_name(filled: Path) -> None:
    assert listed() == [BUNDLED, "Foreign", "broken", "good"]


def test_what_cannot_be_used_is_listed_with_the_reason(filled: Path) -> None:
    problems = {model.name: model.problem for model in list_models()}
    assert problems["good"] == problems[BUNDLED] == ""
    assert problems["Foreign"].startswith(f"expected a checkpoint of the format {FORMAT}, found another in Foreign")
    assert problems["broken"].startswith("expected a safetensors checkpoint, found broken.safetensors, which cannot")


def test_a_folder_of_such_a_name_is_listed_as_unusable(folder: Path) -> None:
    (folder / "folder.safetensors").mkdir(parents=True)
    _, model = list_models()
    assert "found no file" in model.problem


@pytest.mark.parametrize("card", [None, "{", "[]"])
def test_a_checkpoint_whose_card_cannot_be_read_is_unusable(card: str | None, tmp_path: Path) -> None:
    path = write_small_model(tmp_path / "odd.safetensors")
    texts = {"format": FORMAT, "config": "{}"} | ({} if card is None else {"card": card})
    save_file(load_file(path), path, metadata=texts)
    assert describe(path).problem == (
        "expected a card as JSON in odd.safetensors, found none that can be read; get the file again."
    )


def test_listing_verifies_nothing_and_loads_no_torch(filled: Path) -> None:
    path = filled / "good.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1  # a weight
    path.write_bytes(content)
    code = (
        "import sys; from napari_stimg.models import list_models; from napari_stimg import model_card\n"
        "print([model.name for model in list_models() if not model.problem], 'torch' in sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout == f"['{BUNDLED}', 'good'] False\n"


def test_a_file_of_the_bundled_one_s_name_is_called_by_its_whole_name(folder: Path) -> None:
    folder.mkdir()
    path = write_small_model(folder / bundled_path().name)
    assert listed() == [BUNDLED, bundled_path().name]
    assert find_model(BUNDLED) == bundled_path()
    assert find_model(bundled_path().name) == path


# --- Finding --------------------------------------------------------------------------------------


def test_a_model_is_found_by_its_name_or_its_path(filled: Path, tmp_path: Path) -> None:
    elsewhere = write_small_model(tmp_path / "elsewhere.safetensors")
    assert find_model("good") == filled / "good.safetensors"
    assert find_model(BUNDLED) == bundled_path()
    assert find_model(str(elsewhere)) == elsewhere


def test_a_file_comes_before_a_model_of_its_name_but_a_folder_does_not(
    filled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("good").mkdir()
    assert find_model("good") == filled / "good.safetensors"
    Path("good").rmdir()
    Path("good").write_bytes(b"a file")
    assert find_model("good") == Path("good")


def test_what_is_neither_a_file_nor_a_name_is_refused_with_all_names(filled: Path) -> None:
    with pytest.raises(
        InputError,
        match=r"expected a checkpoint at better, found no file, nor a model of that name; "
        rf"give the path of a .safetensors file, or one of the names {BUNDLED}, Foreign, broken, good\.$",
    ):
        find_model("better")


def test_commands_take_a_model_by_its_name(filled: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    section = write_small_section(tmp_path / "small.h5ad")
    write_small_model(filled / "few.safetensors", n_genes=7)
    assert main(["info", str(section), "--checkpoint", "few", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["vocabulary"]["known_genes"] == 7
    assert main(["embed", str(section), "-o", str(tmp_path / "out.h5ad"), "--checkpoint", "good"]) == 0
    capsys.readouterr()
    for command in (["info"], ["embed", "-o", str(tmp_path / "other.h5ad")]):
        assert main([*command, str(section), "--checkpoint", "better"]) == 2
        sentence = capsys.readouterr().err.splitlines()[-1]
        assert sentence.startswith(f"stimg {command[0]}: expected a checkpoint at better, found no file, nor a model")
    assert not (tmp_path / "other.h5ad").exists()


# --- Installing -----------------------------------------------------------------------------------


def test_an_installed_model_is_listed_and_whole(folder: Path, tmp_path: Path) -> None:
    path = write_small_model(tmp_path / "first.safetensors")
    target = install_model(path)
    assert target == folder / "first.safetensors"
    assert target.read_bytes() == path.read_bytes()
    assert [file.name for file in folder.iterdir()] == ["first.safetensors"]
    assert listed() == [BUNDLED, "first"]


def test_installing_again_replaces_the_older_one(folder: Path, tmp_path: Path) -> None:
    path = write_small_model(tmp_path / "first.safetensors")
    install_model(path)
    write_small_model(path, n_genes=9)
    assert describe(install_model(path)).sizes["n_genes"] == 9


def test_what_lies_in_the_folder_already_is_left_alone(folder: Path) -> None:
    folder.mkdir()
    path = write_small_model(folder / "first.safetensors")
    before = path.stat().st_ino
    assert install_model(path) == path
    assert path.stat().st_ino == before


def test_a_damaged_checkpoint_is_not_installed(folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "bad.safetensors"
    path.write_bytes(b"not a checkpoint")
    with pytest.raises(InputError, match=r"expected a safetensors checkpoint, found bad\.safetensors"):
        install_model(path)
    assert not folder.exists()


def test_the_bundled_one_s_name_cannot_be_taken(folder: Path) -> None:
    with pytest.raises(InputError, match=f"expected a name of its own for a model to install, found {BUNDLED}, the"):
        install_target(Path("runs") / bundled_path().name)


# --- In words -------------------------------------------------------------------------------------

CARD = {
    "version": "0.1.0",
    "sections": ["a", "b"],
    "trained_further_from": "0123456789abcdef",
    "validated_on": ["v1", "v2", "v3", "v4", "v5"],
    "steps": 4200,
    "seed": 3,
    "scores": {"loss": 0.5, "gain_percent": 3.14159, "knn_accuracy": 0.618},
    "use_and_limits": ["For exploring.", "Not for diagnosis."],
    "notes": {"data": "see paper"},
}


def model(card: dict[str, Any], **more: Any) -> ModelFile:
    return ModelFile(name="m", path=Path("m.safetensors"), card=card, sizes={"n_genes": 21511, "width": 128}, **more)


def test_a_card_is_summed_up_in_plain_words() -> None:
    assert summary(model(CARD)) == [
        ("Trained on", "2 sections, 4,200 steps"),
        ("Sizes", "21,511 genes, width 128"),
        (
            "Validated on",
            "v1, v2, v3 and 2 more: squared error 3.1 % below the genes' means; labels told with accuracy 0.62",
        ),
    ]


def test_details_say_where_it_comes_from_and_what_it_is_for() -> None:
    said = dict(details(model(CARD, sha256="fedcba9876543210")))
    assert said == {
        "File": "m.safetensors",
        "Checksum": "fedcba987654",
        "Made by": "napari-stimg 0.1.0, seed 3",
        "Trained further from": "0123456789ab",
        "Sections": "a, b",
        "data": "see paper",
        "Use and limits": "For exploring. Not for diagnosis.",
    }


def test_of_many_sections_some_are_named() -> None:
    sections = dict(details(model({"sections": [f"s{i}" for i in range(1234)]})))["Sections"]
    assert sections.endswith("s58, s59 and 1,174 more")


def test_the_bundled_model_s_older_card_is_summed_up_too() -> None:
    said = dict(summary(describe(bundled_path())))
    assert said == {"Trained on": "44 sections, 4,200 steps", "Sizes": "21,511 genes, width 128"}
    assert dict(details(describe(bundled_path())))["Licence"].startswith("BSD-3-Clause")


@pytest.mark.parametrize("say", [summary, details])
@pytest.mark.parametrize(
    "card",
    [
        {},
        dict.fromkeys(CARD),
        dict.fromkeys(CARD, "text"),
        dict.fromkeys(CARD, 1.5),
        {key: [] for key in CARD},
        {key: {"gain_percent": None} for key in CARD},
    ],
)
def test_a_card_of_any_shape_is_put_in_words(say: Callable[[ModelFile], object], card: dict[str, Any]) -> None:
    assert say(ModelFile(name="m", path=Path("m.safetensors"), card=card)) is not None


def test_a_model_that_was_validated_on_nothing_says_so() -> None:
    assert ("Validated on", "nothing") in summary(model({"validated_on": []}))
    assert "Validated on" not in dict(summary(model({})))


def test_an_unusable_model_says_why() -> None:
    assert summary(model({}, problem="It is damaged.")) == [("Unusable", "It is damaged.")]
