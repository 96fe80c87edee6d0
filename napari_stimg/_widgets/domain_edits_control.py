"""Connects changes of domains by hand: names, colours, merging and splitting, undo and redo."""

from dataclasses import replace

from qtpy.QtCore import QObject

from napari_stimg._widgets.domain_tasks import merge, split
from napari_stimg._widgets.domains_control import DomainsControl
from napari_stimg._widgets.domains_view import DomainsView
from napari_stimg._widgets.embedding_control import EmbeddingControl
from napari_stimg._widgets.session import Domains, Session
from napari_stimg._widgets.workers import TaskRunner
from napari_stimg._widgets.workspace import Workspace


class DomainEditsControl(QObject):
    """Changes domains as the Domains tab asks; every change can be taken back.

    Parameters
    ----------
    workspace : Workspace
        Whose current section is worked on.
    view : DomainsView
        The tab.
    domains : DomainsControl
        Gives the section its changed domains.
    embeddings : EmbeddingControl
        Computes the embedding in which a domain is split.
    grouping : TaskRunner
        Runs the split.
    """

    def __init__(
        self,
        workspace: Workspace,
        view: DomainsView,
        domains: DomainsControl,
        embeddings: EmbeddingControl,
        grouping: TaskRunner,
    ) -> None:
        super().__init__(view)
        self._workspace, self._view, self._domains = workspace, view, domains
        self._embeddings, self._grouping = embeddings, grouping
        view.domain_renamed.connect(self._on_renamed)
        view.domain_recolored.connect(self._on_recolored)
        view.edits.merge_requested.connect(self.merge)
        view.edits.split_requested.connect(self.split)
        view.edits.undo_requested.connect(self.undo)
        view.edits.redo_requested.connect(self.redo)
        workspace.domains_changed.connect(self._show_past)

    def merge(self) -> None:
        """Make the selected domains one."""
        session = self._workspace.session
        if session is not None and session.domains is not None:
            selected = self._view.legend.selected_rows
            self._domains.change(session, merge(session.domains, selected))
            self._view.legend.choose(selected[0])

    def split(self) -> None:
        """Make the selected domain two."""
        session, selected = self._workspace.session, self._view.legend.selected_rows
        if session is None or session.domains is None or len(selected) != 1:
            return
        domains, params = session.domains, self._view.cluster_parameters
        self._embeddings.when_embedded(
            session,
            lambda embedding: self._grouping.start(
                f"Splitting {domains.names[selected[0]]}",
                lambda: split(session, embedding, domains, selected[0], params),
                lambda made: self._on_split(session, domains, made),
            ),
        )

    def undo(self) -> None:
        """Take back the last change of the domains."""
        session = self._workspace.session
        if session is not None and session.domains is not None:
            self._domains.put(session, session.domain_past.undo(session.domains))

    def redo(self) -> None:
        """Take back an `undo`."""
        session = self._workspace.session
        if session is not None and session.domains is not None:
            self._domains.put(session, session.domain_past.redo(session.domains))

    def _on_split(self, session: Session, before: Domains, after: Domains) -> None:
        if session.domains is before:
            self._domains.change(session, after)

    def _on_renamed(self, place: int, name: str) -> None:
        session = self._workspace.session
        if session is not None and session.domains is not None:
            self._domains.change(session, replace(session.domains, names=_with(session.domains.names, place, name)))

    def _on_recolored(self, place: int, color: str) -> None:
        session = self._workspace.session
        if session is not None and session.domains is not None:
            self._domains.change(session, replace(session.domains, colors=_with(session.domains.colors, place, color)))

    def _show_past(self) -> None:
        session = self._workspace.session
        can = session is not None and session.domains is not None
        self._view.edits.show_past(
            can_undo=can and session is not None and session.domain_past.can_undo,
            can_redo=can and session is not None and session.domain_past.can_redo,
        )


def _with(names: tuple[str, ...], place: int, name: str) -> tuple[str, ...]:
    """Return the names with another one at this place."""
    return (*names[:place], name, *names[place + 1 :])
