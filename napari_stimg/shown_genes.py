"""What the model saw of one crop in training: 16 x 16 cells, and the genes that were drawn for it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_stimg.channels import draw_channels
from napari_stimg.crops import Crop, crop_at
from napari_stimg.errors import InputError
from napari_stimg.expression import expression_moments
from napari_stimg.lattice import Lattice, sum_by_cell
from napari_stimg.slide import Slide

SIDE_CELLS = 16
"""Height and width of the crops that the bundled model was trained on (arXiv 2603.13432)."""

N_CHANNELS = 512
"""m, the genes that it saw of each."""


@dataclass(frozen=True, kw_only=True, eq=False)
class ShownCrop:
    """One crop as the model is shown it.

    Parameters
    ----------
    crop : Crop
        Its cells.
    spots : (S,) bool
        True for the section's spots in them.
    columns : (m,) int
        The genes drawn, as ascending columns of the slide.
    variances : (m,) float32
        Of each gene's log expression over the crop's cells.
    n_known : int
        How many genes there were to draw from.
    seed : int
        What they were drawn with.
    """

    crop: Crop
    spots: NDArray[np.bool_]
    columns: NDArray[np.intp]
    variances: NDArray[np.float32]
    n_known: int
    seed: int


def shown_crop(slide: Slide, lattice: Lattice, spot: int, *, known: NDArray[np.intp], seed: int) -> ShownCrop:
    """Return the crop around a spot with the genes drawn for it, by their variance in it, as in training.

    Parameters
    ----------
    slide, lattice : Slide, Lattice
        The section, S spots.
    spot : int
        The spot in the crop's middle.
    known : (K,) int
        Columns of the genes that the model knows; the others are never drawn.
    seed : int
        Of the draw, >= 0.

    Raises
    ------
    InputError
        If the model knows none of the section's genes.
    """
    if known.size == 0:
        raise InputError(f"{slide.name}: expected genes that the model knows, found none; choose another model.")
    row, col = lattice.cell_of_spot[spot].tolist()
    crop = crop_at(lattice, row - SIDE_CELLS // 2, col - SIDE_CELLS // 2, (SIDE_CELLS, SIDE_CELLS))
    spots = np.isin(lattice.token_of_spot, crop.tokens)
    variance = expression_moments(sum_by_cell(slide.counts[spots], lattice.select(spots))).variance
    drawn = draw_channels(variance[known], N_CHANNELS, rng=np.random.default_rng(seed))
    columns = np.sort(known[drawn])
    return ShownCrop(
        crop=crop, spots=spots, columns=columns, variances=variance[columns], n_known=known.size, seed=seed
    )
