"""Connections to the viewer's own events, which outlives the panel and must not call it once it is gone."""

from collections.abc import Callable

from napari.layers import Layer
from napari.utils.events import Event, EventEmitter


class Connections:
    """Connects callbacks to napari's emitters, and disconnects all of them at once."""

    def __init__(self) -> None:
        self._made: list[tuple[EventEmitter, Callable[[Event], object]]] = []
        self._bound: list[tuple[Layer, str]] = []

    def connect(self, emitter: EventEmitter, callback: Callable[[Event], object]) -> None:
        """Call this at every event, until `release`."""
        emitter.connect(callback)
        self._made.append((emitter, callback))

    def connect_once(self, emitter: EventEmitter, callback: Callable[[Event], object]) -> bool:
        """Do so unless it is connected already; return whether it was not."""
        is_new = (emitter, callback) not in self._made
        if is_new:
            self.connect(emitter, callback)
        return is_new

    def bind_key(self, layer: Layer, key: str, action: Callable[[Layer], object]) -> None:
        """Do this when a key (``"Control-Z"``) is pressed in this layer, instead of napari's own, until `release`."""
        layer.bind_key(key, action, overwrite=True)
        self._bound.append((layer, key))

    def release(self) -> None:
        """Disconnect and unbind everything; doing so twice does no harm."""
        while self._made:
            emitter, callback = self._made.pop()
            emitter.disconnect(callback)
        while self._bound:
            layer, key = self._bound.pop()
            layer.bind_key(key, None)
