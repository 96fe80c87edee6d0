"""Regions of a section: drawn, listed, named, opened, written, deleted, kept."""

import json

import anndata as ad
import numpy as np
import pytest
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QApplication, QFileDialog

from napari_stimg._widgets.crops_view import CropsView
from napari_stimg._widgets.export_tasks import export, offered
from napari_stimg._widgets.layers import Role
from napari_stimg._widgets.legend_table import COUNT, NAME
from napari_stimg._widgets.named_crops import crops_of
from napari_stimg._widgets.session import Domains
from napari_stimg._widgets.session_store import read_kept
from napari_stimg.io import mask_from_geojson
from napari_stimg.progress import run


def draw(panel, low_percent, high_percent):
    """Draw a rectangle between these percentiles of the spots, and return the (S,) spots in it."""
    panel.section_view.crops.outline_requested.emit("rectangle")
    centres = panel.workspace.session.raster.centres
    low, high = np.percentile(centres, (low_percent, high_percent), axis=0)
    low, high = low + 0.1 * panel.workspace.session.lattice.pitch, high + 0.1 * panel.workspace.session.lattice.pitch
    crop_layer(panel).add_rectangles(np.array([low, high]))
    QApplication.processEvents()
    return ((centres > low) & (centres < high)).all(axis=1)


def crop_layer(panel):
    return panel.workspace.pictures.layers.get(Role.CROP)


def listed(panel):
    table = panel.section_view.crops.table
    return [(table.item(place, NAME).text(), table.item(place, COUNT).text()) for place in range(table.rowCount())]


@pytest.fixture
def two(panel):
    """Return the panel with two regions, and the spots in each."""
    return panel, draw(panel, 10, 40), draw(panel, 50, 90)


def test_each_outline_is_an_entry_with_its_number_of_spots(two):
    panel, first, second = two
    assert listed(panel) == [("crop 1", str(first.sum())), ("crop 2", str(second.sum()))]
    assert panel.section_view.crops.chosen == 1


def test_a_region_that_is_moved_on_the_canvas_is_counted_anew(two):
    panel, _first, _ = two
    layer = crop_layer(panel)
    layer.data = [layer.data[0] + 1e6, layer.data[1]]
    QApplication.processEvents()
    assert listed(panel)[0] == ("crop 1", "0")
    panel.section_view.crops.table.choose(0)
    assert not panel.section_view.crops.open_button.isEnabled()


def test_a_name_is_edited_in_the_list_and_stays_with_its_region(two):
    panel, _first, second = two
    panel.section_view.crops.table.item(1, NAME).setText("tumour")
    assert [name for name, _ in listed(panel)] == ["crop 1", "tumour"]
    crop_layer(panel).selected_data = {0}
    crop_layer(panel).remove_selected()
    QApplication.processEvents()
    assert listed(panel) == [("tumour", str(second.sum()))]
    draw(panel, 10, 40)
    assert [name for name, _ in listed(panel)] == ["tumour", "crop 1"]


@pytest.mark.parametrize("name", ["crop 1", "", "  "])
def test_a_name_that_is_taken_or_empty_is_not_given(two, name):
    panel, _, _ = two
    panel.section_view.crops.table.item(1, NAME).setText(name)
    assert [name for name, _ in listed(panel)] == ["crop 1", "crop 2"]


def test_the_chosen_region_opens_as_its_own_section(two, slide, settle):
    panel, first, _ = two
    panel.section_view.crops.table.choose(0)
    panel.section_view.crops.open_button.click()
    settle(panel)
    np.testing.assert_array_equal(panel.workspace.session.slide.spot_names, slide.spot_names[first])
    assert listed(panel) == []
    panel.workspace.choose(0)
    assert len(listed(panel)) == 2


def test_a_region_is_written_with_what_was_drawn_and_found_in_it(two, slide, settle, tmp_path, monkeypatch):
    panel, first, _ = two
    session = panel.workspace.session
    session.hide(first & (np.arange(slide.n_spots) % 2 == 0))
    labels = np.arange(slide.n_spots) % 3
    session.domains = Domains(labels=labels, names=("a", "b", "c"), colors=("#ff0000", "#00ff00", "#0000ff"))
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(tmp_path / "part"), ""))
    panel.section_view.crops.table.choose(0)
    panel.section_view.crops.export_button.click()
    settle(panel)
    written = ad.read_h5ad(tmp_path / "part.h5ad")
    assert written.obs_names.tolist() == list(slide.spot_names[first])
    np.testing.assert_array_equal(written.obs["stimg_mask"], session.hidden[first])
    np.testing.assert_array_equal(written.obs["stimg_domain"].cat.codes, labels[first])


def test_a_deleted_region_can_be_brought_back(two):
    panel, first, second = two
    panel.section_view.crops.table.choose(0)
    panel.section_view.crops.delete_button.click()
    assert listed(panel) == [("crop 2", str(second.sum()))]
    assert len(crop_layer(panel).data) == 1
    panel.section_view.crops.undelete_button.click()
    assert listed(panel) == [("crop 2", str(second.sum())), ("crop 1", str(first.sum()))]
    assert len(crop_layer(panel).data) == 2
    assert not panel.section_view.crops.undelete_button.isEnabled()


def test_regions_outlive_their_layer(two):
    panel, _first, _ = two
    panel.workspace.viewer.layers.remove(crop_layer(panel))
    QApplication.processEvents()
    assert len(listed(panel)) == 2
    panel.section_view.crops.zoom_requested.emit(0)
    assert len(crop_layer(panel).data) == 2


def test_regions_are_on_the_canvas_in_their_own_tab_only(two):
    panel, _, _ = two
    assert crop_layer(panel).visible
    assert crop_layer(panel).mode == "add_rectangle"
    panel.tabs.setCurrentIndex(1)
    assert not crop_layer(panel).visible
    assert crop_layer(panel).mode == "pan_zoom"
    assert panel.workspace.viewer.layers.selection.active is panel.workspace.pictures.layers.get(Role.GENE)
    panel.tabs.setCurrentIndex(0)
    assert crop_layer(panel).visible


def test_regions_that_are_restored_while_another_tab_is_open_wait_for_their_own(two):
    panel, _, _ = two
    panel.kept.start_afresh()
    panel.tabs.setCurrentIndex(2)
    panel.kept.bring_back()
    QApplication.processEvents()
    assert not crop_layer(panel).visible
    panel.tabs.setCurrentIndex(0)
    assert crop_layer(panel).visible


def test_regions_stay_out_of_a_comparison(two, settle):
    panel, first, _ = two
    panel.workspace.session.hide(first)
    panel.workspace.mask_changed.emit()
    panel.tabs.setCurrentIndex(2)
    panel.reconstruction.reconstruct()
    settle(panel)
    panel.tabs.setCurrentIndex(0)
    assert not crop_layer(panel).visible
    panel.workspace.compare(False)
    assert crop_layer(panel).visible


def test_a_click_zooms_to_the_region(qtbot, two):
    panel, _first, _ = two
    table, camera = panel.section_view.crops.table, panel.workspace.viewer.scene.camera
    zoom = camera.zoom
    panel.show()
    place = table.visualItemRect(table.item(0, NAME)).center()
    qtbot.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, pos=place)
    corners = panel.workspace.session.crops[0].corners
    world = crop_layer(panel).scale[0]
    np.testing.assert_allclose(camera.center[1:], (corners.min(axis=0) + corners.max(axis=0)) / 2 * world)
    assert camera.zoom > zoom


def test_regions_are_exported_with_names_and_hold_their_spots(two, tmp_path):
    panel, first, second = two
    session = panel.workspace.session
    assert "crops" in offered(session)
    run(export(session, "crops", tmp_path / "crops.geojson"))
    features = json.loads((tmp_path / "crops.geojson").read_text())["features"]
    assert [feature["properties"]["name"] for feature in features] == ["crop 1", "crop 2"]
    np.testing.assert_array_equal(mask_from_geojson(session.slide, tmp_path / "crops.geojson"), first | second)


def test_regions_are_kept(two):
    panel, _, _ = two
    session = panel.workspace.session
    panel.kept.look()
    while panel.kept.is_busy:
        QApplication.processEvents()
    kept = read_kept(session.origin)
    assert [crop.name for crop in kept.crops] == ["crop 1", "crop 2"]
    for crop, drawn in zip(kept.crops, session.crops, strict=True):
        np.testing.assert_array_equal(crop.corners, drawn.corners)


def test_starting_afresh_puts_regions_aside(two):
    panel, _, _ = two
    panel.kept.start_afresh()
    QApplication.processEvents()
    assert listed(panel) == []
    panel.kept.bring_back()
    QApplication.processEvents()
    assert [name for name, _ in listed(panel)] == ["crop 1", "crop 2"]


def test_copies_of_an_outline_get_names_of_their_own():
    square = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
    known = crops_of(["a"], [square], ())
    crops = crops_of(["a", "a", ""], [square, square + 1, square + 2], known)
    assert [crop.name for crop in crops] == ["a", "crop 1", "crop 2"]
    assert crops[0] is known[0]


@pytest.mark.parametrize(("text", "signal"), [("▭ Rectangle", "outline_requested"), ("✎ Lasso", "outline_requested")])
def test_a_button_of_the_crop_box_asks(qtbot, text, signal):
    from qtpy.QtWidgets import QPushButton

    view = CropsView()
    qtbot.addWidget(view)
    with qtbot.waitSignal(getattr(view, signal)):
        next(button for button in view.findChildren(QPushButton) if button.text() == text).click()
