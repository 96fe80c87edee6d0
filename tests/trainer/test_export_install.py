"""What ``stimg-train export --install`` leaves in the user's folder of models."""

from pathlib import Path

import pytest

from napari_stimg.checkpoint import load_checkpoint
from napari_stimg.models import FOLDER_VARIABLE, find_model, list_models
from tests.small_corpus import small_config
from trainer.cli import main
from trainer.config import write_config


@pytest.fixture
def run_folder(corpus: Path, tmp_path: Path) -> Path:
    """Return the folder of a run of two steps."""
    config = tmp_path / "small.yaml"
    write_config(small_config(corpus, tmp_path / "run", optimiser={"steps": 2}), config)
    assert main(["fit", str(config)]) == 0
    return tmp_path / "run"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "user data" / "models"
    monkeypatch.setenv(FOLDER_VARIABLE, str(folder))
    return folder


def test_an_exported_model_is_installed_where_the_viewer_and_stimg_find_it(
    run_folder: Path, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "first.safetensors"
    assert main(["export", str(run_folder), "-o", str(target)]) == 0
    assert not folder.exists()
    assert main(["export", str(run_folder), "-o", str(target), "--install"]) == 0
    installed = folder / "first.safetensors"
    assert capsys.readouterr().out.endswith(
        f"{installed}: installed; the viewer lists it, and --checkpoint first means it\n"
    )
    assert [file.name for file in folder.iterdir()] == ["first.safetensors"]
    assert [model.name for model in list_models()][1:] == ["first"]
    assert load_checkpoint(find_model("first")).sha256 == load_checkpoint(target).sha256


def test_the_bundled_model_s_name_is_refused_before_anything_is_written(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "stimg-mae-1.safetensors"
    assert main(["export", str(tmp_path / "run"), "-o", str(target), "--install"]) == 2
    assert "expected a name of its own for a model to install, found stimg-mae-1" in capsys.readouterr().err
    assert not target.exists()
    assert not folder.exists()
