import numpy as np
import pytest
from numpy.typing import NDArray

from napari_stimg.lattice import LatticeKind, find_lattice
from napari_stimg.pitch import find_grid
from tests.synthetic_lattices import (
    CHECKERBOARD,
    HEXAGONAL,
    REGULAR,
    SQUARE,
    array_of,
    assert_same_up_to_turn_and_shift,
    neighbour_distances,
    place,
    slide_at,
    with_holes,
)


@pytest.mark.parametrize("seed", range(30))
def test_coordinates_give_back_the_lattice_at_any_turn_with_jitter_and_holes(seed: int) -> None:
    rng = np.random.default_rng(seed)
    kind = REGULAR[seed % 3]
    full = array_of(kind, *rng.integers(7, 40, size=2))
    indices = with_holes(full, 0.3, seed=seed)
    turn_deg, pitch = rng.uniform(0, 360), 10 ** rng.uniform(-2, 4)
    places = place(indices, kind, pitch=pitch, turn_deg=turn_deg, jitter=0.05, seed=seed)

    lattice = find_lattice(slide_at(places))

    assert lattice.found_by == "coordinates"
    assert (lattice.kind is HEXAGONAL) == (kind is HEXAGONAL)
    assert lattice.shared_share == 0
    assert lattice.pitch == pytest.approx(pitch, rel=0.02)
    true = find_lattice(slide_at(places, indices=indices))
    assert_same_up_to_turn_and_shift(lattice.positions, true.positions)


@pytest.mark.parametrize("kind", REGULAR)
def test_upright_coordinates_give_back_the_very_cells(kind: LatticeKind) -> None:
    indices = with_holes(array_of(kind, 12, 17), 0.1)
    places = place(indices, kind, pitch=13.0, turn_deg=2, jitter=0.05)
    found = find_lattice(slide_at(places))
    true = find_lattice(slide_at(places, indices=indices))
    assert found.kind is kind
    np.testing.assert_array_equal(found.cell_of_spot, true.cell_of_spot)
    np.testing.assert_array_equal(found.positions, true.positions)


@pytest.mark.parametrize(("turn_deg", "kind"), [(-50, CHECKERBOARD), (38, CHECKERBOARD), (30, SQUARE), (60, SQUARE)])
def test_a_square_lattice_on_its_corners_is_a_checkerboard(turn_deg: float, kind: LatticeKind) -> None:
    places = place(array_of(SQUARE, 13, 8), SQUARE, turn_deg=turn_deg)
    lattice = find_lattice(slide_at(places))
    assert lattice.kind is kind
    np.testing.assert_allclose(neighbour_distances(lattice.positions, 1), 1, rtol=1e-6)


def test_islands_of_tissue_lie_on_one_lattice() -> None:
    full = array_of(HEXAGONAL, 40, 40)
    indices = full[(full[:, 0] < 12) | (full[:, 0] > 25)]
    places = place(indices, HEXAGONAL, turn_deg=11, jitter=0.05)
    true = find_lattice(slide_at(places, indices=indices))
    assert_same_up_to_turn_and_shift(find_lattice(slide_at(places)).positions, true.positions)


@pytest.mark.parametrize(
    "places",
    [
        place(array_of(SQUARE, 9, 9), SQUARE) * [1.4, 1.0],  # neighbours along one axis only
        place(array_of(SQUARE, 9, 9), SQUARE) @ np.array([[1.0, 0.25], [0.0, 1.0]]),  # 75 degrees
        np.stack([np.arange(20.0), np.zeros(20)], axis=1),
        np.zeros((20, 2)),
        np.random.default_rng(0).random((400, 2)),
    ],
    ids=["stretched", "sheared", "on a line", "at one place", "random"],
)
def test_places_on_no_square_or_hexagonal_lattice_have_no_grid(places: NDArray[np.float64]) -> None:
    assert find_grid(places) is None
