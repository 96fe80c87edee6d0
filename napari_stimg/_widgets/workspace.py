"""The open sections of one viewer, and which of them is current: what the parts of the panel share."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from weakref import WeakKeyDictionary

from napari.components import ViewerModel
from napari.layers import Layer
from qtpy.QtCore import QObject, Signal

from napari_stimg._reader import world_units
from napari_stimg._widgets.connections import Connections
from napari_stimg._widgets.layers import Role, SectionLayers
from napari_stimg._widgets.pictures import SectionPictures, Stage
from napari_stimg._widgets.session import Session
from napari_stimg._widgets.tasks import Model
from napari_stimg._widgets.workers import Turns

_MODELS: WeakKeyDictionary[ViewerModel, Model] = WeakKeyDictionary()
"""The model in use in each viewer, so that a panel closed and opened again goes on with it.

Sections are carried by their layers' metadata; a viewer has nowhere to carry anything of a plugin's.
"""


class Workspace(QObject):
    """Open sections; one of them is current, the others' layers are out of sight.

    Signals
    -------
    sections_changed
        A section was opened or closed.
    current_changed
        Another section is current, or none.
    gene_shown
        Another gene of the current section is shown, or in other colours.
    stage_changed
        One looks at something else: the gene, the channels, the embedding, the likes of a spot, the domains,
        or the comparison.
    mask_changed
        Other spots of the current section are hidden.
    domains_changed
        The current section has other domains, or they other names or colours.
    crops_changed
        The current section has other crops.
    saved_changed
        There is something new to save, or it has been saved.
    model_changed
        Another model is in use.
    """

    sections_changed = Signal()
    current_changed = Signal()
    gene_shown = Signal()
    stage_changed = Signal()
    mask_changed = Signal()
    domains_changed = Signal()
    crops_changed = Signal()
    saved_changed = Signal()
    model_changed = Signal()

    def __init__(self, viewer: ViewerModel, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.viewer = viewer
        self.model = _MODELS.setdefault(viewer, Model())
        self.connections = Connections()
        self._open: list[SectionPictures] = []
        self._current: SectionPictures | None = None
        self._unfinished: list[SectionPictures] = []
        self._finishing = Turns(self)

    @property
    def is_finishing(self) -> bool:
        """Whether something of a new section is still to be drawn."""
        return self._finishing.is_busy

    @property
    def opened(self) -> tuple[SectionPictures, ...]:
        """What draws each open section, in the order they were opened."""
        return tuple(self._open)

    @property
    def sessions(self) -> list[Session]:
        """The open sections, in the order they were opened."""
        return [pictures.session for pictures in self._open]

    @property
    def pictures(self) -> SectionPictures | None:
        """What draws the current section; None if none is open."""
        return self._current

    @property
    def session(self) -> Session | None:
        """The current section."""
        return None if self._current is None else self._current.session

    @property
    def stage(self) -> Stage | None:
        """What one looks at of the current section; None if none is open, or pictures are side by side."""
        return None if self._current is None or self._current.is_comparing else self._current.stage

    @property
    def is_comparing(self) -> bool:
        """Whether the current section's pictures are side by side."""
        return self._current is not None and self._current.is_comparing

    @property
    def current_place(self) -> int:
        """The current section's place among the open ones, -1 = none is open."""
        return -1 if self._current is None else self._open.index(self._current)

    def add(self, session: Session, layers: Sequence[Layer] = ()) -> None:
        """Make this an open section and the current one, with the layers that show it already."""
        self._measure_like(session)
        section_layers = SectionLayers(self.viewer, session)
        for layer in layers:
            section_layers.adopt(layer)
        pictures = SectionPictures(section_layers)
        pictures.show_gene(colorbar=False)
        session.on_saved = self.saved_changed.emit
        self._open.append(pictures)
        self.sections_changed.emit()
        self.choose(len(self._open) - 1)
        self._unfinished.append(pictures)
        self._finishing.start(self._finish())

    def _finish(self) -> Iterator[None]:
        """Draw what goes with new sections in turns of the event loop after those that show them."""
        while self._unfinished:
            yield
            pictures = self._unfinished.pop(0)
            if pictures in self._open:
                pictures.layers.show_colorbar(Role.GENE)
            yield
        self._show_scale()

    def _show_scale(self) -> None:
        session = self.session
        self.viewer.canvas.overlays.scale_bar.visible = session is not None and session.lattice.pitch_um is not None

    def _measure_like(self, session: Session) -> None:
        """Give all open sections this one's unit: napari shows none, and complains, where layers' units differ."""
        for pictures in self._open:
            pictures.layers.measure_in(world_units(session.lattice))

    def choose(self, place: int) -> None:
        """Make the section at this place the current one, and bring its layers into sight."""
        chosen = self._open[place]
        if chosen is self._current:
            return
        if self._current is not None:
            self._current.put_away()
        self._measure_like(chosen.session)
        self._current = chosen
        chosen.bring_back()
        if not self.is_finishing:
            self._show_scale()
        self.current_changed.emit()

    def close(self, place: int) -> None:
        """Close the section at this place, with its layers; what is unsaved of it is lost."""
        closed = self._open[place]
        if closed is self._current:
            closed.put_away()
            self._current = None
        self._open.pop(place)
        closed.layers.remove_all()
        self.sections_changed.emit()
        if self._current is None and self._open:
            self.choose(len(self._open) - 1)
        elif self._current is None:
            self.current_changed.emit()

    def use(self, model: Model) -> None:
        """Work with this model from now on; what was made with another stays."""
        self.model = _MODELS[self.viewer] = model
        for session in self.sessions:
            session.match, session.cautions = None, []
        self.model_changed.emit()

    def made_by_another(self, how: Mapping[str, Any]) -> bool:
        """Say whether another model than the one in use made a result, of which this is the record."""
        return "checkpoint" in how and self.model.sha256 not in (None, how.get("checkpoint_sha256"))

    def bring_up(self, stage: Stage) -> None:
        """Look at this of the current section."""
        if self._current is not None:
            self._current.bring_up(stage)
            self.stage_changed.emit()

    def compare(self, wanted: bool) -> None:
        """Put truth, reconstruction and difference side by side, or go back."""
        if self._current is not None:
            self._current.compare(wanted)
            self.stage_changed.emit()

    def touch(self, what: str) -> None:
        """Note that this part of the current section has changed since it was saved."""
        if self.session is not None:
            self.session.unsaved.add(what)
            self.saved_changed.emit()
