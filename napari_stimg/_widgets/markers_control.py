"""Connects the marker genes of the domains: computed off the GUI thread, shown in a window of their own."""

from typing import TYPE_CHECKING

from qtpy.QtCore import QObject

from napari_stimg._widgets.domains_view import DomainsView
from napari_stimg._widgets.file_writer import FileWriter
from napari_stimg._widgets.genes_control import GenesControl
from napari_stimg._widgets.session import Domains, Session
from napari_stimg._widgets.workers import TaskRunner
from napari_stimg._widgets.workspace import Workspace
from napari_stimg.markers import Markers, find_markers

if TYPE_CHECKING:
    from napari_stimg._widgets.markers_window import MarkersWindow


class MarkersControl(QObject):
    """Finds the marker genes that the Domains tab asks for.

    Parameters
    ----------
    workspace : Workspace
        Whose current section is worked on.
    view : DomainsView
        The tab.
    genes : GenesControl
        Shows the gene that is chosen in the window.
    finding : TaskRunner
        Compares the domains.
    writer : FileWriter
        Writes table and figure.

    Attributes
    ----------
    window : MarkersWindow or None
        The window, made when it is first needed; it closes when the domains or the section change, for then it would
        say what is no longer true.
    """

    def __init__(
        self,
        workspace: Workspace,
        view: DomainsView,
        genes: GenesControl,
        *,
        finding: TaskRunner,
        writer: FileWriter,
    ) -> None:
        super().__init__(view)
        self._workspace, self._view, self._genes = workspace, view, genes
        self._finding, self._writer = finding, writer
        self.window: MarkersWindow | None = None
        view.markers_requested.connect(self.find)
        workspace.domains_changed.connect(self.close)
        workspace.current_changed.connect(self.close)

    def find(self) -> None:
        """Compare the current section's domains, and show what tells them apart."""
        session = self._workspace.session
        if session is None or session.domains is None:
            return
        domains, counts = session.domains, session.slide.counts
        known = session.listings.markers_of(domains.labels)
        if known is not None:
            self._on_found(session, domains, known)
            return
        self._finding.start(
            "Finding marker genes",
            lambda: find_markers(counts, domains.labels),
            lambda markers: self._on_found(session, domains, markers),
        )

    def close(self) -> None:
        """Close the window, if it is open."""
        if self.window is not None:
            self.window.close()

    def _on_found(self, session: Session, domains: Domains, markers: Markers) -> None:
        if self._workspace.session is not session or session.domains is not domains:
            return
        session.listings.note_markers(markers, domains.labels)
        if self.window is None:
            from napari_stimg._widgets.markers_window import MarkersWindow

            self.window = MarkersWindow(self._view)
            self.window.gene_requested.connect(self._genes.show_gene)
            self.window.write_requested.connect(self._writer.write)
        self.window.show_markers(markers, session.slide.gene_names, domains.names)
        self.window.bring_to_front()
