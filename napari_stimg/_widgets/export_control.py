"""Connects the Export menu: tables and outlines of the current section, for other programs."""

from napari.utils.notifications import show_error
from qtpy.QtCore import QObject

from napari_stimg._widgets.ask_target import ask_target, first_ending
from napari_stimg._widgets.canvas_figure import write_canvas
from napari_stimg._widgets.export_tasks import export, offered
from napari_stimg._widgets.file_writer import FileWriter
from napari_stimg._widgets.save_control import suggested_target
from napari_stimg._widgets.save_view import EXPORTS, SaveView
from napari_stimg._widgets.workspace import Workspace
from napari_stimg.errors import InputError

FILTERS = {
    "spots": "CSV (*.csv)",
    "scores": "CSV (*.csv)",
    "hidden": "GeoJSON (*.geojson)",
    "domains": "GeoJSON (*.geojson)",
    "crops": "GeoJSON (*.geojson)",
    "figure": "PNG (*.png);;SVG (*.svg);;PDF (*.pdf)",
}
"""Which files each of `EXPORTS` can be, the usual one first."""


class ExportControl(QObject):
    """Writes what the Export menu asks for.

    Parameters
    ----------
    workspace : Workspace
        Whose current section is exported.
    view : SaveView
        The bar with the menu.
    writer : FileWriter
        Writes the files.
    """

    def __init__(self, workspace: Workspace, view: SaveView, writer: FileWriter) -> None:
        super().__init__(view)
        self._workspace, self._view, self._writer = workspace, view, writer
        view.export_requested.connect(self._on_export)
        for changed in (
            workspace.current_changed,
            workspace.saved_changed,
            workspace.mask_changed,
            workspace.crops_changed,
        ):
            changed.connect(self._show_offer)

    def _on_export(self, what: str) -> None:
        pictures = self._workspace.pictures
        if pictures is None:
            return
        session = pictures.session
        name = f"{session.slide.name.replace('/', '_')}_{what}{first_ending(FILTERS[what])}"
        suggested = suggested_target(session).with_name(name)
        target = ask_target(self._view, EXPORTS[what][0].rstrip("…"), str(suggested), FILTERS[what])
        if target is None:
            return
        try:
            steps = write_canvas(pictures, target) if what == "figure" else export(session, what, target)
        except InputError as error:
            show_error(str(error))
        else:
            self._writer.write_in_steps(target, lambda: steps)

    def _show_offer(self) -> None:
        session = self._workspace.session
        self._view.show_exports(() if session is None else offered(session))
