"""Connects the Domains tab: domains without labels, or from scribbles; their names and colours."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from napari.layers import Labels
from napari.utils.events import Event
from numpy.typing import NDArray
from qtpy.QtCore import QObject

from napari_stimg._widgets.domains_view import DomainsView
from napari_stimg._widgets.layers import Role
from napari_stimg._widgets.pictures import SectionPictures, Stage
from napari_stimg._widgets.session import Domains, Session
from napari_stimg._widgets.tasks import cluster, embed, paint
from napari_stimg._widgets.tools_view import Tool
from napari_stimg._widgets.workers import Steps, TaskRunner
from napari_stimg._widgets.workspace import Workspace

MODES = {Tool.BRUSH: "paint", Tool.ERASER: "erase"}

CLASS_COLORS = (
    "#e69f00", "#56b4e9", "#009e73", "#f0e442", "#0072b2", "#d55e00", "#cc79a7", "#999999",
)  # fmt: skip
"""Okabe and Ito's palette, safe for the colour-blind (jfly.uni-koeln.de/color), grey for its black."""


class DomainsControl(QObject):
    """Finds and paints what the Domains tab asks for.

    The embedding is computed once for each section. What is asked for while it is being computed waits for it, and
    only the newest request is kept.

    Parameters
    ----------
    workspace : Workspace
        Whose current section is worked on.
    view : DomainsView
        The tab.
    embedding, grouping : TaskRunner
        Run the embedding, and what is made from it.
    """

    def __init__(self, workspace: Workspace, view: DomainsView, embedding: TaskRunner, grouping: TaskRunner) -> None:
        super().__init__(view)
        self._workspace, self._view = workspace, view
        self._embedding, self._grouping = embedding, grouping
        self._embedded: Session | None = None
        self._next: Callable[[NDArray[np.float32]], None] | None = None
        view.cluster_requested.connect(self.find)
        view.paint_requested.connect(self.paint)
        view.class_added.connect(self.add_class)
        view.class_chosen.connect(self._on_class_chosen)
        view.class_renamed.connect(self._on_class_renamed)
        view.class_recolored.connect(self._on_class_recolored)
        view.scribble_requested.connect(self._on_tool)
        view.brush_requested.connect(self._on_brush)
        view.scribbles_cleared.connect(self._on_scribbles_cleared)
        view.domain_renamed.connect(self._on_domain_renamed)
        view.domain_recolored.connect(self._on_domain_recolored)
        view.domains_requested.connect(self._on_domains_requested)
        workspace.stage_changed.connect(self._on_stage_changed)
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

    def add_class(self) -> None:
        """Add a class to scribble with, and take up the brush."""
        session = self._workspace.session
        if session is None:
            return
        session.classes.append(f"Class {len(session.classes) + 1}")
        session.class_colors.append(CLASS_COLORS[(len(session.classes) - 1) % len(CLASS_COLORS)])
        self._show_classes()
        self._view.classes.choose(len(session.classes) - 1)
        self._use(Tool.BRUSH)

    def _with_embedding(self, session: Session, then: Callable[[NDArray[np.float32]], None]) -> None:
        """Do this with the section's embedding, now or once it is there."""
        if session.embedding is not None:
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

    def _on_embedded(self, session: Session, embedding: NDArray[np.float32]) -> None:
        session.embedding = embedding
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

    def _show_domains(self, *, bring_up: bool) -> None:
        pictures = self._workspace.pictures
        domains = None if pictures is None else pictures.session.domains
        if pictures is None or domains is None:
            self._view.clear_domains()
            return
        if bring_up:
            pictures.show_domains()
            pictures.layers.set_visible(Role.HIDDEN, False)
            self._workspace.bring_up(Stage.DOMAINS)
        self._view.show_domains(domains.names, domains.colors, domains.sizes.tolist(), domains.summary)

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

    def _on_stage_changed(self) -> None:
        pictures = self._workspace.pictures
        self._view.show_seen(pictures is not None and pictures.stage is Stage.DOMAINS and not pictures.is_comparing)

    def _on_tool(self, tool: str) -> None:
        self._use(Tool(tool))

    def _use(self, tool: Tool) -> None:
        pictures = self._workspace.pictures
        if pictures is None:
            return
        if tool is not Tool.PAN and not pictures.session.classes:
            self.add_class()
            return
        self._view.tools.show_tool(tool)
        if tool is Tool.PAN:
            pictures.pan()
            return
        self._workspace.compare(False)
        layer = self._scribble_layer(pictures)
        layer.brush_size = pictures.brush_px(self._view.brush.spots)
        layer.selected_label = max(self._view.classes.currentRow(), 0) + 1
        pictures.layers.activate(Role.SCRIBBLES, MODES[tool])

    def _scribble_layer(self, pictures: SectionPictures) -> Labels:
        layer = pictures.show_scribbles()
        self._workspace.connections.connect_once(layer.events.paint, self._on_painted)
        return layer

    def _on_painted(self, event: Event) -> None:
        """Take over a stroke that is over, and paint the section anew if that is wanted."""
        pictures = self._workspace.pictures
        if pictures is None or event.source is not pictures.layers.get(Role.SCRIBBLES):
            return
        self._scribble(pictures, pictures.painted_scribbles())
        if self._view.is_live and len(np.unique(pictures.session.scribbles[pictures.session.scribbles >= 0])) > 1:
            self.paint()

    def _scribble(self, pictures: SectionPictures, scribbles: NDArray[np.intp]) -> None:
        pictures.session.scribbles = scribbles
        self._scribble_layer(pictures)
        self._show_classes()

    def _on_scribbles_cleared(self) -> None:
        pictures = self._workspace.pictures
        if pictures is not None:
            self._scribble(pictures, np.full(pictures.session.slide.n_spots, -1, dtype=np.intp))

    def _on_class_chosen(self, place: int) -> None:
        pictures = self._workspace.pictures
        layer = None if pictures is None else pictures.layers.get(Role.SCRIBBLES)
        if layer is not None:
            layer.selected_label = place + 1

    def _on_class_renamed(self, place: int, name: str) -> None:
        if self._workspace.session is not None:
            self._workspace.session.classes[place] = name

    def _on_class_recolored(self, place: int, color: str) -> None:
        pictures = self._workspace.pictures
        if pictures is not None:
            pictures.session.class_colors[place] = color
            self._scribble_layer(pictures)
            self._show_classes()

    def _on_brush(self, spots: int) -> None:
        pictures = self._workspace.pictures
        layer = None if pictures is None else pictures.layers.get(Role.SCRIBBLES)
        if pictures is not None and layer is not None:
            layer.brush_size = pictures.brush_px(spots)

    def _show_classes(self) -> None:
        session = self._workspace.session
        if session is None:
            self._view.show_classes((), (), ())
            return
        counts = np.bincount(session.scribbles[session.scribbles >= 0], minlength=len(session.classes))
        self._view.show_classes(session.classes, session.class_colors, counts.tolist())

    def _on_current_changed(self) -> None:
        self._view.setEnabled(self._workspace.session is not None)
        self._view.tools.show_tool(Tool.PAN)
        pictures = self._workspace.pictures
        if pictures is not None and Role.SCRIBBLES in pictures.layers:
            self._scribble_layer(pictures)
        self._show_classes()
        self._show_domains(bring_up=False)


def _with(names: tuple[str, ...], place: int, name: str) -> tuple[str, ...]:
    """Return the names with another one at this place."""
    return (*names[:place], name, *names[place + 1 :])
