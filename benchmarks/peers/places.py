"""How far apart the spots of a section lie, in the unit of its places."""

from enum import StrEnum

import numpy as np
from anndata import AnnData
from numpy.typing import NDArray
from scipy.spatial import cKDTree


class Layout(StrEnum):
    """How spots are laid out."""

    HEX = "hex"
    SQUARE = "square"
    IRREGULAR = "irregular"


def layout_of(section: AnnData) -> Layout:
    """Return how spots are laid out, by ``array_row`` and ``array_col`` in ``obs``.

    Visium numbers columns such that row + column is even at every spot (Space Ranger, tissue_positions.csv).
    """
    if not {"array_row", "array_col"} <= set(section.obs):
        return Layout.IRREGULAR
    sums = section.obs["array_row"].to_numpy().astype(int) + section.obs["array_col"].to_numpy().astype(int)
    return Layout.HEX if np.all(sums % 2 == sums[0] % 2) else Layout.SQUARE


def distance_to_nearest(places: NDArray[np.floating], nth: int = 1) -> float:
    """Return the median distance of a spot to the ``nth`` nearest other: of regular lattices, for 1, the pitch."""
    distances, _ = cKDTree(places).query(places, k=[min(nth, len(places) - 1) + 1])
    return float(np.median(distances))
