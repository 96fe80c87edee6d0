"""Which cells of a crop are hidden when the model learns or rehearses, and spots hidden at random."""

import numpy as np
from numpy.typing import NDArray

MIN_VISIBLE = 8
"""Cells of a crop that always stay visible."""

MAX_BLOCK_SIDE = 14
"""Largest side of a hidden block, in cells."""


def draw_mask(cells: NDArray[np.integer], *, random_share: float, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Return which of a crop's cells are hidden, True = hidden: scattered ones, or one to three blocks.

    At least one cell is hidden, and ``MIN_VISIBLE`` (or half, of fewer) stay visible.

    Parameters
    ----------
    cells : (L, 2) int
        (row, col) of the crop's occupied cells, L >= 2.
    random_share : float
        Probability that scattered cells (10 to 70 %) are hidden instead of blocks, in [0, 1].
    rng : numpy Generator
        Source of randomness.
    """
    n_cells = len(cells)
    if rng.random() < random_share:
        hidden = rng.random(n_cells) < rng.uniform(0.1, 0.7)
    else:
        hidden = np.zeros(n_cells, dtype=bool)
        for _ in range(rng.integers(1, 4)):
            side = rng.integers(1, MAX_BLOCK_SIDE + 1)
            corner = cells[rng.integers(n_cells)] - rng.integers(0, side, size=2)
            hidden |= ((cells >= corner) & (cells < corner + side)).all(axis=1)
    if not hidden.any():
        hidden[rng.integers(n_cells)] = True
    n_back = min(MIN_VISIBLE, (n_cells + 1) // 2) - int((~hidden).sum())
    if n_back > 0:
        hidden[rng.choice(np.flatnonzero(hidden), n_back, replace=False)] = False
    return hidden


def hide_share(hidden: NDArray[np.bool_], share: float, *, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Return a mask (S,), True = hidden, with this share of its visible spots hidden, too, at random, at least one.

    Parameters
    ----------
    hidden : (S,) bool
        Spots that are hidden already; one at least is visible.
    share : float
        Of the visible spots, in (0, 1).
    rng : numpy Generator
        Source of randomness.
    """
    visible = np.flatnonzero(~hidden)
    more = hidden.copy()
    more[rng.choice(visible, max(1, round(share * visible.size)), replace=False)] = True
    return more
