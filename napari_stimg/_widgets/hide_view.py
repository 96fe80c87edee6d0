"""The Reconstruct tab: hide spots, let the model fill them in, compare and score."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QCheckBox, QComboBox, QLabel, QSpinBox, QWidget

from napari_stimg._widgets.ask_view import AskView
from napari_stimg._widgets.compare_view import CompareView
from napari_stimg._widgets.forms import button, column, note, row, swatch, title
from napari_stimg._widgets.score_table import ScoreTable
from napari_stimg._widgets.tools_view import BrushSlider, Tool, ToolRow

TOOLS = {
    Tool.PAN: ("Pan", "Move and zoom; draw nothing."),
    Tool.BRUSH: ("Brush", "Paint over spots to hide them: a spot is hidden if more than half of it is painted."),
    Tool.ERASER: ("Eraser", "Paint over hidden spots to show them to the model again."),
    Tool.RECTANGLE: ("Rectangle", "Drag a rectangle: spots whose centres lie in it are hidden."),
    Tool.LASSO: ("Lasso", "Drag a closed curve: spots whose centres lie in it are hidden."),
}

MAX_GENES = 100_000
"""More genes than any slide has."""


class HideView(QWidget):
    """Tools to hide spots, the button that reconstructs them, and how well it went.

    Signals
    -------
    tool_requested : str
        What the mouse is to do, a `Tool`.
    brush_requested : int
        Brush size in spots across.
    share_requested : int
        So many percent of the visible spots are to be hidden, too, at random.
    domain_requested : int
        All spots of this domain are to be hidden, too.
    undo_requested, redo_requested, clear_requested
        The mask is to go back, forward, or to be empty.
    reconstruct_requested
        The hidden spots are to be reconstructed.
    live_requested : bool
        Hidden spots are to be filled in while one draws, or not.
    comparison_requested : bool
        Truth, reconstruction and difference are to lie side by side, or not.
    uncertainty_requested : bool
        The uncertainty is to be seen, or not.
    gene_requested : int
        This column of the slide is to be shown.
    """

    tool_requested = Signal(str)
    brush_requested = Signal(int)
    share_requested = Signal(int)
    domain_requested = Signal(int)
    undo_requested = Signal()
    redo_requested = Signal()
    clear_requested = Signal()
    reconstruct_requested = Signal()
    live_requested = Signal(bool)
    comparison_requested = Signal(bool)
    uncertainty_requested = Signal(bool)
    gene_requested = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.scores = ScoreTable()
        self.scores.gene_requested.connect(self.gene_requested)
        self.tools = ToolRow(TOOLS)
        self.tools.tool_requested.connect(self.tool_requested)
        self.brush = BrushSlider(4)
        self.brush.brush_requested.connect(self.brush_requested)
        self.compare, self.ask = CompareView(), AskView()
        layout = column(
            title("1 · Hide"),
            self.tools,
            self.brush,
            self._build_more(),
            self._build_mask(),
            title("2 · Reconstruct"),
            self._build_reconstruct(),
            title("3 · Compare"),
            self._build_comparison(),
            self.compare,
            self.scores,
            title("4 · Beyond what was measured"),
            self.ask,
        )
        layout.setStretchFactor(self.scores, 1)
        self.setLayout(layout)
        self.show_mask(0, 0, can_undo=False, can_redo=False)
        self.show_domains((), ())
        self.clear_scores()

    @property
    def mask_text(self) -> str:
        """What is said of the mask."""
        return self._count.text()

    @property
    def is_live(self) -> bool:
        """Whether hidden spots are to be filled in while one draws."""
        return self.live.isChecked()

    @property
    def live_warning(self) -> str:
        """What is said to beware of in what is filled in."""
        return self._live_warning.text()

    @property
    def n_genes(self) -> int | None:
        """How many of the most variable genes to reconstruct; None = all."""
        return None if self._genes.value() == 0 else self._genes.value()

    def choose_genes(self, n_genes: int | None) -> None:
        """Ask for this many of the most variable genes; None = all."""
        self._genes.setValue(n_genes or 0)

    def show_live_warning(self, said: str) -> None:
        """Say what to beware of in what is filled in while one draws; empty = nothing."""
        self._live_warning.setText(said)
        self._live_warning.setVisible(bool(said))

    def show_mask(self, n_hidden: int, n_spots: int, *, can_undo: bool, can_redo: bool) -> None:
        """Say how much is hidden."""
        percent = 100 * n_hidden / n_spots if n_spots else 0.0
        self._count.setText(
            f"<b>{n_hidden:,}</b> of {n_spots:,} spots hidden ({percent:.1f} %)" if n_hidden else "No spot is hidden."
        )
        self._undo.setEnabled(can_undo)
        self._redo.setEnabled(can_redo)
        self._clear.setEnabled(n_hidden > 0)
        self.hide_share.setEnabled(n_hidden < n_spots)
        self.reconstruct.setEnabled(0 < n_hidden < n_spots)

    def show_domains(self, names: Sequence[str], colors: Sequence[str]) -> None:
        """Offer these domains to be hidden."""
        chosen = max(self.domains.currentIndex(), 0)
        self.domains.clear()
        for name, color in zip(names, colors, strict=True):
            self.domains.addItem(swatch(color), name)
        self.domains.setCurrentIndex(min(chosen, len(names) - 1))
        self.domains.setEnabled(bool(names))
        self.hide_domain.setEnabled(bool(names))
        self.hide_domain.setToolTip(
            "Hide all spots of this domain, too." if names else "Find or paint domains first, in the tab Domains."
        )

    def show_scores(self, scores: pd.DataFrame, columns: NDArray[np.intp], summary: str) -> None:
        """List the scores gene by gene, as `ScoreTable.show_scores`, and let pictures be compared."""
        self.scores.show_scores(scores, columns, summary)
        for widget in (self.scores.table, self.side_by_side, self._uncertainty, self.compare):
            widget.setEnabled(True)

    def clear_scores(self, why: str = "Hide some spots, then reconstruct them; the scores appear here.") -> None:
        """Show that there is nothing to compare."""
        self.scores.clear(why)
        for widget in (self.scores.table, self.side_by_side, self._uncertainty, self.compare):
            widget.setEnabled(False)
        self.show_comparison(False)
        self._uncertainty.setChecked(False)

    def show_comparison(self, on: bool) -> None:
        """Show whether the pictures lie side by side."""
        self.side_by_side.setChecked(on)

    def _build_more(self) -> QWidget:
        """Build what hides spots without the mouse on the canvas."""
        self._share = QSpinBox()
        self._share.setRange(1, 90)
        self._share.setValue(10)
        self._share.setSuffix(" % of the visible")
        self._share.setToolTip("Share of the visible spots, in percent, drawn at random over the section")
        self.hide_share = button(
            "Hide at random",
            "Hide so many of the visible spots, too, scattered over the section.",
            lambda: self.share_requested.emit(self._share.value()),
        )
        self.domains = QComboBox()
        self.domains.setPlaceholderText("No domains yet")
        self.domains.setToolTip("A domain of the tab Domains")
        self.hide_domain = button("Hide domain", "", lambda: self.domain_requested.emit(self.domains.currentIndex()))
        box = QWidget()
        box.setLayout(column(row(self._share, self.hide_share), row(self.domains, self.hide_domain), margin_px=0))
        return box

    def _build_mask(self) -> QWidget:
        self._count = note(muted=False)
        self._undo = button("Undo", "Take back the last change of the mask (Ctrl+Z)", self.undo_requested.emit)
        self._redo = button("Redo", "Take back the undo (Ctrl+Shift+Z)", self.redo_requested.emit)
        self._clear = button("Clear", "Hide nothing", self.clear_requested.emit)
        box = QWidget()
        box.setLayout(column(self._count, row(self._undo, self._redo, self._clear), margin_px=0))
        return box

    def _build_reconstruct(self) -> QWidget:
        self._genes = QSpinBox()
        self._genes.setRange(0, MAX_GENES)
        self._genes.setSingleStep(500)
        self._genes.setValue(2000)
        self._genes.setGroupSeparatorShown(True)
        self._genes.setSpecialValueText("all genes")
        self._genes.setSuffix(" most variable genes")
        self._genes.setToolTip("Genes to reconstruct and to score, 0 = all; the gene shown is always among them.")
        self.reconstruct = button(
            "Reconstruct hidden spots",
            "Let the model fill in the hidden spots from the visible ones. It never sees what is hidden.",
            self.reconstruct_requested.emit,
            primary=True,
        )
        self.live = QCheckBox("Reconstruct as I draw")
        self.live.setToolTip(
            "Fill in the gene that is shown, in log expression, after each change of the mask. "
            "Without uncertainty or scores, and never saved."
        )
        self.live.toggled.connect(self.live_requested)
        self._live_warning = note(muted=False)
        self.show_live_warning("")
        genes = row(QLabel("Genes"), self._genes, stretch=1)
        box = QWidget()
        box.setLayout(column(genes, self.reconstruct, self.live, self._live_warning, margin_px=0))
        return box

    def _build_comparison(self) -> QWidget:
        self.side_by_side = button(
            "Side by side",
            "What the model saw, the truth, the reconstruction and their difference (blue: too low, red: too high), "
            "with one camera and one contrast.",
            lambda: self.comparison_requested.emit(self.side_by_side.isChecked()),
            checkable=True,
        )
        self._uncertainty = button(
            "Uncertainty",
            "Standard deviation of each reconstructed value, in log expression.",
            lambda: self.uncertainty_requested.emit(self._uncertainty.isChecked()),
            checkable=True,
        )
        box = QWidget()
        layout = row(self.side_by_side, self._uncertainty)
        layout.setContentsMargins(0, 0, 0, 0)
        box.setLayout(layout)
        return box
