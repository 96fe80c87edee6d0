"""The three main stories in a real window: mouse, keys, napari's own menus, and closing in the middle of work."""

import threading

import anndata as ad
import numpy as np
import pytest
from napari.utils.notifications import notification_manager
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest

from demo.driver import drag
from napari_stimg import keys
from napari_stimg._widgets.dock import StimgWidget
from napari_stimg._widgets.layers import Role
from napari_stimg._widgets.tasks import Model
from napari_stimg._widgets.tools_view import Tool
from napari_stimg.progress import Progress

DISPLAY_NAME = "Spatial transcriptomics (stimg)"


@pytest.fixture
def window(make_napari_viewer, model_path):
    """Return a viewer in a window of 1600 x 1000 pixels, and the panel docked in it from the manifest."""
    viewer = make_napari_viewer(show=True)
    viewer.window._qt_window.resize(1600, 1000)
    _, panel = viewer.window.add_plugin_dock_widget("napari-stimg", DISPLAY_NAME)
    panel.workspace.model = Model(model_path)
    return viewer, panel


@pytest.fixture
def opened(window, section_path, settle):
    """Return them with the small section dropped on the canvas."""
    viewer, panel = window
    viewer.open(str(section_path), plugin="napari-stimg")
    settle(panel)
    return viewer, panel


def corners(panel, low_percent, high_percent):
    centres = panel.workspace.session.raster.centres
    return np.percentile(centres, (low_percent, high_percent), axis=0) + 0.2 * panel.workspace.session.lattice.pitch


def hidden(panel):
    return panel.workspace.session.hidden


def test_hide_by_mouse_reconstruct_and_save_from_the_menu(qtbot, opened, settle, tmp_path):
    viewer, panel = opened
    panel.hide_view.tools.buttons[Tool.RECTANGLE].click()
    low, high = corners(panel, 30, 60)
    drag(viewer, panel, [low, (low + high) / 2, high])
    qtbot.waitUntil(lambda: hidden(panel).any())
    centres = panel.workspace.session.raster.centres
    inside = ((centres > low) & (centres < high)).all(axis=1)
    assert (hidden(panel) == inside).mean() > 0.98  # the mouse rests on whole pixels
    panel.hide_view.reconstruct.click()
    settle(panel)
    assert viewer.canvas.grid.enabled
    picture = viewer.screenshot(canvas_only=False, flash=False)
    assert picture.shape[:2] == (1000, 1600)
    assert len(np.unique(picture.reshape(-1, picture.shape[-1]), axis=0)) > 500
    target = tmp_path / "menu.h5ad"
    viewer.layers.save(str(target), plugin="napari-stimg")
    np.testing.assert_array_equal(ad.read_h5ad(target).obs[keys.MASK], hidden(panel))
    assert "Saved to menu.h5ad" in panel.save_view.state.text()


def test_hide_by_brush_and_undo_by_key(qtbot, opened):
    viewer, panel = opened
    panel.hide_view.tools.buttons[Tool.BRUSH].click()
    low, high = corners(panel, 40, 60)
    drag(viewer, panel, [low, (low + high) / 2, high])
    qtbot.waitUntil(lambda: hidden(panel).any())
    first = hidden(panel).copy()
    drag(viewer, panel, [corners(panel, 70, 80)[0], corners(panel, 70, 80)[1]])
    qtbot.waitUntil(lambda: hidden(panel).sum() > first.sum())
    QTest.keyClick(viewer.window._qt_viewer.canvas.native, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    qtbot.waitUntil(lambda: np.array_equal(hidden(panel), first))
    both = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier
    QTest.keyClick(viewer.window._qt_viewer.canvas.native, Qt.Key.Key_Z, both)
    qtbot.waitUntil(lambda: hidden(panel).sum() > first.sum())


def test_scribble_by_mouse_and_paint(qtbot, opened, settle):
    viewer, panel = opened
    session = panel.workspace.session
    for class_number, (start, stop) in enumerate([(10, 25), (75, 90)], start=1):
        panel.domains_view.class_added.emit()
        drag(viewer, panel, corners(panel, start, stop))
        qtbot.waitUntil(lambda n=class_number: session.n_scribbled_classes == n)
    panel.domains_view.paint.click()
    settle(panel)
    assert session.domains.names == ("Class 1", "Class 2")
    assert panel.workspace.pictures.layers.get(Role.DOMAINS).visible


def test_outline_by_lasso_crop_and_go_on_in_the_crop(qtbot, opened, settle):
    viewer, panel = opened
    whole = panel.workspace.session
    panel.section_view.crops.outline_requested.emit("polygon_lasso")
    (top, left), (bottom, right) = corners(panel, 20, 80)
    ring = [(top, left), (top, right), (bottom, right), (bottom, left), (top + 1, left)]
    drag(viewer, panel, [*np.linspace(ring[:-1], ring[1:], 5, axis=1).reshape(-1, 2)])
    qtbot.waitUntil(panel.section_view.crops.open_button.isEnabled)
    panel.section_view.crops.open_button.click()
    settle(panel)
    crop = panel.workspace.session
    assert 0 < crop.slide.n_spots < whole.slide.n_spots
    panel.genes_view.gene_requested.emit(5)
    assert panel.workspace.pictures.layers.get(Role.GENE).visible


def test_the_samples_of_the_menu_are_taken_over(window, settle):
    viewer, panel = window
    viewer.open_sample("napari-stimg", "layered_square")
    settle(panel)
    assert panel.workspace.session.slide.name == "layered_square"


def test_a_damaged_file_dropped_on_the_canvas_is_one_sentence(window, tmp_path):
    viewer, panel = window
    damaged = tmp_path / "damaged.h5ad"
    damaged.write_bytes(b"nothing like HDF5")
    with pytest.raises(ValueError, match=r"damaged\.h5ad"):
        viewer.open(str(damaged), plugin="napari-stimg")
    assert panel.workspace.session is None


class HeldModel(Model):
    """A model that is loaded only once it is let go."""

    def __init__(self, path):
        super().__init__(path)
        self.go = threading.Event()

    def load(self):
        yield Progress(done=0, total=0, message="Held")
        assert self.go.wait(timeout=20)
        return (yield from super().load())


def test_closing_the_window_in_the_middle_of_work_is_safe(qtbot, opened, model_path):
    viewer, panel = opened
    panel.workspace.session.hide(np.arange(panel.workspace.session.slide.n_spots) < 9)
    panel.workspace.model = model = HeldModel(model_path)
    with qtbot.waitSignal(panel.runners["reconstruct"].progressed):
        panel.reconstruction.reconstruct()
    shown = len(notification_manager.records)
    viewer.close()
    model.go.set()
    assert StimgWidget is type(panel)
    assert len(notification_manager.records) == shown
