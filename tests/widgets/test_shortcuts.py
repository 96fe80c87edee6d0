"""Keys of the panel, pressed in a real window."""

import numpy as np
import pytest
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication

from demo.driver import drag
from napari_stimg._widgets.shortcuts import panel_shortcuts, show_list
from napari_stimg._widgets.tools_view import Tool

PANEL = "Spatial transcriptomics (stimg)"


@pytest.fixture
def opened(make_napari_viewer, qtbot, section_path, settle):
    """Return a viewer and the panel docked in it, with the small section open."""
    viewer = make_napari_viewer(show=True)
    _, panel = viewer.window.add_plugin_dock_widget("napari-stimg", PANEL)
    viewer.open(str(section_path), plugin="napari-stimg")
    settle(panel)
    window = viewer.window._qt_window
    window.activateWindow()
    qtbot.waitUntil(lambda: QApplication.activeWindow() is window)
    return viewer, panel


def press(viewer, key):
    QTest.keyClick(viewer.window._qt_window, key, Qt.KeyboardModifier.AltModifier)


def test_keys_go_to_tabs_and_choose_tools(opened):
    viewer, panel = opened
    press(viewer, Qt.Key.Key_2)
    assert panel.tabs.tabText(panel.tabs.currentIndex()) == "Genes"
    press(viewer, Qt.Key.Key_B)
    assert panel.tabs.tabText(panel.tabs.currentIndex()) == "Reconstruct"
    assert panel.hide_view.tools.buttons[Tool.BRUSH].isChecked()
    press(viewer, Qt.Key.Key_M)
    assert panel.hide_view.tools.buttons[Tool.PAN].isChecked()
    press(viewer, Qt.Key.Key_G)
    assert panel.genes_view.search.hasFocus()


def test_the_brush_of_the_domains_tab_scribbles(opened):
    viewer, panel = opened
    panel.tabs.setCurrentIndex([panel.tabs.tabText(i) for i in range(panel.tabs.count())].index("Domains"))
    press(viewer, Qt.Key.Key_B)
    assert panel.workspace.session.classes == ["Class 1"]
    assert panel.domains_view.tools.buttons[Tool.BRUSH].isChecked()
    press(viewer, Qt.Key.Key_R)  # scribbles know no rectangle
    assert panel.domains_view.tools.buttons[Tool.BRUSH].isChecked()


def test_a_key_presses_its_button_only_where_that_can_be_pressed(opened, qtbot, settle):
    viewer, panel = opened
    press(viewer, Qt.Key.Key_Return)
    assert not panel.is_busy
    panel.workspace.session.hide(np.arange(panel.workspace.session.slide.n_spots) < 5)
    panel.workspace.mask_changed.emit()
    press(viewer, Qt.Key.Key_Return)
    settle(panel)
    assert panel.workspace.session.reconstruction is not None


def test_no_key_is_one_of_naparis_own_too(opened):
    _, panel = opened
    actions = [action for widget in QApplication.allWidgets() for action in widget.actions()]
    naparis = {keys.toString() for action in actions for keys in action.shortcuts()}
    assert "Ctrl+O" in naparis
    assert naparis.isdisjoint({shortcut.key for shortcut in panel_shortcuts(panel)})


def test_undo_works_with_the_lasso_in_hand(opened, qtbot):
    viewer, panel = opened
    press(viewer, Qt.Key.Key_O)
    centres = panel.workspace.session.raster.centres
    low, high = np.percentile(centres, (30, 60), axis=0)
    drag(viewer, panel, [low, (low[0], high[1]), high, (high[0], low[1]), low])
    qtbot.waitUntil(lambda: panel.workspace.session.hidden.any())
    canvas = viewer.window._qt_viewer.canvas.native
    QTest.keyClick(canvas, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert not panel.workspace.session.hidden.any()
    QTest.keyClick(canvas, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier)
    assert panel.workspace.session.hidden.any()


def test_the_list_names_every_key_once(opened):
    _, panel = opened
    shortcuts = panel_shortcuts(panel)
    keys = [shortcut.key for shortcut in shortcuts]
    assert len(set(keys)) == len(keys)
    text = show_list(panel, shortcuts).text()
    assert all(shortcut.key in text and shortcut.does in text for shortcut in shortcuts)
