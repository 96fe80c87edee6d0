"""The three things that people do most, done in a real window by mouse, a picture of the window at each step."""

from collections.abc import Iterator, Sequence

import napari
import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from demo.driver import drag, draw_window, go_to, settle, wait
from napari_stimg._widgets.dock import StimgWidget
from napari_stimg._widgets.session import Session
from napari_stimg._widgets.tools_view import Tool

Picture = tuple[str, NDArray[np.uint8]]
"""What it shows, in a word or two; (height, width, 4) uint8."""

STROKE_PITCHES = 4.0
"""Length of a scribbled stroke."""


def look_hide_and_reconstruct(
    viewer: napari.Viewer, panel: StimgWidget, *, gene: int, region: NDArray[np.float64]
) -> Iterator[Picture]:
    """Look at a gene, hide a region, let the model fill it in.

    Parameters
    ----------
    gene : int
        Column of the gene.
    region : (2, 2) float
        Two opposite corners of what is hidden, as places (row, col).
    """
    session = panel.workspace.session
    yield "section", draw_window(viewer)
    go_to(panel, "Genes")
    panel.genes_view.search.setText(str(session.slide.gene_names[gene]))
    panel.genes_view.search.returnPressed.emit()
    wait(lambda: session.display.column == gene, "the gene")
    yield "gene", draw_window(viewer)
    go_to(panel, "Reconstruct")
    panel.hide_view.tools.buttons[Tool.RECTANGLE].click()
    drag(viewer, panel, np.linspace(*region, 6))
    wait(lambda: bool(session.hidden.any()), "the mask")
    yield "hidden", draw_window(viewer)
    panel.hide_view.reconstruct.click()
    settle(panel, "the reconstruction", lambda: session.reconstruction is not None)
    yield "reconstruction", draw_window(viewer)


def scribble_and_paint(viewer: napari.Viewer, panel: StimgWidget, *, labels: Sequence[str]) -> Iterator[Picture]:
    """Scribble one stroke a class, paint the whole section, and see which genes mark the classes.

    Parameters
    ----------
    labels : S of str
        What each spot is; "nan" = unknown. Each class is scribbled once, where it is thickest.
    """
    session = panel.workspace.session
    go_to(panel, "Domains")
    for number, stroke in enumerate(_strokes(session, np.asarray(labels)), start=1):
        panel.domains_view.class_added.emit()
        drag(viewer, panel, stroke)
        wait(lambda n=number: session.n_scribbled_classes == n, f"stroke {number}")
    yield "scribbles", draw_window(viewer)
    panel.domains_view.paint.click()
    settle(panel, "the domains", lambda: session.domains is not None)
    yield "painted", draw_window(viewer)
    panel.domains_view.markers.click()
    settle(panel, "the marker genes", lambda: panel.markers.window is not None)
    yield "markers", _grab(panel.markers.window)
    panel.markers.window.close()
    go_to(panel, "Map")
    panel.map_view.draw_button.click()
    settle(panel, "the map", lambda: True)
    yield "map", draw_window(viewer)


def crop_and_go_on(viewer: napari.Viewer, panel: StimgWidget, *, region: NDArray[np.float64]) -> Iterator[Picture]:
    """Draw around a region, and open it as a section of its own.

    Parameters
    ----------
    region : (2, 2) float
        Two opposite corners, as places (row, col); the lasso is the ellipse in between.
    """
    whole = panel.workspace.session
    go_to(panel, "Section")
    panel.section_view.crops.outline_requested.emit("polygon_lasso")
    angle = np.linspace(0, 2 * np.pi, 40)
    middle, half = region.mean(axis=0), np.ptp(region, axis=0) / 2
    drag(viewer, panel, middle + half * np.column_stack([np.sin(angle), np.cos(angle)]))
    wait(panel.section_view.crops.open_button.isEnabled, "the outline")
    yield "outline", draw_window(viewer)
    panel.section_view.crops.open_button.click()
    settle(panel, "the crop", lambda: panel.workspace.session is not whole)
    yield "crop", draw_window(viewer)


def _strokes(session: Session, labels: NDArray[np.str_]) -> Iterator[NDArray[np.float64]]:
    """Return a stroke (9, 2) of places for each class, through the spot that is farthest from all other classes."""
    places, pitch = session.raster.centres, session.lattice.pitch
    for label in sorted(set(labels) - {"nan"}):
        inside = labels == label
        depth = cKDTree(places[~inside]).query(places[inside])[0]
        deepest = places[inside][np.argmax(depth)]
        reach = min(STROKE_PITCHES / 2, depth.max() / pitch / 2) * pitch
        yield deepest + np.linspace(-reach, reach, 9)[:, None] * (0.0, 1.0)


def _grab(window: object) -> NDArray[np.uint8]:
    """Return a picture of a window of its own."""
    from qtpy.QtGui import QImage
    from qtpy.QtWidgets import QApplication

    QApplication.processEvents()
    image = window.grab().toImage().convertToFormat(QImage.Format.Format_RGBA8888)
    rows = np.frombuffer(image.constBits(), dtype=np.uint8).reshape(image.height(), image.bytesPerLine())
    return rows[:, : 4 * image.width()].reshape(image.height(), image.width(), 4).copy()
