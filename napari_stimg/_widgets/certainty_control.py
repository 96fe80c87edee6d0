"""Connects what shows how certain painted domains are: their probability as a layer, and where to label next."""

import numpy as np
from napari.utils.notifications import show_info
from numpy.typing import NDArray
from qtpy.QtCore import QObject

from napari_stimg._widgets.domains_view import DomainsView
from napari_stimg._widgets.layers import Role
from napari_stimg._widgets.pictures import SectionPictures, Stage
from napari_stimg._widgets.workspace import Workspace
from napari_stimg.next_labels import next_to_label


class CertaintyControl(QObject):
    """Shows the certainty of the current section's painted domains; once shown, it follows the painting.

    Parameters
    ----------
    workspace : Workspace
        Whose current section is worked on.
    view : DomainsView
        The tab.
    """

    def __init__(self, workspace: Workspace, view: DomainsView) -> None:
        super().__init__(view)
        self._workspace, self._view = workspace, view.certainty
        self._view.certainty_requested.connect(self._on_certainty_requested)
        self._view.next_requested.connect(self._on_next_requested)
        workspace.domains_changed.connect(self._follow)
        workspace.current_changed.connect(self._follow)
        workspace.stage_changed.connect(self._show_seen)

    def _on_certainty_requested(self, wanted: bool) -> None:
        pictures = self._workspace.pictures
        if pictures is not None:
            pictures.show_certainty()
            self._workspace.bring_up(Stage.CERTAINTY if wanted else Stage.DOMAINS)

    def _on_next_requested(self, wanted: bool) -> None:
        pictures = self._workspace.pictures
        if pictures is None:
            return
        spots = self._next(pictures) if wanted else np.empty(0, dtype=np.intp)
        pictures.drawings.show_next(spots)
        if wanted and not spots.size:
            show_info("Every spot is certain: there is nothing to label next.")
        self._show_seen()

    def _next(self, pictures: SectionPictures) -> NDArray[np.intp]:
        """Return the spots to label next, none where nothing was painted."""
        session = pictures.session
        if session.domains is None or session.domains.probabilities is None:
            return np.empty(0, dtype=np.intp)
        return next_to_label(session.domains.probabilities, session.lattice.positions, session.scribbles >= 0)

    def _follow(self) -> None:
        """Show of other domains what is shown already."""
        pictures = self._workspace.pictures
        domains = None if pictures is None else pictures.session.domains
        self._view.offer(domains is not None and domains.probabilities is not None)
        if pictures is not None and Role.CERTAINTY in pictures.layers:
            pictures.show_certainty()
        if pictures is not None and Role.NEXT in pictures.layers:
            pictures.drawings.show_next(self._next(pictures))
        self._show_seen()

    def _show_seen(self) -> None:
        pictures = self._workspace.pictures
        self._view.show_seen(
            certainty=self._workspace.stage is Stage.CERTAINTY,
            marks=pictures is not None and Role.NEXT in pictures.layers,
        )
