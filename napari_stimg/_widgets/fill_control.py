"""Connects the button that predicts the shown gene inside the tissue where nothing was measured."""

from typing import TYPE_CHECKING

import numpy as np
from napari.utils.notifications import show_warning
from qtpy.QtCore import QObject

from napari_stimg._widgets.ask_view import AskView
from napari_stimg._widgets.layers import Role
from napari_stimg._widgets.pictures import SectionPictures, Stage
from napari_stimg._widgets.tasks import fill_holes
from napari_stimg._widgets.workers import TaskRunner
from napari_stimg._widgets.workspace import Workspace
from napari_stimg.display import extend_raster
from napari_stimg.planes import contrast_limits

if TYPE_CHECKING:
    from napari_stimg.holes import Filled


class FillControl(QObject):
    """Shows what the model expects in holes in a layer of its own; nothing of it is kept or saved.

    The layer goes when another gene is shown, another section is current or another model is in use.

    Parameters
    ----------
    workspace : Workspace
        Whose current section is worked on.
    view : AskView
        The button.
    runner : TaskRunner
        Runs the prediction.
    """

    def __init__(self, workspace: Workspace, view: AskView, runner: TaskRunner) -> None:
        super().__init__(view)
        self._workspace, self._runner = workspace, runner
        self._shown: tuple[SectionPictures, Filled] | None = None
        view.fill_requested.connect(self.fill)
        workspace.gene_shown.connect(self._on_gene_shown)
        workspace.stage_changed.connect(self._on_stage_changed)
        workspace.current_changed.connect(self._clear)
        workspace.model_changed.connect(self._clear)

    def fill(self) -> None:
        """Predict the gene that is shown where nothing was measured."""
        pictures, model = self._workspace.pictures, self._workspace.model
        if pictures is None:
            return
        session, column = pictures.session, pictures.session.display.column
        if column is None:
            show_warning("Choose the gene to predict in the tab Genes.")
            return
        self._runner.start(
            "Filling holes",
            lambda: fill_holes(session, model, column=column),
            lambda result: self._on_filled(pictures, result),
        )

    def _on_filled(self, pictures: SectionPictures, result: "Filled") -> None:
        if pictures is self._workspace.pictures and pictures.session.display.column == result.columns[0]:
            self._shown = (pictures, result)
            if self._workspace.stage is not Stage.GENE:
                self._workspace.bring_up(Stage.GENE)
            self._show(pictures, result)

    def _on_gene_shown(self) -> None:
        if self._shown is None:
            return
        if self._shown[0].session.display.column == self._shown[1].columns[0]:
            self._show(*self._shown)
        else:
            self._clear()

    def _on_stage_changed(self) -> None:
        if self._shown is not None:
            self._shown[0].layers.set_visible(Role.FILLED, self._workspace.stage is Stage.GENE)

    def _show(self, pictures: SectionPictures, result: "Filled") -> None:
        """Show it in the colours and the contrast of what was measured."""
        session, column = pictures.session, int(result.columns[0])
        raster = session.raster
        if result.lattice.n_spots > session.slide.n_spots:
            raster = extend_raster(raster, session.slide, session.lattice, result.lattice)
        values = np.full(result.lattice.n_spots, np.nan, dtype=np.float32)
        values[result.places] = result.expected[:, 0]
        limits = contrast_limits(session.planes.expression(column), session.display.clip_percent)
        name = f"{pictures.gene_label(column)}: predicted, not measured"
        colors = session.display.colormap
        pictures.layers.image(Role.FILLED, values, name=name, limits=limits, colormap=colors, raster=raster)

    def _clear(self) -> None:
        """Drop what runs and what was predicted, with its layer."""
        self._runner.cancel()
        shown, self._shown = self._shown, None
        if shown is not None and shown[0] in self._workspace.opened:
            shown[0].layers.remove(Role.FILLED)
