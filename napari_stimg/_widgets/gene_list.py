"""The list of genes: searched, and sorted by what it is listed by."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QComboBox, QLabel, QLineEdit, QWidget

from napari_stimg._widgets.forms import column, row
from napari_stimg._widgets.listings import PATTERN, VARIANCE, ListBy, Listing
from napari_stimg._widgets.sortable_table import Column, SortableTable

ID_WIDTH_PX = 130


class GeneList(QWidget):
    """Lists the genes of a slide; says which one was chosen, and what they are to be listed by.

    Signals
    -------
    gene_chosen : int
        The gene of this column of the slide was chosen.
    list_requested : Listing
        The genes are to be listed by this.
    """

    gene_chosen = Signal(int)
    list_requested = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._named: list[Column] = []
        self.search = QLineEdit()
        self.search.setPlaceholderText("Search a gene: symbol or Ensembl id")
        self.search.setClearButtonEnabled(True)
        self.by = QComboBox()
        self.by.setToolTip(
            "What comes first: genes that vary most over the spots, genes whose neighbouring spots are most alike "
            "(Moran's I), or genes that mark a domain (Wilcoxon's rank-sum test)"
        )
        self.by.activated.connect(lambda place: self.list_requested.emit(self._listings[place]))
        self.table = SortableTable()
        self.search.textChanged.connect(self.table.columns.set_filter)
        self.search.returnPressed.connect(self.table.choose_first)
        self.table.row_chosen.connect(self.gene_chosen)
        layout = column(self.search, row(QLabel("List by"), self.by, stretch=1), self.table, margin_px=0)
        layout.setStretch(2, 1)
        self.setLayout(layout)
        self.offer(())

    def offer(self, domain_names: Sequence[str]) -> None:
        """Offer what the genes can be listed by: always by variance and pattern, and by the markers of each domain."""
        self._listings = [VARIANCE, PATTERN]
        self._listings += [Listing(ListBy.MARKERS, domain) for domain in range(len(domain_names))]
        self.by.clear()
        self.by.addItems(["Variance", "Spatial pattern (Moran's I)"])
        self.by.addItems([f"Markers of {name}" for name in domain_names])

    def show_genes(self, names: NDArray[np.str_], ids: NDArray[np.str_] | None, numbers: Sequence[Column]) -> None:
        """List the genes of another slide; see `show_numbers`."""
        self._named = [Column(title="Gene", tooltip="Symbol of the gene", values=names, searched=True)]
        if ids is not None:
            self._named.append(
                Column(title="Ensembl id", tooltip="Ensembl id", values=ids, width_px=ID_WIDTH_PX, searched=True)
            )
        self.search.clear()
        self.show_numbers(numbers)

    def show_numbers(self, numbers: Sequence[Column]) -> None:
        """Show these numbers beside the genes, which the first of them sorts, highest first; the search stays."""
        self.table.set_columns([*self._named, *numbers], sort_by=len(self._named), descending=True)

    def show_listing(self, listing: Listing) -> None:
        """Show what the genes are listed by."""
        self.by.setCurrentIndex(self._listings.index(listing))
