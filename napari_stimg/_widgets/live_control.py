"""Connects live mode of the Reconstruct tab: while one draws, the shown gene is filled in where spots are hidden."""

import numpy as np
from napari.utils.notifications import show_info
from qtpy.QtCore import QObject, QTimer

from napari_stimg._widgets.hide_view import HideView
from napari_stimg._widgets.layers import Role
from napari_stimg._widgets.pictures import SectionPictures
from napari_stimg._widgets.session import Session
from napari_stimg._widgets.tasks import Expected, expect_gene
from napari_stimg._widgets.workers import TaskRunner
from napari_stimg._widgets.workspace import Workspace
from napari_stimg.planes import contrast_limits

DELAY_MS = 150
"""Milliseconds without a change after which the hidden spots are filled in."""


class LiveControl(QObject):
    """Shows the expected expression of hidden spots in the gene's own picture, anew after each change of the mask.

    Nothing of it is kept: it has no uncertainty and no scores, and it is never saved.

    Parameters
    ----------
    workspace : Workspace
        Whose current section is worked on.
    view : HideView
        The tab.
    runner : TaskRunner
        Runs the newest request; an older one is dropped.
    """

    def __init__(self, workspace: Workspace, view: HideView, runner: TaskRunner) -> None:
        super().__init__(view)
        self._workspace, self._view, self._runner = workspace, view, runner
        self._shown: SectionPictures | None = None
        self._delay = QTimer(self)
        self._delay.setSingleShot(True)
        self._delay.setInterval(DELAY_MS)
        self._delay.timeout.connect(self._start)
        view.live_requested.connect(self._on_live)
        workspace.current_changed.connect(self._on_current_changed)
        for changed in (workspace.mask_changed, workspace.gene_shown, workspace.model_changed):
            changed.connect(self._ask)

    @property
    def is_waiting(self) -> bool:
        """Whether a request is about to start."""
        return self._delay.isActive()

    def stop(self) -> None:
        """Start nothing more, and drop what runs; the canvas stays as it is."""
        self._delay.stop()
        self._runner.cancel()

    def _on_live(self, wanted: bool) -> None:
        if wanted:
            session = self._workspace.session
            if session is not None and session.display.column is None:
                show_info("Choose a gene in the tab Genes: it is the gene shown that is filled in as you draw.")
            self._ask()
        else:
            self._show_truth()

    def _on_current_changed(self) -> None:
        """Leave the former section as it was measured, and go on with the new one."""
        self._show_truth()
        self._ask()

    def _ask(self) -> None:
        """Fill in the hidden spots once nothing has changed for a moment."""
        if not self._view.is_live:
            return
        pictures = self._workspace.pictures
        if pictures is None or pictures.session.display.column is None or not pictures.session.hidden.any():
            self._show_truth()
        elif not _can_be_told(pictures.session):
            self._show_truth()
        else:
            self._runner.cancel()
            self._delay.start()
            self._shown = pictures
            pictures.drawings.outline_hidden(True, what="live")

    def _start(self) -> None:
        pictures, model = self._workspace.pictures, self._workspace.model
        column = None if pictures is None else pictures.session.display.column
        if pictures is None or column is None:
            return
        session, hidden = pictures.session, pictures.session.hidden.copy()
        self._runner.start(
            "Reconstructing as you draw",
            lambda: expect_gene(session, model, hidden=hidden, column=column),
            lambda result: self._on_expected(pictures, result),
        )

    def _on_expected(self, pictures: SectionPictures, result: Expected) -> None:
        _fill(pictures, result)
        self._view.show_live_warning(result.warning)

    def _show_truth(self) -> None:
        """Show what was measured, and the mask as an area."""
        self.stop()
        self._view.show_live_warning("")
        pictures, self._shown = self._shown, None
        if pictures is not None and pictures in self._workspace.opened:
            if Role.GENE in pictures.layers:
                pictures.show_gene()
            pictures.drawings.outline_hidden(False, what="live")


def _fill(pictures: SectionPictures, result: Expected) -> None:
    """Show one gene with what is expected of its hidden spots, in the contrast of what was measured."""
    display, slide = pictures.session.display, pictures.session.slide
    values = pictures.session.planes.expression(result.column)
    limits = contrast_limits(values, display.clip_percent)
    values[result.spots] = result.values
    name = f"{pictures.gene_label(result.column)}, hidden spots reconstructed · {slide.name}"
    pictures.layers.image(Role.GENE, values, name=name, limits=limits)


def _can_be_told(session: Session) -> bool:
    """Return whether enough is visible: with less than two cells there is nothing to learn from."""
    return np.unique(session.lattice.token_of_spot[~session.hidden]).size >= 2
