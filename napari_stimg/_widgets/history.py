"""Undo and redo of what the user draws, one value a spot."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

MAX_STEPS = 100
"""Steps that can be undone."""


class History:
    """A state, (S,) of any dtype, with the states before it and those that were undone.

    Parameters
    ----------
    state : (S,) array
        What it starts with; states are never changed in place.
    """

    def __init__(self, state: NDArray[Any]) -> None:
        self.state = state
        self._undo: list[NDArray[Any]] = []
        self._redo: list[NDArray[Any]] = []

    @property
    def can_undo(self) -> bool:
        """Whether there is an earlier state."""
        return bool(self._undo)

    @property
    def can_redo(self) -> bool:
        """Whether an undone state can come back."""
        return bool(self._redo)

    def change(self, state: NDArray[Any]) -> bool:
        """Go to another state, and return whether it is another; what had been undone is forgotten."""
        if np.array_equal(state, self.state):
            return False
        self._undo = [*self._undo[1 - MAX_STEPS :], self.state]
        self._redo = []
        self.state = state.copy()
        return True

    def undo(self) -> bool:
        """Go back to the state before the last change, and return whether there was one."""
        if not self._undo:
            return False
        self._redo.append(self.state)
        self.state = self._undo.pop()
        return True

    def redo(self) -> bool:
        """Take back an undo, and return whether there was one."""
        if not self._redo:
            return False
        self._undo.append(self.state)
        self.state = self._redo.pop()
        return True
