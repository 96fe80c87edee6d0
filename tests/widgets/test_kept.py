"""The panel keeps what is drawn, and brings it back when the section is opened again."""

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from napari.components import ViewerModel
from napari.layers import Layer

from napari_stimg._reader import layer_data
from napari_stimg._widgets.dock import StimgWidget
from napari_stimg._widgets.layers import Role
from napari_stimg._widgets.pictures import Stage
from napari_stimg._widgets.session import Domains
from napari_stimg._widgets.session_store import kept_folder
from napari_stimg._widgets.tasks import Model
from napari_stimg.io import read_slide

DRAW_AND_DIE = """
import os, signal, sys
from pathlib import Path
from napari.components import ViewerModel
from qtpy.QtWidgets import QApplication
app = QApplication([])
from napari_stimg._widgets.dock import StimgWidget
from napari_stimg._widgets.session_store import kept_folder
from napari_stimg._widgets.tasks import Model
panel = StimgWidget(ViewerModel())
panel.workspace.use(Model(Path(sys.argv[2])))
panel.sections.open_path(Path(sys.argv[1]))
while panel.is_busy:
    app.processEvents()
hidden = panel.workspace.session.hidden.copy()
hidden[10:30] = True
panel.workspace.session.hide(hidden)
panel.workspace.mask_changed.emit()
while not list(kept_folder().glob("*.npz")):
    app.processEvents()
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def file(section_path, tmp_path):
    return Path(shutil.copy(section_path, tmp_path / "own.h5ad"))


@pytest.fixture
def open_panel(qtbot, model_path, settle):
    """Return what opens a panel on a new viewer, with this file or slide in it."""

    def open_it(file=None, slide=None):
        panel = StimgWidget(ViewerModel())
        panel.workspace.use(Model(model_path))
        qtbot.addWidget(panel)
        if file is not None:
            panel.sections.open_path(file)
        if slide is not None:
            for data, attributes, kind in layer_data(slide):
                panel.workspace.viewer.add_layer(Layer.create(data, attributes, kind))
        settle(panel)
        return panel

    return open_it


def draw(panel):
    """Draw and choose something of everything; return the session."""
    workspace, session = panel.workspace, panel.workspace.session
    hidden = np.arange(session.slide.n_spots) % 3 == 0
    session.hide(hidden)
    workspace.mask_changed.emit()
    panel.scribbles.add_class()
    panel.scribbles.add_class()
    session.classes[1] = "Cortex"
    session.scribble_history.change(np.where(hidden, 1, -1))
    session.domains = Domains(
        labels=np.arange(session.slide.n_spots) % 2,
        names=("up", "down"),
        colors=("#112233", "#445566"),
        how={"checkpoint": "other", "checkpoint_sha256": "0"},
    )
    workspace.touch("domains")
    panel.genes.show_gene(5)
    panel.genes.add_channel(7, "#ff0000")
    workspace.pictures.layers.get(Role.GENE).gamma = 0.5
    workspace.pictures.layers.get(Role.CHANNEL_1).contrast_limits = (0.25, 1.5)
    return session


def assert_as_drawn(panel, drawn):
    session, layers = panel.workspace.session, panel.workspace.pictures.layers
    np.testing.assert_array_equal(session.hidden, drawn.hidden)
    np.testing.assert_array_equal(session.scribbles, drawn.scribbles)
    assert (session.classes, session.class_colors) == (drawn.classes, drawn.class_colors)
    assert session.domains.names == ("up", "down")
    assert session.display == drawn.display
    assert layers.get(Role.GENE).name.startswith(str(session.slide.gene_names[5]))
    assert layers.get(Role.GENE).gamma == 0.5
    np.testing.assert_allclose(layers.get(Role.CHANNEL_1).contrast_limits, (0.25, 1.5))
    np.testing.assert_array_equal(session.raster.spots_in_mask(layers.get(Role.HIDDEN).data > 0), drawn.hidden)
    assert Role.SCRIBBLES in layers
    assert Role.DOMAINS in layers
    assert panel.workspace.stage is Stage.CHANNELS
    assert {"mask", "domains"} <= session.unsaved
    assert f"{int(drawn.hidden.sum()):,}" in panel.hide_view.mask_text


def test_what_was_drawn_is_there_when_the_file_is_opened_again(open_panel, file):
    first = open_panel(file)
    drawn = draw(first)
    first.close()
    again = open_panel(file)
    assert_as_drawn(again, drawn)
    assert again.section_view.kept.text.startswith("Restored what you drew on ")
    assert not again.section_view.kept.afresh.isHidden()


def test_it_is_there_when_the_file_is_dropped_on_the_canvas(open_panel, file):
    first = open_panel(file)
    drawn = draw(first)
    first.close()
    assert_as_drawn(open_panel(slide=read_slide(file)), drawn)


def test_it_is_kept_without_being_asked_for(qtbot, open_panel, file):
    panel = open_panel(file)
    assert not kept_folder().exists()
    draw(panel)
    qtbot.waitUntil(lambda: kept_folder().exists() and not panel.kept.is_busy)
    before = next(kept_folder().glob("*.npz")).stat().st_mtime_ns
    panel.workspace.pictures.layers.get(Role.GENE).contrast_limits = (0.1, 0.9)
    qtbot.waitUntil(lambda: next(kept_folder().glob("*.npz")).stat().st_mtime_ns > before)


def test_a_section_closed_at_once_is_kept(qtbot, open_panel, file):
    panel = open_panel(file)
    drawn = panel.workspace.session
    drawn.hide(np.arange(drawn.slide.n_spots) < 9)
    panel.workspace.close(0)
    qtbot.waitUntil(lambda: not panel.kept.is_busy)
    np.testing.assert_array_equal(open_panel(file).workspace.session.hidden, drawn.hidden)


def test_it_stays_restorable_after_saving(open_panel, file, settle, tmp_path):
    panel = open_panel(file)
    drawn = draw(panel)
    panel.saving.save_to(tmp_path / "saved.h5ad")
    settle(panel)
    panel.close()
    again = open_panel(file)
    np.testing.assert_array_equal(again.workspace.session.hidden, drawn.hidden)
    assert not again.workspace.session.unsaved


def test_starting_afresh_can_be_taken_back(open_panel, file):
    first = open_panel(file)
    drawn = draw(first)
    first.close()
    panel = open_panel(file)
    panel.section_view.kept.afresh.click()
    session = panel.workspace.session
    assert not session.hidden.any()
    assert (session.domains, session.classes, session.display.column) == (None, [], None)
    assert not np.any(panel.workspace.pictures.layers.get(Role.HIDDEN).data)
    assert Role.DOMAINS not in panel.workspace.pictures.layers
    assert panel.section_view.kept.text.startswith("Started afresh")
    panel.section_view.kept.back.click()
    assert_as_drawn(panel, drawn)


def test_a_panel_closed_and_opened_again_leaves_the_layers_as_they_are(open_panel, qtbot, file, model_path):
    first = open_panel(file)
    draw(first)
    first.close()
    second = open_panel(file)
    viewer = second.workspace.viewer
    second.workspace.pictures.layers.get(Role.GENE).gamma = 1.5
    second.close()
    third = StimgWidget(viewer)
    qtbot.addWidget(third)
    assert third.workspace.pictures.layers.get(Role.GENE).gamma == 1.5
    third.close()


def test_nothing_is_kept_of_a_crop_but_its_outline(qtbot, open_panel, file, settle):
    panel = open_panel(file)
    centres = panel.workspace.session.raster.centres
    panel.cropping.outline("rectangle")
    panel.workspace.pictures.layers.get(Role.CROP).add_rectangles(np.percentile(centres, (20, 70), axis=0))
    qtbot.waitUntil(panel.section_view.crops.open_button.isEnabled)
    panel.section_view.crops.open_button.click()
    settle(panel)
    assert panel.workspace.session.slide.name == "own crop 1"
    panel.workspace.session.hide(np.ones(panel.workspace.session.slide.n_spots, dtype=bool))
    panel.close()
    assert len(list(kept_folder().glob("*.npz"))) == 1
    again = open_panel(file)
    assert not again.workspace.session.hidden.any()
    assert [crop.name for crop in again.workspace.session.crops] == ["crop 1"]
    again.close()


def test_a_damaged_file_costs_one_sentence(open_panel, file):
    first = open_panel(file)
    draw(first)
    first.close()
    next(kept_folder().glob("*.npz")).write_bytes(b"not a zip")
    panel = open_panel(file)
    assert not panel.workspace.session.hidden.any()
    assert "could not be restored" in panel.section_view.kept.text
    assert panel.section_view.kept.afresh.isHidden()


def test_what_was_drawn_survives_a_killed_process(open_panel, file, model_path):
    killed = subprocess.run([sys.executable, "-c", DRAW_AND_DIE, str(file), str(model_path)], timeout=120, check=False)
    assert killed.returncode == -9
    session = open_panel(file).workspace.session
    np.testing.assert_array_equal(np.flatnonzero(session.hidden), np.arange(10, 30))
