from dataclasses import replace

import numpy as np
import pytest

from napari_stimg.crops import crop_at, random_crop, windows
from napari_stimg.errors import InputError
from napari_stimg.lattice import Lattice, LatticeKind, find_lattice
from tests.synthetic_lattices import HEXAGONAL, REGULAR, SQUARE, array_of, place, slide_at, with_holes


def lattice_of(n_rows: int, n_cols: int, *, kind: LatticeKind = SQUARE, holes: float = 0.0) -> Lattice:
    indices = with_holes(array_of(kind, n_rows, n_cols), holes)
    return find_lattice(slide_at(place(indices, kind), indices=indices))


# --- where crops lie -----------------------------------------------------------------------------------


def test_a_crop_holds_the_occupied_cells_inside_its_rectangle() -> None:
    lattice = lattice_of(7, 9, holes=0.3)
    crop = crop_at(lattice, 2, 3, (4, 5))
    inside = [(r, c) for r, c in lattice.occupied.tolist() if 2 <= r < 6 and 3 <= c < 8]
    assert [tuple(cell) for cell in lattice.occupied[crop.tokens].tolist()] == inside
    assert (crop.row, crop.col, crop.shape) == (2, 3, (4, 5))


def test_a_crop_may_reach_beyond_the_lattice() -> None:
    lattice = lattice_of(7, 9)
    assert lattice.occupied[crop_at(lattice, -2, 7, (4, 5)).tokens].tolist() == [[0, 7], [0, 8], [1, 7], [1, 8]]
    assert crop_at(lattice, 20, 20, (4, 5)).tokens.size == 0


def test_a_crop_of_scattered_spots_in_any_order_holds_the_same_cells() -> None:
    lattice = lattice_of(12, 9, holes=0.5)
    shuffled = lattice.select(np.random.default_rng(0).permutation(lattice.n_spots))
    few = shuffled.select(shuffled.cell_of_spot[:, 0] % 5 == 3)  # whole rows are empty, the last ones too
    rows, cols = few.occupied.T
    for row in range(-4, 14):
        inside = (rows >= row) & (rows < row + 4) & (cols >= 2) & (cols < 7)
        np.testing.assert_array_equal(crop_at(few, row, 2, (4, 5)).tokens, np.flatnonzero(inside))


@pytest.mark.parametrize("shape", [(5, 3), (1, 8), (16, 16)])
def test_random_crops_have_their_shape_and_enough_tissue(shape: tuple[int, int]) -> None:
    lattice = lattice_of(31, 23, kind=HEXAGONAL, holes=0.4)
    rng = np.random.default_rng(0)
    for _ in range(50):
        crop = random_crop(lattice, shape, rng=rng)
        assert crop.shape == shape
        assert crop.tokens.size >= 57 / 256 * shape[0] * shape[1]
        np.testing.assert_array_equal(crop.tokens, crop_at(lattice, crop.row, crop.col, shape).tokens)


def test_random_crops_reach_every_cell() -> None:
    lattice = lattice_of(12, 9)
    rng = np.random.default_rng(0)
    seen = np.concatenate([random_crop(lattice, (4, 5), rng=rng).tokens for _ in range(200)])
    assert np.unique(seen).size == len(lattice.occupied)


def test_more_tissue_can_be_asked_for() -> None:
    lattice = lattice_of(12, 9)
    rng = np.random.default_rng(0)
    assert all(random_crop(lattice, (4, 5), rng=rng, min_tissue=1.0).tokens.size == 20 for _ in range(50))
    assert any(random_crop(lattice, (4, 5), rng=rng, min_tissue=0.0).tokens.size < 20 for _ in range(50))


def test_where_no_crop_holds_enough_tissue_the_fullest_is_taken() -> None:
    lattice = lattice_of(3, 2)
    assert random_crop(lattice, (16, 16), rng=np.random.default_rng(0)).tokens.size == 6


def test_more_tries_find_more_tissue() -> None:
    lattice = lattice_of(40, 40, holes=0.8)
    few, many = (
        np.mean(
            [
                random_crop(lattice, (5, 5), rng=np.random.default_rng(seed), min_tissue=1.0, tries=tries).tokens.size
                for seed in range(20)
            ]
        )
        for tries in (1, 30)
    )
    assert many > few


def test_equal_seeds_give_the_same_crop() -> None:
    lattice = lattice_of(31, 23)
    first, second, third = (random_crop(lattice, (8, 5), rng=np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert (first.row, first.col) == (second.row, second.col) != (third.row, third.col)


def test_no_try_is_refused() -> None:
    with pytest.raises(InputError, match="expected at least 1 try to place a crop, found 0; give a positive number"):
        random_crop(lattice_of(3, 2), (2, 2), rng=np.random.default_rng(0), tries=0)


@pytest.mark.parametrize("kind", REGULAR)
@pytest.mark.parametrize(
    ("shape", "stride"), [((5, 7), (5, 7)), ((5, 7), (2, 3)), ((32, 32), (16, 16)), ((1, 1), (1, 1)), ((6, 4), (3, 1))]
)
def test_windows_cover_every_cell(kind: LatticeKind, shape: tuple[int, int], stride: tuple[int, int]) -> None:
    lattice = lattice_of(23, 17, kind=kind, holes=0.3)
    crops = list(windows(lattice, shape, stride))
    assert all(crop.tokens.size for crop in crops)
    assert all(crop.shape == shape for crop in crops)
    assert np.unique(np.concatenate([crop.tokens for crop in crops])).size == len(lattice.occupied)


@pytest.mark.parametrize("extent", range(1, 14))
def test_windows_without_overlap_show_every_cell_once(extent: int) -> None:
    lattice = lattice_of(extent, 3)
    shown = np.concatenate([crop.tokens for crop in windows(lattice, (4, 2), (4, 2))])
    np.testing.assert_array_equal(np.sort(shown), np.arange(3 * extent))


def test_windows_without_tissue_are_left_out() -> None:
    lattice = lattice_of(40, 40)
    corners = lattice.select(np.isin(np.arange(lattice.n_spots), [0, 39, 1560, 1599]))
    assert len(list(windows(corners, (4, 4), (4, 4)))) == 4


def test_crops_of_irregular_tissue_hold_cells_not_spots() -> None:
    rng = np.random.default_rng(0)
    lattice = find_lattice(slide_at(rng.uniform(0, 12, (150, 2))))
    assert lattice.kind is LatticeKind.IRREGULAR
    whole = crop_at(lattice, 0, 0, lattice.shape)
    assert whole.tokens.size == len(lattice.occupied) <= 150
    assert crop_at(replace(lattice), 0, 0, (1, lattice.shape[1])).tokens.size == lattice.tissue[0].sum()
