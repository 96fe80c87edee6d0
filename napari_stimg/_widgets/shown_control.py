"""Connects *What the model sees*: a crop around the view's centre, and the genes that are drawn for it."""

import numpy as np
from napari.utils.notifications import show_error, show_info
from qtpy.QtCore import QObject

from napari_stimg._widgets.camera import view_centre
from napari_stimg._widgets.crops_view import CropsView
from napari_stimg._widgets.genes_control import GenesControl
from napari_stimg._widgets.layers import Role
from napari_stimg._widgets.pictures import SectionPictures
from napari_stimg._widgets.shown_window import ShownWindow
from napari_stimg._widgets.workspace import Workspace
from napari_stimg.errors import InputError
from napari_stimg.shown_genes import ShownCrop, shown_crop

COLOR = "#00e5ff"
"""Of the crop's outline: neither the mask's nor in viridis."""

LINE_SPOTS = 0.2
"""Its thickness in pitches."""


class ShownControl(QObject):
    """Shows crops as the model is shown them; fast enough for the GUI thread, for a crop has 256 cells.

    Parameters
    ----------
    workspace : Workspace
        Whose current section it is.
    view : CropsView
        The crop box.
    genes : GenesControl
        Shows the gene that is chosen in the window.

    Attributes
    ----------
    window : ShownWindow or None
        The window, made when it is first needed; the outline is on the canvas while it is open.
    shown : ShownCrop or None
        What is shown.
    """

    def __init__(self, workspace: Workspace, view: CropsView, genes: GenesControl) -> None:
        super().__init__(view)
        self._workspace, self._view, self._genes = workspace, view, genes
        self.window: ShownWindow | None = None
        self.shown: ShownCrop | None = None
        self._pictures: SectionPictures | None = None
        self._spot = 0
        view.model_view_requested.connect(self.show)
        workspace.current_changed.connect(self.close)
        workspace.model_changed.connect(self.close)

    def show(self) -> None:
        """Show the crop around the spot nearest to the view's centre."""
        pictures = self._workspace.pictures
        if pictures is not None:
            centres = pictures.session.raster.centres
            self._pictures = pictures
            self._spot = int(np.argmin(np.linalg.norm(centres - view_centre(pictures.layers), axis=1)))
            self._draw(seed=0)

    def again(self) -> None:
        """Draw other genes for the same crop."""
        if self.shown is not None:
            self._draw(seed=self.shown.seed + 1)

    def close(self) -> None:
        """Close the window, if it is open."""
        if self.window is not None:
            self.window.close()

    def _draw(self, *, seed: int) -> None:
        pictures = self._pictures
        if pictures is None:
            return
        session = pictures.session
        if session.match is None:
            show_info("The model is still being loaded: try again in a moment.")
            return
        try:
            self.shown = shown_crop(session.slide, session.lattice, self._spot, known=session.match.columns, seed=seed)
        except InputError as error:
            show_error(str(error))
            return
        self._outline(pictures, self.shown)
        if self.window is None:
            self.window = ShownWindow(self._view)
            self.window.again_requested.connect(self.again)
            self.window.gene_requested.connect(self._genes.show_gene)
            self.window.hidden.connect(self._on_hidden)
        self.window.show_crop(self.shown, session.slide.gene_names)
        self.window.show()
        self.window.raise_()

    def _outline(self, pictures: SectionPictures, shown: ShownCrop) -> None:
        layers, session = pictures.layers, pictures.session
        layer = layers.labels(Role.SHOWN, shown.spots, name="Crop that the model sees", colors={1: COLOR}, opacity=1.0)
        layer.contour = max(1, round(LINE_SPOTS * session.lattice.pitch / session.raster.scale))
        layers.set_visible(Role.SHOWN, True)

    def _on_hidden(self) -> None:
        if self._pictures is not None:
            self._pictures.layers.remove(Role.SHOWN)
