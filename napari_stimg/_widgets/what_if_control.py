"""Connects the what-if window: one gene is changed in the hidden or chosen spots, and the difference is shown."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QObject

from napari_stimg._widgets.genes_control import GenesControl
from napari_stimg._widgets.hide_view import HideView
from napari_stimg._widgets.layers import Role
from napari_stimg._widgets.pictures import SectionPictures, Stage
from napari_stimg._widgets.reconstruction_pictures import DIFFERENCE_COLORS
from napari_stimg._widgets.session import Session
from napari_stimg._widgets.tasks import what_if
from napari_stimg._widgets.what_if_window import WhatIfWindow
from napari_stimg._widgets.workers import TaskRunner
from napari_stimg._widgets.workspace import Workspace
from napari_stimg.expression_change import Change
from napari_stimg.planes import contrast_limits

if TYPE_CHECKING:
    from napari_stimg.what_if import WhatIf

NO_GENE = "Choose the gene to change in the tab Genes."
NO_SPOTS = "Hide or choose the spots in which the gene is to change; here the model sees them."


class WhatIfControl(QObject):
    """Asks the model what goes with a gene. Nothing of it is kept or saved.

    Parameters
    ----------
    workspace : Workspace
        Whose current section is worked on.
    view : HideView
        The tab: how many genes are asked for.
    genes : GenesControl
        Shows the gene that is chosen in the window.
    runner : TaskRunner
        Asks the model.

    Attributes
    ----------
    window : WhatIfWindow or None
        The window, made when it is first needed; it closes when another section is current. The layer goes with it.
    """

    def __init__(self, workspace: Workspace, view: HideView, genes: GenesControl, runner: TaskRunner) -> None:
        super().__init__(view)
        self._workspace, self._view, self._genes, self._runner = workspace, view, genes, runner
        self.window: WhatIfWindow | None = None
        self._shown: tuple[SectionPictures, WhatIf] | None = None
        view.ask.what_if_requested.connect(self.open)
        workspace.current_changed.connect(self.close)
        workspace.model_changed.connect(self._clear)
        for changed in (workspace.mask_changed, workspace.gene_shown):
            changed.connect(self._show_change)
        workspace.gene_shown.connect(self._show_picture)
        workspace.stage_changed.connect(self._on_stage_changed)

    def open(self) -> None:
        """Open the window on the gene that is shown and the spots that are hidden or chosen."""
        if self._workspace.session is None:
            return
        if self.window is None:
            self.window = WhatIfWindow(self._view)
            self.window.asked.connect(self.ask)
            self.window.gene_requested.connect(self._genes.show_gene)
            self.window.finished.connect(lambda _: self._clear())
        self.window.show()
        self.window.raise_()
        self._show_change()

    def close(self) -> None:
        """Close the window, if it is open."""
        self._clear()
        if self.window is not None:
            self.window.close()

    def ask(self, change: Change) -> None:
        """Change the gene that is shown in the hidden or chosen spots, and show what the model expects."""
        pictures, model, n_genes = self._workspace.pictures, self._workspace.model, self._view.n_genes
        column = None if pictures is None else pictures.session.display.column
        if pictures is None or column is None:
            return
        session = pictures.session
        chosen, _ = _region(session)
        if not chosen.any():
            return
        said = (
            f"Change of expected log expression if {session.slide.gene_names[column]} were {change.in_words} "
            f"in {np.count_nonzero(chosen):,} spots:"
        )
        self._runner.start(
            "Asking what if",
            lambda: what_if(session, model, chosen=chosen, column=column, change=change, n_genes=n_genes),
            lambda result: self._on_answered(pictures, result, said),
        )

    def _on_answered(self, pictures: SectionPictures, result: "WhatIf", said: str) -> None:
        if self._workspace.pictures is not pictures or self.window is None:
            return
        self._shown = (pictures, result)
        names = pictures.session.slide.gene_names
        table = result.table(names)
        column_of = dict(zip(names[result.columns], result.columns, strict=True))
        columns = np.array([column_of[name] for name in table.index], dtype=np.intp)
        self.window.show_result(
            said, columns, names[columns], table["inside"].to_numpy(float), table["around"].to_numpy(float)
        )
        self._show_picture()

    def _show_change(self) -> None:
        session = self._workspace.session
        if self.window is None or not self.window.isVisible() or session is None:
            return
        chosen, which = _region(session)
        if session.display.column is None:
            self.window.show_change(NO_GENE, is_possible=False)
        elif not chosen.any():
            self.window.show_change(NO_SPOTS, is_possible=False)
        else:
            column = session.display.column
            values = session.planes.expression(column)
            said = (
                f"Change {session.slide.gene_names[column]} in the {np.count_nonzero(chosen):,} {which} spots, which "
                f"the model sees here. Its log expression is {values[chosen].mean():.2f} there on average, and "
                f"{values.max():.2f} where the section has most of it."
            )
            self.window.show_change(said, is_possible=True)

    def _show_picture(self) -> None:
        """Show the change of the gene that is shown, or none if it was not asked for."""
        if self._shown is None or self._shown[0] is not self._workspace.pictures:
            return
        pictures, result = self._shown
        place = np.flatnonzero(result.columns == pictures.session.display.column)
        pictures.drawings.outline_hidden(place.size > 0, what="what if")
        if place.size == 0:
            pictures.layers.set_visible(Role.WHAT_IF, False)
            return
        values = np.full(pictures.session.slide.n_spots, np.nan, dtype=np.float32)
        values[result.spots] = result.change[:, place[0]]
        largest = max(abs(limit) for limit in contrast_limits(values))
        name = f"What-if: change of {pictures.gene_label(int(result.columns[place[0]]))}"
        limits = (-largest, largest)
        layer = pictures.layers.image(Role.WHAT_IF, values, name=name, limits=limits, colormap=DIFFERENCE_COLORS)
        layer.colorbar.visible = True
        pictures.layers.set_visible(Role.WHAT_IF, True)

    def _on_stage_changed(self) -> None:
        """Show the change with the gene only: it would cover the domains, or what lies side by side."""
        if self._shown is not None and self._workspace.stage is Stage.GENE:
            self._show_picture()
        elif self._shown is not None:
            self._shown[0].layers.set_visible(Role.WHAT_IF, False)
            self._shown[0].drawings.outline_hidden(False, what="what if")

    def _clear(self) -> None:
        """Drop what is asked and what was answered, with its layer."""
        self._runner.cancel()
        shown, self._shown = self._shown, None
        if shown is not None and shown[0] in self._workspace.opened:
            shown[0].layers.remove(Role.WHAT_IF)
            shown[0].drawings.outline_hidden(False, what="what if")
        if self.window is not None:
            self.window.clear()


def _region(session: Session) -> tuple[NDArray[np.bool_], str]:
    """Return the (S,) spots to change: the hidden ones, else the chosen ones; and which they are."""
    if session.hidden.any() or session.chosen is None:
        return session.hidden.copy(), "hidden"
    return session.chosen.copy(), "chosen"
