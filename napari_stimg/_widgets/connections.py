"""Connections to the viewer's own events, which outlives the panel and must not call it once it is gone."""

from collections.abc import Callable

from napari.utils.events import Event, EventEmitter


class Connections:
    """Connects callbacks to napari's emitters, and disconnects all of them at once."""

    def __init__(self) -> None:
        self._made: list[tuple[EventEmitter, Callable[[Event], object]]] = []

    def connect(self, emitter: EventEmitter, callback: Callable[[Event], object]) -> None:
        """Call this at every event, until `release`."""
        emitter.connect(callback)
        self._made.append((emitter, callback))

    def connect_once(self, emitter: EventEmitter, callback: Callable[[Event], object]) -> None:
        """Do so unless it is connected already."""
        if (emitter, callback) not in self._made:
            self.connect(emitter, callback)

    def release(self) -> None:
        """Disconnect everything; doing so twice does no harm."""
        while self._made:
            emitter, callback = self._made.pop()
            emitter.disconnect(callback)
