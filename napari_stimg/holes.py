"""Places inside the tissue where nothing was measured, and what the model expects there.

Nothing can be checked there: these are predictions, not measurements.
"""

from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from napari_stimg.checkpoint import Checkpoint
from napari_stimg.errors import InputError
from napari_stimg.inference import QUICK, InferenceParameters, expect
from napari_stimg.lattice import ARRAY_STEPS, Lattice, LatticeKind, find_lattice, shift_of_row_0
from napari_stimg.progress import Progress
from napari_stimg.slide import Slide

TEAR_REACH = 2.0
"""Pitches: a tear that opens to the outside is inside the tissue where it is at most twice as wide."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Filled:
    """Expected log expression where nothing was measured.

    Parameters
    ----------
    lattice : Lattice
        Of P places: the S spots of the slide, in their order, and the empty cells inside the tissue.
    places : (N,) int
        Which of the P places were filled: spots without a count, and all empty cells.
    columns : (K,) int
        The genes, as columns of the slide.
    expected : (N, K) float32
        Expected log expression.
    """

    lattice: Lattice
    places: NDArray[np.intp]
    columns: NDArray[np.intp]
    expected: NDArray[np.float32]


def empty_cells(lattice: Lattice) -> NDArray[np.int32]:
    """Return the (M, 2) cells inside the tissue that hold no spot, in row-major order.

    Enclosed holes of any size, and tears no wider than twice ``TEAR_REACH``. None on irregular sections, whose cells
    are no places of an array: between their spots there need not be anything to measure.
    """
    if lattice.kind is LatticeKind.IRREGULAR:
        return np.empty((0, 2), dtype=np.int32)
    row_step, col_step = ARRAY_STEPS[lattice.kind]
    steps = (row_step, col_step if lattice.kind is LatticeKind.SQUARE else 2 * col_step)
    margin = int(np.ceil(TEAR_REACH / min(steps))) + 1
    tissue = np.pad(lattice.tissue, margin)
    wide = ndimage.distance_transform_edt(~tissue, sampling=steps) <= TEAR_REACH
    closed = ndimage.distance_transform_edt(wide, sampling=steps) > TEAR_REACH
    inside = ndimage.binary_fill_holes(closed | tissue)[margin:-margin, margin:-margin]
    return np.argwhere(inside & ~lattice.tissue).astype(np.int32)


def with_cells(lattice: Lattice, cells: NDArray[np.int32]) -> Lattice:
    """Return a regular lattice with a place at each of (M, 2) further cells, after those of the spots."""
    row_step, col_step = ARRAY_STEPS[lattice.kind]
    rows, cols = cells.T
    if lattice.kind is not LatticeKind.SQUARE:
        cols = 2 * cols + (shift_of_row_0(lattice) + rows) % 2
    places = np.stack([rows * row_step, cols * col_step], axis=1).astype(np.float32)
    return replace(
        lattice,
        cell_of_spot=np.concatenate([lattice.cell_of_spot, cells]),
        positions=np.concatenate([lattice.positions, places]),
    )


def fill_holes(
    slide: Slide,
    checkpoint: Checkpoint,
    *,
    genes: Sequence[str] | None = None,
    params: InferenceParameters = QUICK,
) -> Generator[Progress, None, Filled]:
    """Yield progress, and return what the model expects inside the tissue where nothing was measured.

    Parameters
    ----------
    slide : Slide
        The section, S spots.
    checkpoint : Checkpoint
        The model.
    genes : sequence of str, optional
        Genes asked for, by symbol or Ensembl id; all of the slide if None.
    params : InferenceParameters
        Windows, rehearsals, seed.

    Raises
    ------
    InputError
        If there is no such place, nothing or next to nothing was measured, a gene is not on the slide, or the model
        knows none of its genes.
    """
    columns = np.arange(slide.n_genes) if genes is None else slide.columns_of(genes)
    columns = np.array(list(dict.fromkeys(columns.tolist())), dtype=np.intp)
    lattice = find_lattice(slide)
    cells = empty_cells(lattice)
    if len(cells):
        lattice = with_cells(lattice, cells)
    asked = np.ones(lattice.n_spots, dtype=np.bool_)
    asked[: slide.n_spots] = np.asarray(slide.counts.sum(axis=1)).ravel() == 0
    if not asked.any():
        raise InputError(
            f"{slide.name}: expected holes, narrow tears or spots without counts, found none inside the tissue; "
            "there is nothing to fill."
        )
    seen = slide.select(~asked[: slide.n_spots])
    expected, _ = yield from expect(seen, lattice, asked, checkpoint, columns=columns, params=params)
    return Filled(lattice=lattice, places=np.flatnonzero(asked), columns=columns, expected=expected)
