"""What all tests share: the folders of real data, and settings that keep a developer's own napari out of them."""

import os
import tempfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

# Set before napari, matplotlib and torch are imported; subprocesses inherit them.
os.environ["NAPARI_CONFIG"] = ""  # neither read nor reset the developer's own settings
os.environ["STIMG_MODELS"] = str(ROOT / "no models")  # the developer's own models are not those of the tests
os.environ["STIMG_USER_DATA"] = str(Path(tempfile.gettempdir()) / "stimg tests")  # nor is what the developer drew
os.environ["MPLBACKEND"] = "Agg"
os.environ.setdefault("OMP_NUM_THREADS", "1")  # the tests' tensors are small: threads only wait for each other


@pytest.fixture(autouse=True)
def _own_user_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Keep what is drawn in one test out of the next one."""
    monkeypatch.setenv("STIMG_USER_DATA", str(tmp_path / "user"))


def _data_folder(name: str) -> Path:
    """Return the folder of real data, or skip the test that asks for it."""
    folder = Path(os.environ.get("STIMG_DATA", ROOT.parent / "shared" / "data")) / name
    if not folder.is_dir():
        pytest.skip(
            f"needs real data, and there is no folder {folder}; STIMG_DATA can name the folder that holds {name}/"
        )
    return folder


@pytest.fixture(scope="session")
def repository() -> Path:
    """Return the root of the repository."""
    return ROOT


@pytest.fixture(scope="session")
def sections_dir() -> Path:
    """Return the folder of measured sections, one ``.h5ad`` each."""
    return _data_folder("sections")


@pytest.fixture(scope="session")
def formats_dir() -> Path:
    """Return the folder of sections as instruments write them."""
    return _data_folder("formats")
