"""Connects the Domains tab: domains found without labels or painted from scribbles, their names and colours."""

from collections.abc import Callable
from dataclasses import replace
from html import escape

import numpy as np
from napari.layers import Layer
from numpy.typing import NDArray
from qtpy.QtCore import QObject

from napari_stimg._widgets.domains_view import DomainsView
from napari_stimg._widgets.layers import Role
from napari_stimg._widgets.pictures import Stage
from napari_stimg._widgets.scribble_control import ScribbleControl
from napari_stimg._widgets.session import Domains, Embedded, Session
from napari_stimg._widgets.tasks import cluster, color, embed, paint
from napari_stimg._widgets.workers import Steps, TaskRunner
from napari_stimg._widgets.workspace import Workspace
from napari_stimg.similarity import similarity

OTHER_MODEL = "<br>Made with {}, which is not the model chosen now."


class DomainsControl(QObject):
    """Finds and paints what the Domains tab asks for.

    The embedding is computed once for each section and model. What is asked for while it is being computed waits for
    it, and only the newest request is kept.

    Parameters
    ----------
    workspace : Workspace
        Whose current section is worked on.
    view : DomainsView
        The tab.
    scribbles : ScribbleControl
        Says when a stroke is over.
    embedding, grouping : TaskRunner
        Run the embedding, and what is made from it.
    """

    def __init__(
        self,
        workspace: Workspace,
        view: DomainsView,
        scribbles: ScribbleControl,
        *,
        embedding: TaskRunner,
        grouping: TaskRunner,
    ) -> None:
        super().__init__(view)
        self._workspace, self._view = workspace, view
        self._embedding, self._grouping = embedding, grouping
        self._embedded: Session | None = None
        self._next: Callable[[Embedded], None] | None = None
        view.cluster_requested.connect(self.find)
        view.paint_requested.connect(self.paint)
        scribbles.scribbled.connect(self._on_scribbled)
        view.domain_renamed.connect(self._on_domain_renamed)
        view.domain_recolored.connect(self._on_domain_recolored)
        view.domains_requested.connect(self._on_domains_requested)
        view.embedding_requested.connect(self._on_embedding_requested)
        view.similarity_requested.connect(self._on_similarity_requested)
        workspace.stage_changed.connect(self._on_stage_changed)
        workspace.model_changed.connect(self._on_model_changed)
        workspace.current_changed.connect(self._on_current_changed)

    def find(self) -> None:
        """Find domains without labels."""
        session, view = self._workspace.session, self._view
        if session is None:
            return
        params = view.cluster_parameters
        self._with_embedding(
            session,
            lambda embedding: self._group(session, "Finding domains", lambda: cluster(session, embedding, params)),
        )

    def paint(self) -> None:
        """Paint the section from the scribbles."""
        session, view = self._workspace.session, self._view
        if session is None:
            return
        scribbles, params = session.scribbles.copy(), view.paint_parameters
        self._with_embedding(
            session,
            lambda embedding: self._group(
                session, "Painting the section", lambda: paint(session, embedding, scribbles, params)
            ),
        )

    def show_embedding(self) -> None:
        """Show the embedding as colours."""
        session = self._workspace.session
        if session is None:
            return
        self._with_embedding(
            session,
            lambda embedding: self._grouping.start(
                "Colouring the embedding",
                lambda: color(embedding),
                lambda colors: self._on_colored(session, colors),
            ),
        )

    def show_similar(self, spot: int) -> None:
        """Show which spots are like this one, and then those like each one that is clicked."""
        session = self._workspace.session
        if session is not None:
            self._with_embedding(session, lambda embedding: self._show_similar(session, embedding, spot))

    def _with_embedding(self, session: Session, then: Callable[[Embedded], None]) -> None:
        """Do this with the section's embedding, now or once it is there."""
        if session.embedding is not None and not self._workspace.made_by_another(session.embedding.how):
            then(session.embedding)
            return
        self._next = then
        if self._embedding.is_busy and self._embedded is session:
            return
        self._embedded = session
        model = self._workspace.model
        self._embedding.start(
            "Embedding", lambda: embed(session, model), lambda embedding: self._on_embedded(session, embedding)
        )

    def _on_embedded(self, session: Session, embedding: Embedded) -> None:
        session.embedding = embedding
        session.how["embedding"] = dict(embedding.how)
        session.unsaved.add("embedding")
        self._workspace.saved_changed.emit()
        then, self._next = self._next, None
        if then is not None:
            then(embedding)

    def _group(self, session: Session, title: str, make_steps: Callable[[], Steps]) -> None:
        self._grouping.start(title, make_steps, lambda domains: self._on_grouped(session, domains))

    def _on_grouped(self, session: Session, domains: Domains) -> None:
        session.domains = domains
        session.how["domains"] = domains.how
        session.unsaved.add("domains")
        self._workspace.saved_changed.emit()
        if self._workspace.session is session:
            self._show_domains(bring_up=True)

    def _on_colored(self, session: Session, colors: NDArray[np.uint8]) -> None:
        pictures = self._workspace.pictures
        if pictures is not None and pictures.session is session:
            pictures.show_embedding(colors)
            self._workspace.bring_up(Stage.EMBEDDING)
            pictures.layers.set_visible(Role.HIDDEN, False)

    def _show_similar(self, session: Session, embedding: Embedded, spot: int) -> None:
        pictures = self._workspace.pictures
        if pictures is None or pictures.session is not session:
            return
        is_new = Role.SIMILARITY not in pictures.layers
        layer = pictures.show_similarity(similarity(embedding.values, spot), spot)
        if is_new:
            self._workspace.connections.on_click(layer, self._on_clicked)
        self._workspace.bring_up(Stage.SIMILARITY)
        pictures.layers.set_visible(Role.HIDDEN, False)
        pictures.layers.activate(Role.SIMILARITY, "pan_zoom")

    def _on_clicked(self, layer: Layer, point: NDArray[np.float64]) -> None:
        """Show what is like the spot under the mouse, if there is one."""
        pictures = self._workspace.pictures
        if pictures is None or layer is not pictures.layers.get(Role.SIMILARITY):
            return
        spot = pictures.session.raster.spot_under(point)
        if spot >= 0:
            self.show_similar(spot)

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

    def _on_domain_renamed(self, place: int, name: str) -> None:
        session = self._workspace.session
        if session is not None and session.domains is not None:
            self._change_domains(replace(session.domains, names=_with(session.domains.names, place, name)))

    def _on_domain_recolored(self, place: int, color: str) -> None:
        session = self._workspace.session
        if session is not None and session.domains is not None:
            self._change_domains(replace(session.domains, colors=_with(session.domains.colors, place, color)))

    def _change_domains(self, domains: Domains) -> None:
        if self._workspace.session is not None:
            self._workspace.session.domains = domains
            self._show_domains(bring_up=True)
            self._workspace.touch("domains")

    def _on_domains_requested(self, wanted: bool) -> None:
        self._workspace.bring_up(Stage.DOMAINS if wanted else Stage.GENE)

    def _on_embedding_requested(self, wanted: bool) -> None:
        self._on_stage_changed()  # it is seen once it is there
        if wanted:
            self.show_embedding()
        else:
            self._workspace.bring_up(Stage.GENE)

    def _on_similarity_requested(self, wanted: bool) -> None:
        self._on_stage_changed()  # it is seen once it is there
        pictures = self._workspace.pictures
        if wanted and pictures is not None:
            centres = pictures.session.raster.centres
            self.show_similar(int(np.linalg.norm(centres - np.median(centres, axis=0), axis=1).argmin()))
        else:
            self._workspace.bring_up(Stage.GENE)

    def _on_stage_changed(self) -> None:
        pictures = self._workspace.pictures
        stage = None if pictures is None or pictures.is_comparing else pictures.stage
        self._view.show_seen(
            domains=stage is Stage.DOMAINS,
            embedding=stage is Stage.EMBEDDING,
            similarity=stage is Stage.SIMILARITY,
        )

    def _on_model_changed(self) -> None:
        """Drop what the former model was at; what it has made already stays."""
        self._next = None
        self._embedding.cancel()
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


def _with(names: tuple[str, ...], place: int, name: str) -> tuple[str, ...]:
    """Return the names with another one at this place."""
    return (*names[:place], name, *names[place + 1 :])
