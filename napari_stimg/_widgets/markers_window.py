"""The marker genes of the domains in a window of their own: a table that sorts, and a dot plot."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QComboBox, QLabel, QSplitter, QVBoxLayout, QWidget

from napari_stimg._widgets.ask_target import ask_target
from napari_stimg._widgets.figure_window import FigureWindow
from napari_stimg._widgets.forms import button, note, row
from napari_stimg._widgets.sortable_table import Column, SortableTable
from napari_stimg.markers import Markers, draw_dot_plot
from napari_stimg.whole_files import write_text

SIZE_PX = (760, 760)
WARNING = (
    "Domains were themselves found from expression, so the test ranks genes and proves nothing (Wilcoxon's rank-sum "
    "test of each domain against all others)."
)
COLUMNS = (
    ("z", "z", "Of Wilcoxon's rank-sum test: > 0 where the domain expresses more"),
    ("log2_fold_change", "log2 fold", "Mean normalised expression in the domain over that outside, log2"),
    ("share_in", "in", "Share of the domain's spots that express the gene, 0 to 1"),
    ("share_out", "out", "Share of the other spots that express it, 0 to 1"),
    ("auc", "AUC", "Chance that a spot of the domain expresses more than one outside; 0.5 = no difference"),
)


class MarkersWindow(FigureWindow):
    """Shows `Markers`; says which gene the user wants to see.

    Signals
    -------
    gene_requested : int
        The gene of this column of the slide is to be shown.
    """

    gene_requested = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Marker genes", size_px=SIZE_PX, parent=parent)
        self.domains = QComboBox()
        self.domains.setToolTip("The domain whose marker genes are listed")
        self.domains.currentIndexChanged.connect(self._on_domain)
        self.save_button = button(
            "Save table…",
            "Write the marker genes of all domains as CSV, with p adjusted for the false discovery rate.",
            self._ask_where,
        )
        self.table = SortableTable()
        self.table.row_chosen.connect(self.gene_requested)
        parts = QSplitter(Qt.Orientation.Vertical)
        parts.addWidget(self.table)
        parts.addWidget(self.figure)
        layout = QVBoxLayout()
        layout.addLayout(row(QLabel("Domain"), self.domains, self.save_button, stretch=1))
        layout.addWidget(parts, 1)
        layout.addWidget(note(WARNING))
        self.setLayout(layout)

    def show_markers(self, markers: Markers, gene_names: NDArray[np.str_], domain_names: tuple[str, ...]) -> None:
        """Show the markers of these domains.

        Parameters
        ----------
        gene_names : (G,) str
            The slide's genes.
        domain_names : K of str
            What the domains are called.
        """
        self._markers, self._gene_names, self._domain_names = markers, gene_names, domain_names
        self.domains.blockSignals(True)
        self.domains.clear()
        self.domains.addItems(list(domain_names))
        self.domains.blockSignals(False)
        self._on_domain(0)
        self.figure.show_drawing(
            lambda axes: draw_dot_plot(axes, markers, gene_names=gene_names, domain_names=domain_names)
        )

    @property
    def listed(self) -> pd.DataFrame:
        """The marker genes of all domains, as `Markers.table` has them."""
        return self._markers.table(self._gene_names, self._domain_names)

    def save(self, path: Path) -> None:
        """Write the marker genes of all domains as CSV.

        Raises
        ------
        InputError
            If the file cannot be written.
        """
        self._writes()(path)

    def _writes(self) -> Callable[[Path], None]:
        """Return what writes the marker genes as they are now."""
        markers, gene_names, domain_names = self._markers, self._gene_names, self._domain_names

        def write(path: Path) -> None:
            table = markers.table(gene_names, domain_names)
            write_text(path, table.to_csv(index=False, lineterminator="\n"))

        return write

    def _on_domain(self, domain: int) -> None:
        gene = Column(title="Gene", tooltip="Symbol of the gene", values=self._gene_names, searched=True)
        numbers = [
            Column(title=title, tooltip=tooltip, values=getattr(self._markers, name)[domain])
            for name, title, tooltip in COLUMNS
        ]
        self.table.set_columns([gene, *numbers], sort_by=1, descending=True)

    def _ask_where(self) -> None:
        target = ask_target(self, "Save marker genes", "markers.csv", "CSV (*.csv)")
        if target is not None:
            self.write_requested.emit(target, self._writes())
