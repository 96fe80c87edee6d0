"""Where labels would help painted domains most: uncertain spots, far from each other."""

import numpy as np
from numpy.typing import NDArray

N_SPOTS = 10
"""Spots that are named at once: what one labels before one looks again."""

SPREAD = 0.5
"""Least distance of two of them, as a share of the side of the square that each would have of the section."""


def next_to_label(
    probabilities: NDArray[np.floating],
    positions: NDArray[np.floating],
    labelled: NDArray[np.bool_],
    *,
    n_spots: int = N_SPOTS,
) -> NDArray[np.intp]:
    """Return the (at most) ``n_spots`` spots whose likeliest label is least probable, the least certain first.

    Each is at least half the side of its share of the section from those before it, so that they are not all on one
    border; fewer are returned where there is no room for more, or nothing else is uncertain.

    Parameters
    ----------
    probabilities : (S, K) float
        Of each label; rows sum to 1.
    positions : (S, 2) float
        Where the spots lie, in pitches, so that a spot covers about 1.
    labelled : (S,) bool
        Spots that have a label, and are not named.
    n_spots : int
        How many to name, >= 1.
    """
    certainty = probabilities.max(axis=1)
    apart = SPREAD * np.sqrt(len(positions) / n_spots)
    is_open = ~labelled & (certainty < 1.0)
    found: list[int] = []
    for spot in np.argsort(certainty, kind="stable"):
        if is_open[spot]:
            found.append(int(spot))
            is_open &= np.linalg.norm(positions - positions[spot], axis=1) >= apart
        if len(found) == n_spots:
            break
    return np.array(found, dtype=np.intp)
