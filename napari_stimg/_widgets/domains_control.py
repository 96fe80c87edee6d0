"""Connects the Domains tab: domains found without labels or painted from scribbles, their names and colours."""

from collections.abc import Callable
from html import escape

from qtpy.QtCore import QObject

from napari_stimg._widgets.domain_tasks import cluster, paint
from napari_stimg._widgets.domains_view import DomainsView
from napari_stimg._widgets.embedding_control import EmbeddingControl
from napari_stimg._widgets.layers import Role
from napari_stimg._widgets.pictures import Stage
from napari_stimg._widgets.scribble_control import ScribbleControl
from napari_stimg._widgets.session import Domains, Session
from napari_stimg._widgets.workers import Steps, TaskRunner
from napari_stimg._widgets.workspace import Workspace

OTHER_MODEL = "<br>Made with {}, which is not the model chosen now."


class DomainsControl(QObject):
    """Finds and paints what the Domains tab asks for.

    Parameters
    ----------
    workspace : Workspace
        Whose current section is worked on.
    view : DomainsView
        The tab.
    scribbles : ScribbleControl
        Says when a stroke is over.
    embeddings : EmbeddingControl
        Computes the embedding that domains are made from.
    grouping : TaskRunner
        Runs what makes them.
    """

    def __init__(
        self,
        workspace: Workspace,
        view: DomainsView,
        scribbles: ScribbleControl,
        embeddings: EmbeddingControl,
        grouping: TaskRunner,
    ) -> None:
        super().__init__(view)
        self._workspace, self._view = workspace, view
        self._embeddings, self._grouping = embeddings, grouping
        view.cluster_requested.connect(self.find)
        view.paint_requested.connect(self.paint)
        scribbles.scribbled.connect(self._on_scribbled)
        view.domains_requested.connect(self._on_domains_requested)
        workspace.stage_changed.connect(self._on_stage_changed)
        workspace.model_changed.connect(self._on_model_changed)
        workspace.current_changed.connect(self._on_current_changed)

    def find(self) -> None:
        """Find domains without labels."""
        session, view = self._workspace.session, self._view
        if session is None:
            return
        params = view.cluster_parameters
        self._embeddings.when_embedded(
            session,
            lambda embedding: self._group(session, "Finding domains", lambda: cluster(session, embedding, params)),
        )

    def paint(self) -> None:
        """Paint the section from the scribbles."""
        session, view = self._workspace.session, self._view
        if session is None:
            return
        scribbles, params = session.scribbles.copy(), view.paint_parameters
        self._embeddings.when_embedded(
            session,
            lambda embedding: self._group(
                session, "Painting the section", lambda: paint(session, embedding, scribbles, params)
            ),
        )

    def _group(self, session: Session, title: str, make_steps: Callable[[], Steps]) -> None:
        self._grouping.start(title, make_steps, lambda domains: self.change(session, domains))

    def change(self, session: Session, domains: Domains) -> None:
        """Give a section other domains; those it had can be had back."""
        before = session.domains
        if before is not None and not _is_repainting(before, domains):
            session.domain_past.note(before)
        self.put(session, domains)

    def put(self, session: Session, domains: Domains) -> None:
        """Give a section these domains, and show them if it is the current one."""
        session.domains = domains
        session.note_made("domains", domains.how)
        self._workspace.saved_changed.emit()
        if self._workspace.session is session:
            self._show_domains(bring_up=True)

    def _show_domains(self, *, bring_up: bool) -> None:
        self._workspace.domains_changed.emit()
        pictures = self._workspace.pictures
        domains = None if pictures is None else pictures.session.domains
        if pictures is None or domains is None:
            self._view.clear_domains()
            return
        if bring_up:
            pictures.show_domains()
            self._workspace.bring_up(Stage.DOMAINS)
            pictures.layers.set_visible(Role.HIDDEN, False)
        summary = domains.summary
        if self._workspace.made_by_another(domains.how):
            summary += OTHER_MODEL.format(escape(domains.how["checkpoint"]))
        self._view.show_domains(domains.names, domains.colors, domains.sizes.tolist(), summary)

    def _on_domains_requested(self, wanted: bool) -> None:
        self._workspace.bring_up(Stage.DOMAINS if wanted else Stage.GENE)

    def _on_stage_changed(self) -> None:
        self._view.show_seen(self._workspace.stage is Stage.DOMAINS)

    def _on_model_changed(self) -> None:
        """Drop what the former model was at; what it has made already stays."""
        self._grouping.cancel()
        self._show_domains(bring_up=False)

    def _on_scribbled(self) -> None:
        """Paint the section anew after a stroke, if that is wanted and possible."""
        session = self._workspace.session
        if session is not None and self._view.is_live and session.n_scribbled_classes > 1:
            self.paint()

    def _on_current_changed(self) -> None:
        self._view.setEnabled(self._workspace.session is not None)
        self._show_domains(bring_up=False)
        self._on_stage_changed()


def _is_repainting(before: Domains, after: Domains) -> bool:
    """Say whether both were painted, and neither changed by hand: their scribbles differ, and have an undo."""
    painted = all(made.probabilities is not None and "edits" not in made.how for made in (before, after))
    return painted and (before.names, before.colors) == (after.names, after.colors)
