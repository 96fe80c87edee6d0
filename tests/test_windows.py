from dataclasses import replace

import numpy as np
import pytest

from napari_stimg.crops import crop_at
from napari_stimg.errors import InputError
from napari_stimg.lattice import Lattice, LatticeKind, find_lattice
from napari_stimg.masking import MIN_VISIBLE
from napari_stimg.windows import Blend, WindowParameters, inside, tokens_around, windows_around, windows_over
from tests.synthetic_lattices import SQUARE, array_of, place, slide_at


def square_lattice(n_rows: int, n_cols: int) -> Lattice:
    indices = array_of(SQUARE, n_rows, n_cols)
    return find_lattice(slide_at(place(indices, SQUARE), indices=indices))


@pytest.mark.parametrize(("side", "stride"), [(16, 17), (16, 0), (0, 0), (4, -1)])
def test_windows_that_leave_gaps_are_refused(side: int, stride: int) -> None:
    message = rf"windows every 1 to {side} pitches \(their side\), found every {stride}; choose a stride that leaves no"
    with pytest.raises(InputError, match=message):
        WindowParameters(side=side, stride=stride)


def test_windows_are_counted_in_pitches_also_where_the_cells_of_the_raster_are_smaller() -> None:
    params = WindowParameters(side=20, stride=10)
    assert params.in_cells(square_lattice(5, 7)) == params
    lattice = find_lattice(slide_at(np.random.default_rng(0).uniform(0, 20, (500, 2))))
    assert lattice.kind is LatticeKind.IRREGULAR
    assert lattice.cell_pitches < 1
    assert params.in_cells(lattice) == WindowParameters(
        side=round(20 / lattice.cell_pitches), stride=round(10 / lattice.cell_pitches)
    )


def test_windows_over_a_section_show_all_of_it() -> None:
    lattice = square_lattice(13, 9)
    crops = windows_over(lattice, WindowParameters(side=5, stride=3))
    assert {crop.shape for crop in crops} == {(5, 5)}
    assert np.unique(np.concatenate([crop.tokens for crop in crops])).size == 117


@pytest.mark.parametrize("rows", [(0, 20), (20, 40), (5, 35), (1, 40)])
def test_windows_around_a_hole_hold_every_hidden_spot_and_show_enough(rows: tuple[int, int]) -> None:
    lattice = square_lattice(40, 9)
    hidden = np.flatnonzero((lattice.cell_of_spot[:, 0] >= rows[0]) & (lattice.cell_of_spot[:, 0] < rows[1]))
    visible = lattice.select(np.setdiff1d(np.arange(lattice.n_spots), hidden))
    crops = windows_around(hidden, lattice, visible, WindowParameters(side=6, stride=3))
    held = np.stack([inside(crop, lattice.cell_of_spot[hidden]) for crop in crops])
    assert held.any(axis=0).all()
    assert held.any(axis=1).all()
    assert all(MIN_VISIBLE <= crop.tokens.size <= 36 for crop in crops)
    assert all(crop.tokens.max() < len(visible.occupied) for crop in crops)


def test_a_window_deep_inside_a_hole_shows_the_nearest_visible_cells() -> None:
    lattice = square_lattice(40, 3)
    hidden = np.arange(60, 120)  # rows 20 to 39
    visible = lattice.select(np.arange(60))
    (last,) = windows_around(hidden[-3:], lattice, visible, WindowParameters(side=4, stride=4))
    np.testing.assert_array_equal(np.sort(visible.occupied[last.tokens][:, 0])[[0, -1]], [14, 19])
    assert last.tokens.size == 16


def test_a_window_at_the_border_of_a_hole_shows_its_own_visible_cells() -> None:
    lattice = square_lattice(12, 12)
    hidden = np.flatnonzero((lattice.cell_of_spot == [6, 6]).all(axis=1))
    visible = lattice.select(np.setdiff1d(np.arange(lattice.n_spots), hidden))
    for crop in windows_around(hidden, lattice, visible, WindowParameters(side=6, stride=3)):
        np.testing.assert_array_equal(crop.tokens, crop_at(visible, crop.row, crop.col, (6, 6)).tokens)


@pytest.mark.parametrize("pitches", [0.0, 2.0])
def test_tokens_around_a_window_are_its_own_and_those_just_beyond(pitches: float) -> None:
    lattice = square_lattice(20, 20)
    crop = crop_at(lattice, 5, 17, (4, 4))  # reaches beyond the lattice
    rows, cols = lattice.occupied[tokens_around(crop, lattice, pitches=pitches)].T
    assert (rows.min(), rows.max()) == (5 - pitches, 8 + pitches)
    assert (cols.min(), cols.max()) == (17 - pitches, 19)
    assert len(rows) == (4 + 2 * pitches) * (3 + pitches)


def test_tokens_that_a_window_took_from_afar_are_around_it_too() -> None:
    lattice = square_lattice(20, 20)
    crop = replace(crop_at(lattice, 5, 5, (4, 4)), tokens=np.array([399]))
    np.testing.assert_array_equal(
        tokens_around(crop, lattice, pitches=0), [*crop_at(lattice, 5, 5, (4, 4)).tokens, 399]
    )


# --- blending ------------------------------------------------------------------------------------------


def test_what_all_windows_say_alike_is_what_the_blend_says() -> None:
    lattice = square_lattice(13, 9)
    truth = np.random.default_rng(0).standard_normal((117, 4)).astype(np.float32)
    blend = Blend(117, 4)
    for crop in windows_over(lattice, WindowParameters(side=5, stride=3)):
        blend.add(crop.tokens, truth[crop.tokens], crop, lattice.occupied[crop.tokens])
    np.testing.assert_allclose(blend.mean(), truth, rtol=1e-4, atol=1e-5)


def test_a_window_counts_most_in_its_middle() -> None:
    lattice = square_lattice(1, 6)
    left, right = crop_at(lattice, 0, 0, (1, 4)), crop_at(lattice, 0, 2, (1, 4))
    blend = Blend(6, 1)
    for crop, says in ((left, 0.0), (right, 1.0)):
        blend.add(crop.tokens, np.full((4, 1), says, dtype=np.float32), crop, lattice.occupied[crop.tokens])
    near, far = np.cos(np.pi / 2 * np.array([0.5, 1.5]) / 2) ** 2  # cells 0.5 and 1.5 from the middle of 4
    third = far / (near + far)
    np.testing.assert_allclose(blend.mean().ravel(), [0, 0, third, 1 - third, 1, 1], rtol=1e-5)
