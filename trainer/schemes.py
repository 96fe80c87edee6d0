"""What one sample is made of: the paper's patches, or what others pretrain on (arXiv 2603.13432, section 2)."""

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from napari_stimg.crops import random_crop
from napari_stimg.lattice import Lattice
from trainer.config import CropConfig


def draw_groups(lattice: Lattice, side: int, crops: CropConfig, rng: np.random.Generator) -> list[NDArray[np.intp]]:
    """Return groups of cells, as indices into ``lattice.occupied``; cells of one group see each other.

    ``patch``: the cells of one square crop. ``spot``: single cells from anywhere in the section, as models of single
    cells are trained. ``neighbourhood``: cells from anywhere, each with its nearest ones. ``slide``: all cells of the
    section, or ``crops.tokens`` of more, at random.

    Parameters
    ----------
    lattice : Lattice
        The section's, of K occupied cells.
    side : int
        Side of a patch; the others take as many cells, side x side in all.
    crops : CropConfig
        The scheme.
    rng : numpy Generator
        Source of all chance.
    """
    n_cells = len(lattice.occupied)
    if crops.scheme == "patch":
        return [random_crop(lattice, (side, side), rng=rng).tokens]
    if crops.scheme == "slide":
        return [np.sort(rng.choice(n_cells, min(crops.tokens, n_cells), replace=False))]
    if crops.scheme == "spot":
        return [np.array([cell]) for cell in rng.integers(n_cells, size=side * side)]
    n_together = min(crops.neighbours + 1, n_cells)
    centres = rng.integers(n_cells, size=max(1, side * side // n_together))
    places = lattice.token_positions
    _, nearest = cKDTree(places).query(places[centres], k=np.arange(1, n_together + 1))
    return list(np.sort(np.asarray(nearest, dtype=np.intp), axis=1))
