"""Masks, (S,) bool, True = hidden: from an ``obs`` column, a square of the raster, or drawn polygons."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_stimg.errors import InputError
from napari_stimg.io.polygons import points_inside, read_polygons
from napari_stimg.lattice import Lattice
from napari_stimg.slide import Slide

_HIDDEN, _SHOWN = ("True", "true", "1", "1.0"), ("False", "false", "0", "0.0")


def mask_from_key(slide: Slide, key: str) -> NDArray[np.bool_]:
    """Return the mask that an ``obs`` column holds.

    Parameters
    ----------
    slide : Slide
        The slide.
    key : str
        A column of True and False, or of 1 and 0.

    Raises
    ------
    InputError
        If there is no such column, it holds anything else, or hides no spot or every spot.
    """
    if key not in slide.obs:
        usable = [str(column) for column in slide.obs.columns if _is_mask(slide, column)]
        raise InputError(
            f"{slide.name}: expected a column of obs that can be a mask ({', '.join(usable) or 'it has none'}), "
            f"found no column {key!r}; name one that is there."
        )
    if not _is_mask(slide, key):
        raise InputError(
            f"{slide.name}: expected True and False (or 1 and 0) in obs {key}, found "
            f"{', '.join(map(str, slide.obs[key].unique()[:4]))}; True hides a spot, False does not."
        )
    mask = slide.obs[key].astype(str).isin(_HIDDEN).to_numpy()
    return _checked(mask, slide, what=f"obs {key}")


def mask_from_square(slide: Slide, lattice: Lattice, row: int, col: int, side: int) -> NDArray[np.bool_]:
    """Return the mask of ``side`` x ``side`` cells of the raster whose first cell is (``row``, ``col``).

    Parameters
    ----------
    slide : Slide
        The slide.
    lattice : Lattice
        Its lattice, H x W cells.
    row, col : int
        The square's first cell; a part of the square may lie outside the raster.
    side : int
        In cells, >= 1.

    Raises
    ------
    InputError
        If ``side`` is below 1, or the square hides no spot or every spot.
    """
    if side < 1:
        raise InputError(f"{slide.name}: expected a square of at least one cell a side, found {side}; make it larger.")
    first = np.array([row, col])
    inside = (lattice.cell_of_spot >= first) & (lattice.cell_of_spot < first + side)
    n_rows, n_cols = lattice.shape
    what = f"the square of {side} cells at ({row}, {col}) of a raster of {n_rows} x {n_cols}"
    return _checked(inside[:, 0] & inside[:, 1], slide, what=what)


def mask_from_geojson(slide: Slide, path: Path) -> NDArray[np.bool_]:
    """Return the mask of the spots whose centre lies in a polygon of a GeoJSON file.

    Parameters
    ----------
    slide : Slide
        The slide.
    path : Path
        Polygons in (x, y), in the unit of ``obsm["spatial"]`` (of Visium: pixels of the full-resolution picture).

    Raises
    ------
    InputError
        If the file cannot be read or has no polygon, or the polygons hide no spot or every spot.
    """
    centres = slide.places[:, ::-1]
    mask = np.zeros(slide.n_spots, dtype=bool)
    for polygon in read_polygons(path):
        mask |= points_inside(centres, polygon)
    (low_x, low_y), (high_x, high_y) = centres.min(axis=0), centres.max(axis=0)
    extent = f"x {low_x:g} to {high_x:g}, y {low_y:g} to {high_y:g}"
    return _checked(mask, slide, what=f"{Path(path).name} (the spots lie at {extent})")


def _is_mask(slide: Slide, column: str) -> bool:
    return bool(slide.obs[column].astype(str).isin(_HIDDEN + _SHOWN).all())


def _checked(mask: NDArray[np.bool_], slide: Slide, *, what: str) -> NDArray[np.bool_]:
    if not mask.any():
        raise InputError(
            f"{slide.name}: expected a mask that hides at least one spot, found none in {what}; "
            "move it onto the tissue."
        )
    if mask.all():
        raise InputError(
            f"{slide.name}: expected a mask that leaves spots to predict from, found every spot in {what}; hide fewer."
        )
    return mask
