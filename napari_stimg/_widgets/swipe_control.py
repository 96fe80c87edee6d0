"""Connects the slider that reveals the reconstruction over the truth, from left to right."""

from qtpy.QtCore import QObject

from napari_stimg._widgets.hide_view import HideView
from napari_stimg._widgets.layers import Role
from napari_stimg._widgets.pictures import SectionPictures, Stage
from napari_stimg._widgets.workspace import Workspace
from napari_stimg.planes import contrast_limits


class SwipeControl(QObject):
    """Shows the gene with its reconstruction in the hidden spots left of a cut, and the truth in the others.

    Parameters
    ----------
    workspace : Workspace
        Whose current section is worked on.
    view : HideView
        The tab with the slider.
    """

    def __init__(self, workspace: Workspace, view: HideView) -> None:
        super().__init__(view)
        self._workspace, self._view = workspace, view
        self._share = 0.0
        self._shown: SectionPictures | None = None
        view.compare.swipe_requested.connect(self.swipe)
        workspace.gene_shown.connect(self._show)
        workspace.mask_changed.connect(self._show)
        workspace.current_changed.connect(self.stop)
        workspace.stage_changed.connect(self._on_stage_changed)

    def swipe(self, share: float) -> None:
        """Reveal the reconstruction over this share of the hidden region's width, 0 to 1."""
        if share > 0 and self._workspace.stage is not Stage.GENE:
            self._workspace.bring_up(Stage.GENE)
        self._share = share
        self._view.compare.show_swipe(share)
        self._show()

    def stop(self) -> None:
        """Reveal nothing, and take the layer away."""
        self._share = 0.0
        self._view.compare.show_swipe(0.0)
        self._take_away()

    def _on_stage_changed(self) -> None:
        if self._workspace.stage is not Stage.GENE:
            self.stop()

    def _show(self) -> None:
        pictures = self._workspace.pictures
        if pictures is None or self._share == 0.0:
            self._take_away()
            return
        session, column = pictures.session, pictures.session.display.column
        expected = None if column is None else session.expected(column)
        if session.reconstruction is None or column is None or expected is None:
            self._take_away()
            return
        values = session.planes.expression(column)
        limits = contrast_limits(values, session.display.clip_percent)
        spots = session.reconstruction.spots
        across = session.raster.centres[spots, 1]
        left = across <= across.min() + self._share * (across.max() - across.min())
        values[spots[left]] = expected[left]
        name = f"{pictures.gene_label(column)}: reconstruction left, truth right"
        pictures.layers.image(Role.SWIPE, values, name=name, limits=limits, colormap=session.display.colormap)
        pictures.layers.set_visible(Role.SWIPE, True)
        pictures.drawings.outline_hidden(True, what="swipe")
        self._shown = pictures

    def _take_away(self) -> None:
        shown, self._shown = self._shown, None
        if shown is not None and shown in self._workspace.opened:
            shown.layers.remove(Role.SWIPE)
            shown.drawings.outline_hidden(False, what="swipe")
