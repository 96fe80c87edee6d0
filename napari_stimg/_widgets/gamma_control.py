"""Connects the gammas of the Genes tab with those of the layers, which napari's own controls change too."""

from dataclasses import replace

from napari.layers import Image, Layer
from napari.utils.events import Event
from qtpy.QtCore import QObject

from napari_stimg._reader import ROLE_KEY, SESSION_KEY
from napari_stimg._widgets.genes_view import GenesView
from napari_stimg._widgets.layers import CHANNELS, Role
from napari_stimg._widgets.session import Session
from napari_stimg._widgets.workspace import Workspace

FOLLOWED = (Role.GENE, *CHANNELS)


class GammaControl(QObject):
    """Gives the gene and the channels the gamma that is asked for, and shows the one they have.

    Parameters
    ----------
    workspace : Workspace
        Whose current section is shown.
    view : GenesView
        The tab.
    """

    def __init__(self, workspace: Workspace, view: GenesView) -> None:
        super().__init__(view)
        self._workspace, self._view = workspace, view
        view.gamma_requested.connect(lambda gamma: self._set(Role.GENE, gamma))
        view.channel_gamma_requested.connect(lambda place, gamma: self._set(CHANNELS[place], gamma))
        workspace.current_changed.connect(self._on_current_changed)
        workspace.connections.connect(workspace.viewer.layers.events.inserted, self._on_inserted)

    def _set(self, role: Role, gamma: float) -> None:
        pictures = self._workspace.pictures
        layer = None if pictures is None else pictures.layers.get(role)
        if isinstance(layer, Image):
            layer.gamma = gamma

    def _on_current_changed(self) -> None:
        if self._workspace.pictures is None:
            return
        for role, layer in self._workspace.pictures.layers.present().items():
            if role in FOLLOWED:
                self._follow(layer)
                self._take(layer)

    def _on_inserted(self, event: Event) -> None:
        layer = event.value
        if SESSION_KEY in layer.metadata and layer.metadata.get(ROLE_KEY) in FOLLOWED:
            self._follow(layer)

    def _follow(self, layer: Layer) -> None:
        self._workspace.connections.connect_once(layer.events.gamma, self._on_gamma)

    def _on_gamma(self, event: Event) -> None:
        self._take(event.source)

    def _take(self, layer: Layer) -> None:
        """Note a layer's gamma, so that its gene keeps it when the channels change places, and show it."""
        session, role, gamma = layer.metadata[SESSION_KEY], Role(layer.metadata[ROLE_KEY]), float(layer.gamma)
        is_current = session is self._workspace.session
        if role is not Role.GENE:
            place = CHANNELS.index(role)
            _note(session, place, gamma)
            if is_current:
                self._view.channels.show_gamma(place, gamma)
        elif is_current:
            self._view.show_gamma(gamma)


def _note(session: Session, place: int, gamma: float) -> None:
    channels = session.display.channels
    if place < len(channels) and channels[place].gamma != gamma:
        channels[place] = replace(channels[place], gamma=gamma)
