"""Connects what the Map tab shows of the embedding on the tissue, and computes it for all who need it."""

from collections.abc import Callable

import numpy as np
from napari.layers import Layer
from numpy.typing import NDArray
from qtpy.QtCore import QObject

from napari_stimg._widgets.layers import Role
from napari_stimg._widgets.map_view import MapView
from napari_stimg._widgets.pictures import Stage
from napari_stimg._widgets.session import Embedded, Session
from napari_stimg._widgets.tasks import color, embed
from napari_stimg._widgets.workers import TaskRunner
from napari_stimg._widgets.workspace import Workspace
from napari_stimg.similarity import similarity

OTHER_MODEL = "The embedding was made with {}, which is not the model chosen now: ask for it anew to see this one's."


class EmbeddingControl(QObject):
    """Embeds sections, and shows the embedding as colours or as likes of a spot.

    The embedding is computed once for each section and model. What is asked for while it is being computed waits for
    it, and only the newest request is kept.

    Parameters
    ----------
    workspace : Workspace
        Whose current section is worked on.
    view : MapView
        The tab.
    embedding, coloring : TaskRunner
        Run the embedding, and what colours it.
    """

    def __init__(self, workspace: Workspace, view: MapView, *, embedding: TaskRunner, coloring: TaskRunner) -> None:
        super().__init__(view)
        self._workspace, self._view = workspace, view
        self._embedding, self._coloring = embedding, coloring
        self._embedded: Session | None = None
        self._next: Callable[[Embedded], None] | None = None
        view.colors_requested.connect(self._on_colors_requested)
        view.similarity_requested.connect(self._on_similarity_requested)
        workspace.stage_changed.connect(self._on_stage_changed)
        workspace.current_changed.connect(self._on_stage_changed)
        workspace.current_changed.connect(self.show_whose)
        workspace.model_changed.connect(self._on_model_changed)

    def when_embedded(self, session: Session, then: Callable[[Embedded], None]) -> None:
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

    def show_colors(self) -> None:
        """Show the embedding as colours."""
        session = self._workspace.session
        if session is None:
            return
        self.when_embedded(
            session,
            lambda embedding: self._coloring.start(
                "Colouring the embedding",
                lambda: color(embedding),
                lambda colors: self._on_colored(session, colors),
            ),
        )

    def show_similar(self, spot: int) -> None:
        """Show which spots are like this one, and then those like each one that is clicked."""
        session = self._workspace.session
        if session is not None:
            self.when_embedded(session, lambda embedding: self._show_similar(session, embedding, spot))

    def show_whose(self) -> None:
        """Say if what is seen of the current section's embedding is not of the model in use."""
        session = self._workspace.session
        shown = (
            [] if session is None else [made.how for made in (session.embedding, session.mapped) if made is not None]
        )
        stale = [how for how in shown if self._workspace.made_by_another(how)]
        self._view.show_stale(OTHER_MODEL.format(stale[0]["checkpoint"]) if stale else "")

    def _on_embedded(self, session: Session, embedding: Embedded) -> None:
        session.embedding = embedding
        session.note_made("embedding", embedding.how)
        self.show_whose()
        self._workspace.saved_changed.emit()
        then, self._next = self._next, None
        if then is not None:
            then(embedding)

    def _on_colored(self, session: Session, colors: NDArray[np.uint8]) -> None:
        pictures = self._workspace.pictures
        if pictures is not None and pictures.session is session:
            pictures.show_embedding(colors)
            self._bring_up(Stage.EMBEDDING)

    def _show_similar(self, session: Session, embedding: Embedded, spot: int) -> None:
        pictures = self._workspace.pictures
        if pictures is not None and pictures.session is session:
            layer = pictures.show_similarity(similarity(embedding.values, spot), spot)
            self._workspace.connections.on_click(layer, self._on_clicked)
            self._bring_up(Stage.SIMILARITY)
            pictures.layers.activate(Role.SIMILARITY, "pan_zoom")

    def _bring_up(self, stage: Stage) -> None:
        """Look at this, without the mask over it."""
        self._workspace.bring_up(stage)
        if self._workspace.pictures is not None:
            self._workspace.pictures.layers.set_visible(Role.HIDDEN, False)

    def _on_clicked(self, layer: Layer, point: NDArray[np.float64]) -> None:
        """Show what is like the spot under the mouse, if there is one."""
        pictures = self._workspace.pictures
        if pictures is None or layer is not pictures.layers.get(Role.SIMILARITY):
            return
        spot = pictures.session.raster.spot_under(point)
        if spot >= 0:
            self.show_similar(spot)

    def _on_colors_requested(self, wanted: bool) -> None:
        self._on_stage_changed()  # they are seen once they are there
        if wanted:
            self.show_colors()
        else:
            self._workspace.bring_up(Stage.GENE)

    def _on_similarity_requested(self, wanted: bool) -> None:
        """Begin with a spot in the middle."""
        self._on_stage_changed()
        pictures = self._workspace.pictures
        if wanted and pictures is not None:
            centres = pictures.session.raster.centres
            self.show_similar(int(np.linalg.norm(centres - np.median(centres, axis=0), axis=1).argmin()))
        else:
            self._workspace.bring_up(Stage.GENE)

    def _on_stage_changed(self) -> None:
        stage = self._workspace.stage
        self._view.show_embedding_seen(colors=stage is Stage.EMBEDDING, similarity=stage is Stage.SIMILARITY)

    def _on_model_changed(self) -> None:
        """Drop what the former model was at; what it has made already stays."""
        self._next = None
        self._embedding.cancel()
        self.show_whose()
