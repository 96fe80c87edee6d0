from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse as sp

from napari_stimg.lattice import Lattice, LatticeKind, find_lattice, sum_by_cell
from tests.synthetic_lattices import (
    CHECKERBOARD,
    HEXAGONAL,
    REGULAR,
    SQUARE,
    array_of,
    neighbour_distances,
    place,
    slide_at,
    with_holes,
)

# --- from array indices --------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", REGULAR)
def test_an_array_s_kind_is_found_from_its_indices_and_measured_places(kind: LatticeKind) -> None:
    indices = with_holes(array_of(kind, 9, 7), 0.2)
    lattice = find_lattice(slide_at(place(indices, kind, pitch=137.0, turn_deg=3, jitter=0.05), indices=indices))
    assert lattice.kind is kind
    assert lattice.found_by == "array indices"
    assert lattice.pitch == pytest.approx(137, rel=0.01)


@pytest.mark.parametrize(("kind", "n_neighbours"), [(HEXAGONAL, 6), (SQUARE, 4), (CHECKERBOARD, 4)])
def test_neighbours_are_exactly_one_pitch_apart_even_if_places_are_jittered(
    kind: LatticeKind, n_neighbours: int
) -> None:
    indices = array_of(kind, 9, 7)
    lattice = find_lattice(slide_at(place(indices, kind, pitch=55.0, jitter=0.08), indices=indices))
    inner = ((lattice.cell_of_spot > 0) & (lattice.cell_of_spot < [8, 6])).all(axis=1)
    np.testing.assert_allclose(neighbour_distances(lattice.positions, n_neighbours)[inner], 1, rtol=1e-6)


def test_hexagonal_rows_are_packed_and_odd_ones_stand_half_a_pitch_to_the_right() -> None:
    indices = np.array([[10, 20], [10, 22], [11, 21], [11, 23], [12, 20]])
    lattice = find_lattice(slide_at(place(indices, HEXAGONAL), indices=indices))
    assert lattice.shape == (3, 2)
    np.testing.assert_array_equal(lattice.cell_of_spot, [[0, 0], [0, 1], [1, 0], [1, 1], [2, 0]])
    height = np.sqrt(3) / 2
    np.testing.assert_allclose(
        lattice.positions, [[0, 0], [0, 1], [height, 0.5], [height, 1.5], [2 * height, 0]], rtol=1e-6
    )


@pytest.mark.parametrize("kind", REGULAR)
def test_a_full_array_fills_its_raster(kind: LatticeKind) -> None:
    indices = array_of(kind, 11, 5)
    lattice = find_lattice(slide_at(place(indices, kind), indices=indices + np.array([3, 5])))
    assert lattice.shape == (11, 5) if kind is SQUARE else (11, 6)
    assert lattice.tissue.mean() > 0.8


def test_places_stretched_by_the_picture_do_not_stretch_the_lattice() -> None:
    indices = array_of(CHECKERBOARD, 12, 9)
    places = place(indices, CHECKERBOARD, pitch=150.0) * [1.1, 1.0]
    lattice = find_lattice(slide_at(places, indices=indices))
    assert lattice.kind is CHECKERBOARD
    np.testing.assert_allclose(neighbour_distances(lattice.positions, 1), 1, rtol=1e-6)
    assert lattice.pitch == pytest.approx(150 * np.sqrt(1.1))


@pytest.mark.parametrize(("highest", "kind"), [((77, 127), HEXAGONAL), ((60, 64), CHECKERBOARD)])
def test_places_that_copy_the_indices_leave_the_kind_to_the_array_s_extent(
    highest: tuple[int, int], kind: LatticeKind
) -> None:
    corners = np.array([[0, 0], [0, 2], [1, 1], highest])
    indices = corners - [[0, 0], [0, 0], [0, 0], [0, sum(highest) % 2]]
    assert find_lattice(slide_at(indices.astype(float), indices=indices)).kind is kind


def test_spots_in_one_row_leave_the_kind_to_the_array_s_extent() -> None:
    indices = np.array([[40, 100], [40, 102], [40, 106]])
    lattice = find_lattice(slide_at(50.0 * indices, indices=indices))
    assert lattice.kind is HEXAGONAL
    np.testing.assert_allclose(lattice.positions, [[0, 0], [0, 1], [0, 3]])
    assert lattice.pitch == pytest.approx(100)


def test_places_that_do_not_follow_the_indices_leave_the_kind_to_the_array_s_extent() -> None:
    indices = array_of(HEXAGONAL, 78, 64)[::7]
    places = np.random.default_rng(0).normal(size=indices.shape)
    assert find_lattice(slide_at(places, indices=indices)).kind is HEXAGONAL


def test_a_hexagonal_array_with_its_axes_swapped_is_turned_upright() -> None:
    indices = array_of(HEXAGONAL, 9, 7)
    places = place(indices, HEXAGONAL, pitch=137.0)
    upright = find_lattice(slide_at(places, indices=indices))
    swapped = find_lattice(slide_at(places, indices=indices[:, ::-1]))
    assert swapped.kind is HEXAGONAL
    np.testing.assert_array_equal(swapped.positions, upright.positions)


def test_indices_that_count_in_steps_of_fifty_give_a_dense_raster() -> None:
    indices = array_of(SQUARE, 7, 5)
    lattice = find_lattice(slide_at(place(indices, SQUARE), indices=50 * indices + 25))
    assert lattice.shape == (7, 5)
    np.testing.assert_array_equal(lattice.cell_of_spot, indices)


def test_indices_that_span_too_large_a_raster_give_way_to_coordinates() -> None:
    indices = array_of(SQUARE, 7, 5)
    spoilt = np.concatenate([indices[:-1], [[10**6 + 1, 10**6]]])
    lattice = find_lattice(slide_at(place(indices, SQUARE), indices=spoilt))
    assert (lattice.kind, lattice.found_by) == (SQUARE, "coordinates")
    np.testing.assert_array_equal(lattice.cell_of_spot, indices)


def test_a_single_spot_has_a_lattice() -> None:
    lattice = find_lattice(slide_at(np.array([[5.0, 7.0]]), indices=np.array([[3, 4]])))
    assert (lattice.kind, lattice.shape, lattice.pitch) == (SQUARE, (1, 1), 1)
    assert find_lattice(slide_at(np.array([[5.0, 7.0]]))).kind is LatticeKind.IRREGULAR


@pytest.mark.parametrize("has_array", [True, False])
@pytest.mark.parametrize("kind", [HEXAGONAL, LatticeKind.IRREGULAR])
def test_microns_are_given_where_the_slide_knows_them(kind: LatticeKind, has_array: bool) -> None:
    indices = array_of(HEXAGONAL, 9, 7)
    places = place(indices, HEXAGONAL, pitch=200.0)
    if kind is LatticeKind.IRREGULAR:
        places = np.random.default_rng(0).random(places.shape)
        has_array = False
    slide = slide_at(places, indices=indices if has_array else None, um_per_place=0.5)
    lattice = find_lattice(slide)
    assert lattice.kind is kind
    assert lattice.pitch_um == pytest.approx(0.5 * lattice.pitch)
    assert find_lattice(replace(slide, um_per_place=None)).pitch_um is None


# --- rasterised ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(10))
def test_irregular_places_are_rasterised_without_distortion(seed: int) -> None:
    rng = np.random.default_rng(seed)
    places = rng.random((int(10 ** rng.uniform(1, 3.5)), 2)) * [300.0, 1000.0]
    lattice = find_lattice(slide_at(places))
    assert (lattice.kind, lattice.found_by) == (LatticeKind.IRREGULAR, "rasterised")
    np.testing.assert_allclose(lattice.positions * lattice.pitch, places - places.min(axis=0), atol=1e-2)
    side = (lattice.positions.max(axis=0) / (np.array(lattice.shape) - 0.5)).mean()
    assert np.abs(lattice.positions / side - lattice.cell_of_spot - 0.5).max() < 2


def test_the_pitch_of_irregular_spots_is_the_side_of_the_square_that_each_has() -> None:
    places = np.random.default_rng(0).random((5000, 2)) * 1000
    assert find_lattice(slide_at(places)).pitch == pytest.approx(np.sqrt(1000**2 / 5000), rel=0.05)


def test_cells_of_evenly_spread_irregular_spots_are_larger_and_rarely_shared() -> None:
    rng = np.random.default_rng(0)
    random = find_lattice(slide_at(rng.random((900, 2)) * 30))
    even = find_lattice(slide_at(place(array_of(SQUARE, 30, 30), SQUARE) + rng.uniform(-0.35, 0.35, (900, 2))))
    assert even.kind is LatticeKind.IRREGULAR
    assert even.shared_share <= 0.1
    assert even.tissue.mean() > random.tissue.mean()


def test_a_spot_far_away_does_not_make_the_raster_too_large() -> None:
    places = np.random.default_rng(0).random((50, 2))
    lattice = find_lattice(slide_at(np.concatenate([places, [[1e6, 1e6]]])))
    assert lattice.shape[0] * lattice.shape[1] < 2**25


# --- spots and cells, both ways ------------------------------------------------------------------------


@pytest.fixture(params=[*REGULAR, LatticeKind.IRREGULAR])
def lattice(request: pytest.FixtureRequest) -> Lattice:
    """Return a lattice of each kind, with holes, its spots in random order."""
    if request.param is LatticeKind.IRREGULAR:
        return find_lattice(slide_at(np.random.default_rng(1).random((150, 2)) * [3, 2]))
    indices = with_holes(array_of(request.param, 11, 7), 0.3, seed=1)
    return find_lattice(slide_at(place(indices, request.param), indices=indices))


def test_every_spot_is_found_again_in_its_cell(lattice: Lattice) -> None:
    for spot, (row, col) in enumerate(lattice.cell_of_spot):
        assert spot in lattice.spots_in(row, col)
    first = lattice.spot_at[tuple(lattice.cell_of_spot.T)]
    assert (lattice.cell_of_spot[first] == lattice.cell_of_spot).all()
    assert (first <= np.arange(lattice.n_spots)).all()
    assert (first == np.arange(lattice.n_spots)).all() == (lattice.shared_share == 0)


def test_cells_hold_every_spot_exactly_once(lattice: Lattice) -> None:
    rows, cols = np.indices(lattice.shape)
    np.testing.assert_array_equal(lattice.spots_in(rows, cols), np.arange(lattice.n_spots))
    by_cell = np.concatenate([lattice.spots_in(row, col) for row, col in lattice.occupied])
    np.testing.assert_array_equal(np.sort(by_cell), np.arange(lattice.n_spots))


def test_cells_outside_the_raster_hold_nothing(lattice: Lattice) -> None:
    n_rows, n_cols = lattice.shape
    assert lattice.spots_in(np.array([-1, 0, n_rows]), np.array([0, n_cols, 0])).size == 0


def test_a_square_of_cells_is_given_by_its_rows_and_columns(lattice: Lattice) -> None:
    rows, cols = np.arange(2, 5)[:, None], np.arange(1, 4)
    cell = lattice.cell_of_spot
    inside = (cell[:, 0] >= 2) & (cell[:, 0] < 5) & (cell[:, 1] >= 1) & (cell[:, 1] < 4)
    np.testing.assert_array_equal(lattice.spots_in(rows, cols), np.flatnonzero(inside))


def test_occupied_cells_are_in_row_major_order_and_match_tokens_and_tissue(lattice: Lattice) -> None:
    flat = np.ravel_multi_index(tuple(lattice.occupied.T), lattice.shape)
    assert (np.diff(flat) > 0).all()
    np.testing.assert_array_equal(lattice.occupied[lattice.token_of_spot], lattice.cell_of_spot)
    np.testing.assert_array_equal(np.argwhere(lattice.tissue), lattice.occupied)


def test_the_position_of_a_token_is_the_mean_of_its_spots(lattice: Lattice) -> None:
    for token, (row, col) in enumerate(lattice.occupied):
        mean = lattice.positions[lattice.spots_in(row, col)].mean(axis=0)
        np.testing.assert_allclose(lattice.token_positions[token], mean, rtol=1e-5, atol=1e-6)


def test_counts_of_spots_that_share_a_cell_are_summed(lattice: Lattice) -> None:
    counts = sp.random(lattice.n_spots, 5, density=0.4, format="csr", random_state=0, dtype=np.float32)
    sums = sum_by_cell(counts, lattice)
    assert sums.shape == (len(lattice.occupied), 5)
    assert sums.dtype == counts.dtype
    for token, (row, col) in enumerate(lattice.occupied):
        true = counts[lattice.spots_in(row, col)].sum(axis=0)
        np.testing.assert_allclose(sums[token].toarray(), true, rtol=1e-6)


def test_selected_spots_keep_their_cells_and_positions(lattice: Lattice) -> None:
    spots = np.random.default_rng(0).permutation(lattice.n_spots)[:20]
    selected = lattice.select(spots)
    np.testing.assert_array_equal(selected.cell_of_spot, lattice.cell_of_spot[spots])
    np.testing.assert_array_equal(selected.positions, lattice.positions[spots])
    assert selected.shape == lattice.shape
    assert selected.tissue.sum() == len(selected.occupied) <= 20


def test_the_shared_share_counts_spots_not_cells() -> None:
    lattice = Lattice(
        kind=LatticeKind.IRREGULAR,
        shape=(1, 3),
        cell_of_spot=np.array([[0, 0], [0, 2], [0, 0], [0, 2], [0, 0], [0, 1]], dtype=np.int32),
        positions=np.zeros((6, 2), dtype=np.float32),
        pitch=1.0,
        pitch_um=None,
        found_by="rasterised",
    )
    assert lattice.shared_share == pytest.approx(5 / 6)
