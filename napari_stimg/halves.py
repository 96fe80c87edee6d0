"""Two halves of a section's cells that judge each other: a cell must not judge what was fitted to its own noise."""

import numpy as np
from numpy.typing import NDArray


def first_half(cells: NDArray[np.intp]) -> NDArray[np.bool_]:
    """Return (N,) which of N cells, by number, are in the first half."""
    return np.asarray(cells % 2 == 0)
