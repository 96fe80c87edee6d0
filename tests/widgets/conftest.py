"""A small section and a small model, opened in a panel on a viewer without a window."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from napari.components import ViewerModel
from pytestqt.qtbot import QtBot

from napari_stimg._widgets.dock import StimgWidget
from napari_stimg._widgets.session import Session, open_session
from napari_stimg._widgets.tasks import Model
from napari_stimg.io import read_slide
from napari_stimg.progress import run
from napari_stimg.slide import Slide
from tests.small_sections import write_small_model, write_small_section

Settle = Callable[[StimgWidget], None]


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("widgets")


@pytest.fixture(scope="session")
def model_path(folder: Path) -> Path:
    return write_small_model(folder / "small.safetensors")


@pytest.fixture(scope="session")
def section_path(folder: Path) -> Path:
    return write_small_section(folder / "small.h5ad")


@pytest.fixture(scope="session")
def slide(section_path: Path) -> Slide:
    return read_slide(section_path)


@pytest.fixture
def session(slide: Slide) -> Session:
    return run(open_session(slide))


@pytest.fixture
def viewer() -> ViewerModel:
    return ViewerModel()


@pytest.fixture
def settle(qtbot: QtBot) -> Settle:
    """Return what waits until a panel has nothing more to do."""

    def wait(panel: StimgWidget) -> None:
        qtbot.waitUntil(lambda: not panel.is_busy, timeout=30_000)

    return wait


@pytest.fixture
def empty_panel(qtbot: QtBot, viewer: ViewerModel, model_path: Path) -> Iterator[StimgWidget]:
    """Return a panel on a viewer without layers."""
    panel = StimgWidget(viewer)
    panel.workspace.use(Model(model_path))
    qtbot.addWidget(panel)
    yield panel
    panel.close()


@pytest.fixture
def panel(empty_panel: StimgWidget, section_path: Path, settle: Settle) -> StimgWidget:
    """Return a panel with the small section open."""
    empty_panel.sections.open_path(section_path)
    settle(empty_panel)
    return empty_panel
