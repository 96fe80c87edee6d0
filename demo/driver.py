"""Uses the panel in a real napari window as a person does, with the mouse, and takes pictures of it."""

import sys
import time
from collections.abc import Callable, Sequence
from contextlib import contextmanager
from pathlib import Path

import napari
import numpy as np
from napari.utils.notifications import notification_manager
from qtpy.QtCore import QEvent, QPoint, QPointF, Qt
from qtpy.QtGui import QMouseEvent
from qtpy.QtWidgets import QApplication

from napari_stimg._widgets.dock import StimgWidget
from napari_stimg._widgets.session import Session

PANEL = "Spatial transcriptomics (stimg)"
WINDOW_PX = (1600, 1000)
PATIENCE_S = 300.0


@contextmanager
def panel_in_a_window():
    """Give a viewer in a window, and the panel docked in it; both are closed in the end."""
    viewer = napari.Viewer(show=True)
    try:
        viewer.window._qt_window.resize(*WINDOW_PX)
        panel = StimgWidget(viewer)
        viewer.window.add_dock_widget(panel, name=PANEL, area="right")
        yield viewer, panel
    finally:
        viewer.close()


def open_section(panel: StimgWidget, file: Path | None) -> Session:
    """Return a section opened in the panel: the file's, or generated layered tissue."""
    if file is None:
        panel.sections.open_sample()
    else:
        panel.sections.open_path(file)
    settle(panel, "the section", lambda: panel.workspace.session is not None)
    return panel.workspace.session


def go_to(panel: StimgWidget, tab: str) -> None:
    """Show the tab of this name."""
    names = [panel.tabs.tabText(place) for place in range(panel.tabs.count())]
    panel.tabs.setCurrentIndex(names.index(tab))


def settle(panel: StimgWidget, what: str, arrived: Callable[[], bool]) -> None:
    """Wait until nothing runs any more; end the program if what was wanted has not arrived."""
    wait(lambda: not panel.is_busy, what)
    if not arrived():
        sys.exit(f"{what} failed: {notification_manager.records[-1].message}")


def wait(done: Callable[[], bool], what: str) -> None:
    """Let the window work until this is so; end the program if it takes too long."""
    give_up_at = time.monotonic() + PATIENCE_S
    while not done():
        if time.monotonic() > give_up_at:
            sys.exit(f"{what} took longer than {PATIENCE_S:.0f} s.")
        QApplication.processEvents()
        time.sleep(0.01)


def draw_window(viewer: napari.Viewer) -> np.ndarray:
    """Return a picture of the whole window, (height, width, 4) uint8, once it has been drawn."""
    for _ in range(20):
        QApplication.processEvents()
        time.sleep(0.02)
    return viewer.screenshot(canvas_only=False, flash=False)


def canvas_point(viewer: napari.Viewer, panel: StimgWidget, place: Sequence[float]) -> QPoint:
    """Return where on the canvas a place (row, col) of the section is drawn, in pixels."""
    session, camera = panel.workspace.session, viewer.scene.camera
    world = np.asarray(place) * (session.lattice.pitch_um or session.lattice.pitch) / session.lattice.pitch
    native = viewer.window._qt_viewer.canvas.native
    middle = np.array([native.height(), native.width()]) / 2
    row, col = middle + (world - np.array(camera.center[-2:])) * camera.zoom
    return QPoint(round(col), round(row))


def drag(viewer: napari.Viewer, panel: StimgWidget, places: Sequence[Sequence[float]]) -> None:
    """Press the left button at the first place (row, col), move over the others, release at the last."""
    native = viewer.window._qt_viewer.canvas.native
    left, none = Qt.MouseButton.LeftButton, Qt.MouseButton.NoButton
    points = [canvas_point(viewer, panel, place) for place in places]
    steps = [(QEvent.Type.MouseMove, points[0], none, none), (QEvent.Type.MouseButtonPress, points[0], left, left)]
    steps += [(QEvent.Type.MouseMove, point, none, left) for point in points[1:]]
    steps += [(QEvent.Type.MouseButtonRelease, points[-1], left, none)]
    for kind, point, button, held in steps:
        where = native.mapToGlobal(QPointF(point))
        event = QMouseEvent(kind, QPointF(point), where, button, held, Qt.KeyboardModifier.NoModifier)
        QApplication.sendEvent(native, event)
        QApplication.processEvents()
