"""Connections to the viewer's own events, which outlives the panel and must not call it once it is gone."""

from collections.abc import Callable, Iterator

import numpy as np
from napari.layers import Layer
from napari.utils.events import Event, EventEmitter
from numpy.typing import NDArray


class Connections:
    """Connects callbacks to napari's emitters, and disconnects all of them at once."""

    def __init__(self) -> None:
        self._made: list[tuple[EventEmitter, Callable[[Event], object]]] = []
        self._bound: list[tuple[Layer, str]] = []
        self._clicked: list[tuple[Layer, Callable[[Layer, Event], Iterator[None]]]] = []

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
        """Do this when a key (``"Control-Z"``) is pressed in this layer, instead of napari's own, until `release`.

        A key keeps its first action.
        """
        if not any(known is layer and bound == key for known, bound in self._bound):
            layer.bind_key(key, action, overwrite=True)
            self._bound.append((layer, key))

    def on_click(self, layer: Layer, action: Callable[[Layer, NDArray[np.float64]], object]) -> None:
        """Do this with the clicked point in the layer's data, (row, col), until `release`; dragging is no click.

        A layer has one action: it keeps the first.
        """
        if any(known is layer for known, _ in self._clicked):
            return

        def take(clicked: Layer, event: Event) -> Iterator[None]:
            point = np.asarray(clicked.world_to_data(event.position), dtype=np.float64)
            yield
            moved = False
            while event.type == "mouse_move":
                moved = True
                yield
            if not moved:
                action(clicked, point)

        layer.mouse_drag_callbacks.append(take)
        self._clicked.append((layer, take))

    def release(self) -> None:
        """Disconnect and unbind everything; doing so twice does no harm."""
        while self._made:
            emitter, callback = self._made.pop()
            emitter.disconnect(callback)
        while self._bound:
            layer, key = self._bound.pop()
            layer.bind_key(key, None)
        while self._clicked:
            layer, take = self._clicked.pop()
            layer.mouse_drag_callbacks.remove(take)
