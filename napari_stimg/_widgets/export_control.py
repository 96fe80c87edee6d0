"""Connects the Export menu: tables and outlines of the current section, for other programs."""

from pathlib import Path

from napari.utils.notifications import show_error, show_info
from qtpy.QtCore import QObject
from qtpy.QtWidgets import QFileDialog

from napari_stimg._widgets.canvas_figure import save_canvas
from napari_stimg._widgets.save_control import suggested_target
from napari_stimg._widgets.save_view import EXPORTS, SaveView
from napari_stimg._widgets.session import Session
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

HIDDEN_COLOR = "#ff0000"
CROP_COLOR = "#ffc800"


class ExportControl(QObject):
    """Writes what the Export menu asks for.

    Parameters
    ----------
    workspace : Workspace
        Whose current section is exported.
    view : SaveView
        The bar with the menu.
    """

    def __init__(self, workspace: Workspace, view: SaveView) -> None:
        super().__init__(view)
        self._workspace, self._view = workspace, view
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
        name = f"{session.slide.name.replace('/', '_')}_{what}{_ending(FILTERS[what])}"
        suggested = suggested_target(session).with_name(name)
        chosen, kind = QFileDialog.getSaveFileName(
            self._view, EXPORTS[what][0].rstrip("…"), str(suggested), FILTERS[what]
        )
        if not chosen:
            return
        target = Path(chosen) if Path(chosen).suffix else Path(chosen + (_ending(kind) or _ending(FILTERS[what])))
        try:
            if what == "figure":
                save_canvas(pictures, target)
            else:
                export(session, what, target)
        except InputError as error:
            show_error(str(error))
        else:
            show_info(f"Exported to {target}.")

    def _show_offer(self) -> None:
        session = self._workspace.session
        self._view.show_exports(() if session is None else offered(session))


def offered(session: Session) -> set[str]:
    """Return which of `EXPORTS` this section has something for."""
    has = {
        "spots": True,
        "figure": True,
        "scores": session.scores is not None and session.reconstruction_is_current,
        "hidden": bool(session.hidden.any()),
        "domains": session.domains is not None,
        "crops": bool(session.crops),
    }
    return {what for what, there in has.items() if there}


def export(session: Session, what: str, target: Path) -> None:
    """Write one of `EXPORTS` that is `offered`, other than the figure, which is of the canvas.

    Raises
    ------
    InputError
        If the file cannot be written.
    """
    from napari_stimg.io.geojson import Region, write_regions
    from napari_stimg.io.tables import spot_table, write_table
    from napari_stimg.outlines import spot_cells

    if what == "spots":
        write_table(spot_table(session.slide, session.lattice, session.results()), target)
    elif what == "scores" and session.scores is not None:
        write_table(session.scores, target)
    elif what == "hidden":
        polygons = spot_cells(session.slide, session.lattice).outlines(session.hidden)
        write_regions([Region(name="hidden", color=HIDDEN_COLOR, polygons=polygons)], target)
    elif what == "domains" and session.domains is not None:
        cells, domains = spot_cells(session.slide, session.lattice), session.domains
        write_regions(
            (
                Region(name=name, color=color, polygons=cells.outlines(domains.labels == number))
                for number, (name, color) in enumerate(zip(domains.names, domains.colors, strict=True))
            ),
            target,
        )
    elif what == "crops":
        cells, inside = spot_cells(session.slide, session.lattice), session.raster.spots_in_polygon
        write_regions(
            (
                Region(name=crop.name, color=CROP_COLOR, polygons=cells.outlines(inside(crop.corners)))
                for crop in session.crops
            ),
            target,
        )


def _ending(filters: str) -> str:
    """Return the first file ending that a file dialog's filters name, such as ``.csv``."""
    return filters.partition("*")[2].partition(")")[0]
