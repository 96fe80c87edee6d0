"""The Domains tab: find domains without labels, or paint the whole section from a few scribbles."""

from collections.abc import Sequence

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QCheckBox, QWidget

from napari_stimg._widgets.certainty_view import CertaintyView
from napari_stimg._widgets.domain_edits_view import DomainEditsView
from napari_stimg._widgets.forms import button, column, note, parameter_form, row, title
from napari_stimg._widgets.legend_table import LegendTable
from napari_stimg._widgets.tools_view import BrushSlider, Tool, ToolRow
from napari_stimg.domains import ClusterParameters, PaintParameters

TOOLS = {
    Tool.PAN: ("Pan", "Move and zoom; draw nothing."),
    Tool.BRUSH: (
        "Brush",
        "Scribble with the chosen class: a spot counts if more than half of it is painted. Ctrl+Z undoes.",
    ),
    Tool.ERASER: ("Eraser", "Erase scribbles."),
}

LEGEND_PX = 170
"""Least height of the legend: six rows; a lower window scrolls the tab."""


class DomainsView(QWidget):
    """Asks for domains, with or without labels, and names them.

    Signals
    -------
    cluster_requested
        Domains are to be found without labels.
    suggestion_requested
        A number of domains is to be suggested.
    class_added
        There is to be another class to scribble with.
    class_chosen : int
        This class is to be scribbled with.
    class_renamed, class_recolored : int, str
        This class is to have this name, or colour.
    scribble_requested : str
        The mouse is to scribble (``Tool.BRUSH``), erase or pan.
    brush_requested : int
        Brush size in spots across.
    scribbles_cleared
        All scribbles are to go.
    paint_requested
        The whole section is to be painted from the scribbles.
    domains_requested : bool
        The domains are to be seen, or what is below them.
    markers_requested
        The genes that tell the domains apart are to be found.
    agreement_requested
        The domains are to be compared with labels that the file has.
    domain_renamed, domain_recolored : int, str
        This domain is to have this name, or colour.
    """

    cluster_requested = Signal()
    suggestion_requested = Signal()
    class_added = Signal()
    class_chosen = Signal(int)
    class_renamed = Signal(int, str)
    class_recolored = Signal(int, str)
    scribble_requested = Signal(str)
    brush_requested = Signal(int)
    scribbles_cleared = Signal()
    paint_requested = Signal()
    domains_requested = Signal(bool)
    markers_requested = Signal()
    agreement_requested = Signal()
    domain_renamed = Signal(int, str)
    domain_recolored = Signal(int, str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.classes = LegendTable()
        self.classes.chosen.connect(self.class_chosen)
        self.classes.renamed.connect(self.class_renamed)
        self.classes.recolored.connect(self.class_recolored)
        self.certainty = CertaintyView()
        self.edits = DomainEditsView()
        self.legend = LegendTable(several=True)
        self.legend.setMinimumHeight(LEGEND_PX)
        self.legend.renamed.connect(self.domain_renamed)
        self.legend.recolored.connect(self.domain_recolored)
        self.legend.selected.connect(self.edits.show_selected)
        self.tools = ToolRow(TOOLS)
        self.tools.tool_requested.connect(self.scribble_requested)
        self.brush = BrushSlider(2)
        self.brush.brush_requested.connect(self.brush_requested)
        self._summary = note()
        self._show = button(
            "On canvas",
            "On: the domains. Off: the gene or the channels.",
            lambda: self.domains_requested.emit(self._show.isChecked()),
            checkable=True,
        )
        self.markers = button(
            "Marker genes…",
            "Compare every gene between each domain and all others (Wilcoxon's rank-sum test).",
            self.markers_requested.emit,
        )
        self.agreement = button(
            "Agreement…", "Compare the domains with labels that the file has.", self.agreement_requested.emit
        )
        layout = column(
            title("Find domains without labels"),
            self._build_cluster(),
            title("Paint domains from scribbles"),
            self._build_scribbles(),
            row(title("Domains"), self.agreement, self.markers, self._show, stretch=0),
            self._summary,
            self.edits,
            self.legend,
        )
        layout.setStretch(layout.count() - 1, 1)
        self.setLayout(layout)
        self.show_classes((), (), ())
        self.clear_domains()

    @property
    def cluster_parameters(self) -> ClusterParameters:
        """How domains are to be found without labels."""
        return self._cluster_form()

    @property
    def paint_parameters(self) -> PaintParameters:
        """How the section is to be painted from scribbles."""
        return self._paint_form()

    @property
    def domains_text(self) -> str:
        """What is said of the domains."""
        return self._summary.text()

    @property
    def is_live(self) -> bool:
        """Whether every stroke paints the section anew."""
        return self._live.isChecked()

    def choose_number(self, n_domains: int) -> None:
        """Ask for this many domains."""
        self._cluster_form.n_domains.value = n_domains

    def set_live(self, live: bool) -> None:
        """Paint the section anew after every stroke, or not."""
        self._live.setChecked(live)

    def show_classes(self, names: Sequence[str], colors: Sequence[str], counts: Sequence[int]) -> None:
        """List the classes to scribble with, and how many spots carry each."""
        self.classes.show_rows(names, colors, counts)
        self.classes.setVisible(bool(names))
        self.classes.setFixedHeight(28 + 24 * min(max(len(names), 1), 6))
        labelled = sum(count > 0 for count in counts)
        self.clear.setEnabled(labelled > 0)
        self.paint.setEnabled(labelled >= 2)
        self.paint.setToolTip(
            "Give every spot the class that its embedding is closest to."
            if labelled >= 2
            else "Scribble with at least two classes first."
        )

    def show_domains(self, names: Sequence[str], colors: Sequence[str], counts: Sequence[int], summary: str) -> None:
        """Show the legend of the domains."""
        self.legend.show_rows(names, colors, counts)
        self.legend.setEnabled(True)
        self._show.setEnabled(True)
        self.markers.setEnabled(len(names) > 1)
        self.agreement.setEnabled(True)
        self._summary.setText(summary)

    def show_seen(self, seen: bool) -> None:
        """Show whether the domains are on the canvas."""
        self._show.setChecked(seen)

    def clear_domains(self) -> None:
        """Show that there are no domains."""
        self.legend.show_rows((), (), ())
        self.legend.setEnabled(False)
        self._show.setEnabled(False)
        self.markers.setEnabled(False)
        self.agreement.setEnabled(False)
        self._summary.setText("None yet: find them without labels, or scribble a few strokes a class.")

    def _build_cluster(self) -> QWidget:
        self._cluster_form = parameter_form(
            ClusterParameters, in_row=2, n_domains="Domains", method="Method", refine="Smooth", seed="Seed"
        )
        find = button(
            "Find domains", "Embed every spot with the model and group them.", self.cluster_requested.emit, primary=True
        )
        self.suggest = button(
            "Suggest number…",
            "Try 2 to 12 domains (some seconds to a minute), set the likeliest number, and show how it was chosen.",
            self.suggestion_requested.emit,
        )
        box = QWidget()
        box.setLayout(column(self._cluster_form.native, row(find, self.suggest, stretch=0), margin_px=0))
        return box

    def _offer_neighbours(self, method: str) -> None:
        """Let a number of neighbours be chosen where they vote."""
        self._paint_form.n_neighbours.enabled = method == "knn"

    def _build_scribbles(self) -> QWidget:
        add = button("+ Class", "Another class to scribble with", self.class_added.emit)
        self.clear = button("Clear", "Remove all scribbles", self.scribbles_cleared.emit)
        self._paint_form = parameter_form(
            PaintParameters, in_row=2, method="Method", n_neighbours="Neighbours", refine="Smooth"
        )
        self._paint_form.method.changed.connect(self._offer_neighbours)
        self._offer_neighbours(self._paint_form.method.value)
        self._live = QCheckBox("Paint after every stroke")
        self._live.setToolTip("Paint the section anew as soon as a stroke is over")
        self.paint = button("Paint section", "", self.paint_requested.emit, primary=True)
        tools = row(add, self.tools, self.clear, stretch=1)
        box = QWidget()
        painting = (self._paint_form.native, self._live, self.paint, self.certainty)
        box.setLayout(column(self.classes, tools, self.brush, *painting, margin_px=0))
        return box
