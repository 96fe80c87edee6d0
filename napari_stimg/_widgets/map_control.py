"""Connects the Map tab: the embedding in a plane, and spots chosen there or on the tissue."""

from collections.abc import Callable
from functools import partial

import numpy as np
from napari.utils.events import Event
from napari.utils.notifications import show_warning
from numpy.typing import NDArray
from qtpy.QtCore import QObject

from napari_stimg._widgets.embedding_control import EmbeddingControl
from napari_stimg._widgets.layers import Role
from napari_stimg._widgets.map_view import MapView
from napari_stimg._widgets.outline_tool import OutlineTool
from napari_stimg._widgets.scribble_control import ScribbleControl
from napari_stimg._widgets.session import Embedded, Mapped, Session
from napari_stimg._widgets.tasks import lay_out
from napari_stimg._widgets.workers import TaskRunner
from napari_stimg._widgets.workspace import Workspace
from napari_stimg.domains import domain_colors
from napari_stimg.planes import contrast_limits

UNLABELLED = "#808080"
AXES = {"pca": ("Component 1", "Component 2"), "umap": ("UMAP 1", "UMAP 2")}
GENE, DOMAINS = "gene shown", "domains"


class MapControl(QObject):
    """Draws the map that the Map tab asks for, and takes in which spots are chosen.

    Parameters
    ----------
    workspace : Workspace
        Whose current section is worked on.
    view : MapView
        The tab.
    embeddings : EmbeddingControl
        Computes the embedding.
    scribbles : ScribbleControl
        Takes the chosen spots as a stroke.
    runner : TaskRunner
        Lays the embedding out.
    """

    def __init__(
        self,
        workspace: Workspace,
        view: MapView,
        embeddings: EmbeddingControl,
        scribbles: ScribbleControl,
        runner: TaskRunner,
    ) -> None:
        super().__init__(view)
        self._workspace, self._view = workspace, view
        self._embeddings, self._scribbles, self._runner = embeddings, scribbles, runner
        self._coloring = GENE
        self._outlines = OutlineTool(
            workspace,
            Role.CHOOSING,
            lambda pictures: pictures.drawings.choosing_layer(),
            lambda _, spots: self.choose(spots),
            parent=self,
        )
        view.map_requested.connect(self.draw)
        view.coloring_requested.connect(self._on_coloring)
        view.lassoed.connect(self.choose)
        view.outline_requested.connect(self._on_outline)
        view.hidden_chosen.connect(self._on_hidden_chosen)
        view.domain_chosen.connect(self._on_domain_chosen)
        view.clear_requested.connect(self._on_clear)
        view.hide_requested.connect(self._on_hide)
        view.scribble_requested.connect(self._on_scribble)
        workspace.gene_shown.connect(self._show_colors)
        workspace.domains_changed.connect(self._on_domains_changed)
        workspace.current_changed.connect(self._on_current_changed)
        workspace.model_changed.connect(runner.cancel)
        workspace.connections.connect(workspace.viewer.layers.selection.events.active, self._on_active_layer)

    def draw(self) -> None:
        """Lay the embedding out, and show it."""
        session, method = self._workspace.session, self._view.method
        if session is None:
            return

        def start(embedding: Embedded) -> None:
            self._runner.start(
                "Drawing the map", lambda: lay_out(embedding, method), lambda mapped: self._on_laid_out(session, mapped)
            )

        self._embeddings.when_embedded(session, start)

    def choose(self, spots: NDArray[np.bool_]) -> None:
        """Choose these spots, (S,) bool, on the map and on the tissue."""
        pictures = self._workspace.pictures
        if pictures is None:
            return
        pictures.session.chosen = spots
        pictures.drawings.show_chosen()
        self._show_chosen()

    def _on_laid_out(self, session: Session, mapped: Mapped) -> None:
        session.mapped = mapped
        if session is self._workspace.session:
            self._show_map()
            self._embeddings.show_whose()

    def _show_map(self) -> None:
        session = self._workspace.session
        if session is None or session.mapped is None:
            self._view.show_no_map()
            return
        self._view.show_map()
        self._view.canvas.show_map(session.mapped.places, AXES[session.mapped.method])
        self._show_colors()
        self._show_chosen()

    def _show_chosen(self) -> None:
        session = self._workspace.session
        if session is None:
            self._view.show_count(0, 0)
            return
        chosen = session.chosen if session.chosen is not None else np.zeros(session.slide.n_spots, dtype=np.bool_)
        self._view.show_count(int(chosen.sum()), session.slide.n_spots)
        if session.mapped is not None and self._view.has_map:
            self._view.canvas.show_chosen(chosen)

    def _show_colors(self) -> None:
        session = self._workspace.session
        colorings = {} if session is None else _colorings(session)
        names = list(colorings)
        chosen = self._coloring if self._coloring in colorings else GENE
        self._view.show_colorings([name[:1].upper() + name[1:] for name in names], names.index(chosen) if names else -1)
        if session is not None and session.mapped is not None and self._view.has_map:
            self._view.canvas.show_colors(colorings[chosen]())

    def _on_coloring(self, place: int) -> None:
        if self._workspace.session is not None:
            self._coloring = list(_colorings(self._workspace.session))[place]
            self._show_colors()

    def _on_outline(self, wanted: bool) -> None:
        """Give the mouse a lasso to choose spots with."""
        pictures = self._workspace.pictures
        if pictures is not None and wanted:
            self._outlines.take_up("add_polygon_lasso")
        elif pictures is not None:
            pictures.pan()
        self._view.show_outlining(wanted and pictures is not None)

    def _on_hidden_chosen(self) -> None:
        session = self._workspace.session
        if session is not None and session.hidden.any():
            self.choose(session.hidden.copy())
        elif session is not None:
            show_warning("No spot is hidden: hide some in Reconstruct first.")

    def _on_domain_chosen(self, domain: int) -> None:
        session = self._workspace.session
        if session is not None and session.domains is not None:
            self.choose(session.domains.labels == domain)

    def _on_clear(self) -> None:
        if self._workspace.session is not None:
            self.choose(np.zeros(self._workspace.session.slide.n_spots, dtype=np.bool_))

    def _on_hide(self) -> None:
        pictures = self._workspace.pictures
        if pictures is not None and pictures.session.chosen is not None:
            self._workspace.compare(False)
            pictures.session.hide(pictures.session.hidden | pictures.session.chosen)
            self._workspace.mask_changed.emit()
            pictures.layers.set_visible(Role.HIDDEN, True)

    def _on_scribble(self) -> None:
        session = self._workspace.session
        if session is not None and session.chosen is not None:
            self._scribbles.scribble(session.chosen)

    def _on_active_layer(self, event: Event) -> None:
        """Show that the lasso is down once the mouse works on another layer."""
        pictures = self._workspace.pictures
        if pictures is None or event.value is not pictures.layers.get(Role.CHOOSING):
            self._view.show_outlining(False)

    def _on_domains_changed(self) -> None:
        session = self._workspace.session
        domains = None if session is None else session.domains
        self._view.show_domains(() if domains is None else domains.names)
        self._show_colors()

    def _on_current_changed(self) -> None:
        self._view.setEnabled(self._workspace.session is not None)
        self._view.show_outlining(False)
        self._show_map()
        self._show_chosen()
        self._on_domains_changed()


def _colorings(session: Session) -> dict[str, Callable[[], NDArray[np.float32]]]:
    """Return what dots can be coloured by, and how each gives (S, 4) colours."""
    found: dict[str, Callable[[], NDArray[np.float32]]] = {GENE: lambda: _gene_colors(session)}
    domains = session.domains
    if domains is not None:
        found[DOMAINS] = lambda: _kind_colors(domains.labels, domains.colors)
    for labels in session.labels:
        colors = domain_colors(len(labels.names))
        found[f"labels: {labels.key}"] = partial(_kind_colors, labels.codes, colors)
    return found


def _gene_colors(session: Session) -> NDArray[np.float32]:
    """Return the colours of the gene shown, or of the counts, as they are on the canvas."""
    from matplotlib import colormaps

    display, planes = session.display, session.planes
    values = np.log10(1.0 + planes.library_size) if display.column is None else planes.expression(display.column)
    low, high = contrast_limits(values, display.clip_percent)
    scaled = np.clip((values - low) / (high - low), 0, 1)
    name = display.colormap if display.colormap in colormaps else "viridis"
    return np.asarray(colormaps[name](scaled), dtype=np.float32)


def _kind_colors(kinds: NDArray[np.integer], colors: tuple[str, ...] | list[str]) -> NDArray[np.float32]:
    """Return each spot's colour by its kind, -1 = grey."""
    from matplotlib.colors import to_rgba_array

    return np.asarray(to_rgba_array([*colors, UNLABELLED])[kinds], dtype=np.float32)
