"""``stimg view``: a real window on a section, and what is said where none can be opened."""

import subprocess
import sys
from pathlib import Path

import pytest

from napari_stimg.cli import main
from tests.small_sections import write_two_sections

VIEW_AND_CLOSE = """
import sys
import napari
from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QApplication
from napari_stimg._widgets.dock import StimgWidget
from napari_stimg.cli import main

application = QApplication([])

def look():
    panel = next((widget for widget in application.allWidgets() if isinstance(widget, StimgWidget)), None)
    if panel is None or panel.workspace.session is None:
        return
    timer.stop()
    viewer = napari.current_viewer()
    print(panel.workspace.session.slide.name, panel.workspace.session.slide.n_spots, len(viewer.layers) > 0)
    viewer.close()

timer = QTimer()
timer.timeout.connect(look)
timer.start(50)
sys.exit(main(sys.argv[1:]))
"""

VIEW_WITHOUT_NAPARI = """
import sys
from napari_stimg.cli import main
sys.modules["napari"] = None  # as if it were not installed
sys.exit(main(["view"]))
"""


def view(*arguments: object) -> subprocess.CompletedProcess[str]:
    """Run ``stimg view`` in a process of its own, and close its window once the panel shows a section."""
    command = [sys.executable, "-c", VIEW_AND_CLOSE, "view", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=180)


def test_view_opens_the_named_section_of_a_file_with_the_panel_docked(tmp_path: Path) -> None:
    shown = view(write_two_sections(tmp_path / "several.h5ad"), "--section", "B")
    assert (shown.returncode, shown.stdout) == (0, "several B 24 True\n"), shown.stderr


def test_view_without_a_file_opens_the_sample() -> None:
    shown = view()
    assert (shown.returncode, shown.stdout.split()[0]) == (0, "layered_hexagonal"), shown.stderr


def test_view_of_a_bad_file_opens_no_window(tmp_path: Path) -> None:
    (tmp_path / "bad.h5ad").write_text("no section")
    shown = view(tmp_path / "bad.h5ad")
    assert shown.returncode == 2
    assert shown.stdout == ""
    assert shown.stderr.splitlines()[-1].startswith("stimg view: bad.h5ad: expected an AnnData file")


def test_view_without_napari_says_how_to_get_it() -> None:
    shown = subprocess.run([sys.executable, "-c", VIEW_WITHOUT_NAPARI], capture_output=True, text=True)
    assert shown.returncode == 2
    sentence = shown.stderr.splitlines()[-1]
    assert sentence.startswith("stimg view: expected napari and a Qt binding for the viewer, found them missing")
    assert 'pip install "napari-stimg[gui]"' in sentence


def test_view_without_a_display_says_so(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        monkeypatch.delenv(name, raising=False)
    assert main(["view"]) == 2
    assert "expected a display to open a window on, found none; log in with one" in capsys.readouterr().err
