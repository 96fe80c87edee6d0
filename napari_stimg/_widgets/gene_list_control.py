"""Connects the list of genes: what they are listed by, computed off the GUI thread when it is first asked for."""

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QObject

from napari_stimg._widgets.genes_view import GenesView
from napari_stimg._widgets.listings import PATTERN, VARIANCE, ListBy, Listing
from napari_stimg._widgets.session import Session
from napari_stimg._widgets.sortable_table import Column
from napari_stimg._widgets.workers import TaskRunner
from napari_stimg._widgets.workspace import Workspace
from napari_stimg.markers import Markers, find_markers
from napari_stimg.spatial_statistics import spatial_patterns

VARIANCE_TOOLTIP = "Variance over all spots of log expression (counts scaled to 10,000 a spot, log1p)"
PATTERN_TOOLTIP = (
    "Moran's I of log expression over neighbouring spots: near 1 where neighbours are alike, near 0 where they are no "
    "more alike than any two spots, below 0 where they differ; n/a of a gene that never varies"
)
Z_TOOLTIP = "Of Wilcoxon's rank-sum test, {name} against all other domains: > 0 where it expresses more"
FOLD_TOOLTIP = "Mean normalised expression in {name} over that outside, log2"


class GeneListControl(QObject):
    """Lists the genes of the current section by what the Genes tab asks for.

    Parameters
    ----------
    workspace : Workspace
        Whose current section's genes are listed.
    view : GenesView
        The tab.
    runner : TaskRunner
        Computes what they are listed by.
    """

    def __init__(self, workspace: Workspace, view: GenesView, runner: TaskRunner) -> None:
        super().__init__(view)
        self._workspace, self._view, self._runner = workspace, view, runner
        view.genes.list_requested.connect(self.list_by)
        runner.ended.connect(self._show_chosen)
        workspace.current_changed.connect(self._on_current_changed)
        workspace.domains_changed.connect(self._on_domains_changed)

    def list_by(self, listing: Listing) -> None:
        """List the genes of the current section by this, at once or when it has been computed."""
        session = self._workspace.session
        if session is None:
            return
        if listing.by is ListBy.PATTERN and session.listings.pattern is None:
            slide, lattice = session.slide, session.lattice
            self._runner.start(
                "Looking for spatial patterns",
                lambda: spatial_patterns(slide.counts, lattice),
                lambda pattern: self._on_pattern(session, pattern),
            )
            self._view.genes.show_listing(listing)
        elif listing.by is ListBy.MARKERS and _markers(session) is None:
            self._compare_domains(session, listing)
        else:
            self._runner.cancel()
            self._choose(session, listing)

    def _compare_domains(self, session: Session, listing: Listing) -> None:
        domains, counts = session.domains, session.slide.counts
        if domains is None:
            return
        labels = domains.labels
        self._runner.start(
            "Finding marker genes",
            lambda: find_markers(counts, labels),
            lambda markers: self._on_markers(session, listing, labels, markers),
        )
        self._view.genes.show_listing(listing)

    def _on_pattern(self, session: Session, pattern: NDArray[np.float64]) -> None:
        session.listings.pattern = pattern
        self._choose(session, PATTERN)

    def _on_markers(self, session: Session, listing: Listing, labels: NDArray[np.intp], markers: Markers) -> None:
        session.listings.note_markers(markers, labels)
        if _markers(session) is not None:
            self._choose(session, listing)

    def _choose(self, session: Session, listing: Listing) -> None:
        session.listings.chosen = listing
        if session is self._workspace.session:
            self._show_chosen()
            self._view.genes.show_numbers(_numbers(session, listing))
            self._view.show_gene(session.display.column)

    def _show_chosen(self) -> None:
        """Show what the genes are listed by: after a task that was cancelled or failed, what it was before."""
        session = self._workspace.session
        if session is not None:
            self._view.genes.show_listing(session.listings.chosen)

    def _on_current_changed(self) -> None:
        session = self._workspace.session
        if session is None:
            return
        self._offer(session)
        numbers = _numbers(session, session.listings.chosen)
        self._view.show_genes(session.slide.gene_names, session.slide.gene_ids, numbers)
        self._show_chosen()

    def _on_domains_changed(self) -> None:
        session = self._workspace.session
        if session is None:
            return
        by_markers = session.listings.chosen.by is ListBy.MARKERS
        self._offer(session)
        if by_markers:
            self._choose(session, session.listings.chosen)
        else:
            self._show_chosen()

    def _offer(self, session: Session) -> None:
        """Offer what there is; what was listed by domains that are no more is listed by variance again."""
        self._view.genes.offer(() if session.domains is None else session.domains.names)
        if session.listings.chosen.by is ListBy.MARKERS and _markers(session) is None:
            session.listings.chosen = VARIANCE


def _markers(session: Session) -> Markers | None:
    """Return the markers of the section's domains as they are, if they have been compared."""
    return None if session.domains is None else session.listings.markers_of(session.domains.labels)


def _numbers(session: Session, listing: Listing) -> list[Column]:
    """Return what is shown beside the genes that are listed by this, which has been computed; the first sorts them."""
    variance = Column(title="Variance", tooltip=VARIANCE_TOOLTIP, values=session.planes.variance.astype(np.float64))
    pattern, markers, domains = session.listings.pattern, _markers(session), session.domains
    if listing.by is ListBy.PATTERN and pattern is not None:
        return [Column(title="Moran's I", tooltip=PATTERN_TOOLTIP, values=pattern, width_px=84), variance]
    if listing.by is ListBy.MARKERS and markers is not None and domains is not None:
        place, name = listing.domain, domains.names[listing.domain]
        return [
            Column(title="z", tooltip=Z_TOOLTIP.format(name=name), values=markers.z[place], digits=1),
            Column(title="log2 fold", tooltip=FOLD_TOOLTIP.format(name=name), values=markers.log2_fold_change[place]),
        ]
    return [variance]
