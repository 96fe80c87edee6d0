"""Connects the crop box: regions are drawn on the canvas, named, opened as sections, written to files."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from napari.layers.base import ActionType
from napari.utils.events import Event
from qtpy.QtCore import QObject, QTimer
from qtpy.QtWidgets import QFileDialog

from napari_stimg._widgets.camera import zoom_to
from napari_stimg._widgets.crop_layer import crop_layer, read_crops, show_crops, spots_in
from napari_stimg._widgets.crops_view import CropsView
from napari_stimg._widgets.file_writer import FileWriter
from napari_stimg._widgets.layers import Role
from napari_stimg._widgets.named_crops import NamedCrop, distinct_name, renamed, results_in, write_part
from napari_stimg._widgets.pictures import SectionPictures
from napari_stimg._widgets.save_control import suggested_target
from napari_stimg._widgets.section_control import SectionControl
from napari_stimg._widgets.workspace import Workspace
from napari_stimg.slide import Slide

DRAWN = (ActionType.ADDED, ActionType.REMOVED, ActionType.CHANGED)

Change = Callable[[tuple[NamedCrop, ...]], tuple[NamedCrop, ...]]


class CropsControl(QObject):
    """Keeps the list of regions in step with what is drawn, and does what it asks for.

    Parameters
    ----------
    workspace : Workspace
        Whose current section is cropped.
    view : CropsView
        The crop box.
    sections : SectionControl
        Opens crops.
    writer : FileWriter
        Writes crops.
    """

    def __init__(self, workspace: Workspace, view: CropsView, sections: SectionControl, writer: FileWriter) -> None:
        super().__init__(view)
        self._workspace, self._view, self._sections, self._writer = workspace, view, sections, writer
        self._is_seen = True
        view.outline_requested.connect(self.outline)
        view.zoom_requested.connect(self.zoom)
        view.open_requested.connect(self.open)
        view.export_requested.connect(self._on_export)
        view.delete_requested.connect(self.delete)
        view.undelete_requested.connect(self.undelete)
        view.rename_requested.connect(self.rename)
        workspace.current_changed.connect(self._on_current_changed)
        for changed in (workspace.current_changed, workspace.crops_changed, workspace.stage_changed):
            changed.connect(self._show_outlines)

    def show_outlines(self, wanted: bool) -> None:
        """Let the regions be seen on the canvas, or not: they would lie over whatever else is looked at."""
        self._is_seen = wanted
        self._show_outlines()

    def outline(self, mode: str) -> None:
        """Let the mouse draw a region, ``"rectangle"`` or ``"polygon_lasso"``."""
        pictures = self._workspace.pictures
        if pictures is not None:
            self._workspace.compare(False)
            crop_layer(pictures.layers)
            self._follow(pictures)
            pictures.layers.activate(Role.CROP, f"add_{mode}")

    def zoom(self, place: int) -> None:
        """Look at a region."""
        pictures = self._workspace.pictures
        if pictures is not None:
            crop_layer(pictures.layers)
            self._follow(pictures)
            pictures.layers.set_visible(Role.CROP, True)
            zoom_to(pictures.layers, pictures.session.crops[place].corners)

    def open(self, place: int) -> None:
        """Open the spots of a region as a section of their own."""
        pictures = self._workspace.pictures
        if pictures is not None:
            self._sections.open_slide(self._part(pictures, pictures.session.crops[place]), unsaved=frozenset({"crop"}))

    def export(self, place: int, target: Path) -> None:
        """Write the spots of a region, with what was drawn and found there, off the GUI thread."""
        pictures = self._workspace.pictures
        if pictures is None:
            return
        crop, session = pictures.session.crops[place], pictures.session
        inside, part = spots_in(pictures.layers, crop), self._part(pictures, crop)
        results = results_in(session.results(), inside)
        self._writer.write_in_steps(target, lambda: write_part(part, target, results))

    def rename(self, place: int, name: str) -> None:
        """Give a region another name, unless another one has it."""
        self._change(lambda crops: renamed(crops, place, name))

    def delete(self, place: int) -> None:
        """Delete a region; it can be brought back."""
        self._change(lambda crops: (*crops[:place], *crops[place + 1 :]))

    def undelete(self) -> None:
        """Bring back the region that was deleted last."""
        session = self._workspace.session
        if session is not None and session.deleted_crops:
            crop = session.deleted_crops.pop()
            taken = {other.name for other in session.crops}
            crop = replace(crop, name=distinct_name(crop.name, taken)) if crop.name in taken else crop
            self._change(lambda crops: (*crops, crop))

    def _change(self, change: Change) -> None:
        """Change the current section's crops, and draw them so."""
        pictures = self._workspace.pictures
        if pictures is not None:
            self._note(pictures, change(pictures.session.crops))
            show_crops(pictures.layers)
            self._follow(pictures)

    def _note(self, pictures: SectionPictures, crops: tuple[NamedCrop, ...]) -> None:
        """Note that these are a section's crops; those that are fewer were deleted."""
        session, before = pictures.session, pictures.session.crops
        if len(crops) < len(before):
            session.deleted_crops += [crop for crop in before if crop not in crops]
        session.crops = crops
        if pictures is self._workspace.pictures:
            self._show()
            self._workspace.crops_changed.emit()

    def _part(self, pictures: SectionPictures, crop: NamedCrop) -> Slide:
        slide = pictures.session.slide
        name, taken = f"{slide.name} {crop.name}", {session.slide.name for session in self._workspace.sessions}
        part = slide.select(spots_in(pictures.layers, crop))
        return replace(part, name=distinct_name(name, taken) if name in taken else name)

    def _follow(self, pictures: SectionPictures) -> None:
        layer = pictures.layers.get(Role.CROP)
        if layer is not None:
            self._workspace.connections.connect_once(layer.events.data, self._on_drawn)

    def _on_drawn(self, event: Event) -> None:
        if event.action in DRAWN:
            QTimer.singleShot(0, self._read)

    def _read(self) -> None:
        for pictures in self._workspace.opened:
            crops = read_crops(pictures.layers)
            if crops != pictures.session.crops:
                self._note(pictures, crops)

    def _on_current_changed(self) -> None:
        pictures = self._workspace.pictures
        if pictures is not None:
            self._follow(pictures)
            self._read()
        self._show()

    def _show(self) -> None:
        pictures = self._workspace.pictures
        if pictures is None:
            return
        crops = pictures.session.crops
        counts = [int(spots_in(pictures.layers, crop).sum()) for crop in crops]
        names = [crop.name for crop in crops]
        self._view.show_crops(names, counts, can_undelete=bool(pictures.session.deleted_crops))

    def _show_outlines(self) -> None:
        pictures = self._workspace.pictures
        layer = None if pictures is None else pictures.layers.get(Role.CROP)
        if pictures is None or layer is None or pictures.is_comparing:
            return
        if not self._is_seen and self._workspace.viewer.layers.selection.active is layer:
            pictures.pan()
            pictures.layers.select(Role.GENE)
        pictures.layers.set_visible(Role.CROP, self._is_seen)

    def _on_export(self, place: int) -> None:
        session = self._workspace.session
        if session is None:
            return
        name = f"{session.slide.name} {session.crops[place].name}".replace("/", "_")
        suggested = suggested_target(session).with_name(f"{name}.h5ad")
        chosen, _ = QFileDialog.getSaveFileName(self._view, "Export the region", str(suggested), "AnnData (*.h5ad)")
        if chosen:
            self.export(place, Path(chosen) if chosen.endswith(".h5ad") else Path(f"{chosen}.h5ad"))
