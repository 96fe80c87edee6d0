"""Undo and redo of what the user draws, one value a spot."""

from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

State = TypeVar("State")

MAX_STEPS = 100
"""Steps that can be undone."""


class Past(Generic[State]):
    """What something was before, and what was undone, where what it is now is kept elsewhere.

    Parameters
    ----------
    max_steps : int
        Steps that can be undone.
    """

    def __init__(self, max_steps: int = MAX_STEPS) -> None:
        self._max_steps = max_steps
        self._undo: list[State] = []
        self._redo: list[State] = []

    @property
    def can_undo(self) -> bool:
        """Whether there is an earlier state."""
        return bool(self._undo)

    @property
    def can_redo(self) -> bool:
        """Whether an undone state can come back."""
        return bool(self._redo)

    def note(self, before: State) -> None:
        """Note what it was before a change; what had been undone is forgotten."""
        self._undo = [*self._undo[1 - self._max_steps :], before]
        self._redo = []

    def undo(self, now: State) -> State:
        """Return what it was before the last change; or what it is now, if there was none."""
        if not self._undo:
            return now
        self._redo.append(now)
        return self._undo.pop()

    def redo(self, now: State) -> State:
        """Return what it was before the last undo; or what it is now, if there was none."""
        if not self._redo:
            return now
        self._undo.append(now)
        return self._redo.pop()


class History:
    """A state, (S,) of any dtype, with the states before it and those that were undone.

    Parameters
    ----------
    state : (S,) array
        What it starts with; states are never changed in place.
    """

    def __init__(self, state: NDArray[Any]) -> None:
        self.state = state
        self._past: Past[NDArray[Any]] = Past()

    @property
    def can_undo(self) -> bool:
        """Whether there is an earlier state."""
        return self._past.can_undo

    @property
    def can_redo(self) -> bool:
        """Whether an undone state can come back."""
        return self._past.can_redo

    def change(self, state: NDArray[Any]) -> bool:
        """Go to another state, and return whether it is another; what had been undone is forgotten."""
        if np.array_equal(state, self.state):
            return False
        self._past.note(self.state)
        self.state = state.copy()
        return True

    def undo(self) -> bool:
        """Go back to the state before the last change, and return whether there was one."""
        could = self.can_undo
        self.state = self._past.undo(self.state)
        return could

    def redo(self) -> bool:
        """Take back an undo, and return whether there was one."""
        could = self.can_redo
        self.state = self._past.redo(self.state)
        return could
