"""Where spots are hidden."""

import numpy as np
import pytest

from napari_stimg.lattice import find_lattice
from tests.known_slides import irregular_slide, simulated_slide, wavy_slide
from trainer.evaluation.parameters import EvaluateParameters
from trainer.evaluation.squares import hidings, scattered, squares

FULL = find_lattice(wavy_slide())  # 40 x 36 cells, all full


@pytest.mark.parametrize("side", [1, 4, 14])
def test_a_square_hides_all_of_its_cells(side: int) -> None:
    masks = squares(FULL, side, EvaluateParameters(n_squares=6))
    assert len(masks) == 6
    for mask in masks:
        cells = FULL.cell_of_spot[mask]
        assert len(cells) == side**2
        assert np.ptp(cells, axis=0).tolist() == [side - 1, side - 1]


def test_squares_are_at_different_places_that_the_seed_changes() -> None:
    first, again, other = (squares(FULL, 4, EvaluateParameters(seed=seed)) for seed in (0, 0, 1))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    assert len({mask.tobytes() for mask in first}) == 20


def test_squares_are_as_full_of_tissue_as_is_asked() -> None:
    lattice = find_lattice(simulated_slide())
    full = squares(lattice, 6, EvaluateParameters(min_tissue=1.0, n_squares=1000))
    most = squares(lattice, 6, EvaluateParameters(min_tissue=0.9, n_squares=1000))
    assert {mask.sum() for mask in full} == {36}
    assert min(mask.sum() for mask in most) >= 0.9 * 36
    assert len(most) > len(full) > 0


def test_squares_of_irregular_sections_are_measured_in_pitches() -> None:
    lattice = find_lattice(irregular_slide())
    for mask in squares(lattice, 5, EvaluateParameters()):
        assert (np.ptp(lattice.positions[mask], axis=0) <= 5).all()


def test_a_section_without_room_has_no_squares() -> None:
    assert squares(FULL, 37, EvaluateParameters()) == []
    assert squares(FULL, 30, EvaluateParameters()) == []  # would hide more than half of the section


def test_scattered_spots_are_as_many_as_asked_or_a_fifth() -> None:
    many, few = np.indices((50, 100)).reshape(2, -1).T, np.indices((15, 20)).reshape(2, -1).T
    assert scattered(many, EvaluateParameters()).sum() == 200
    assert scattered(many, EvaluateParameters(n_scattered=7)).sum() == 7
    assert scattered(few, EvaluateParameters()).sum() == 60
    assert not np.array_equal(scattered(few, EvaluateParameters()), scattered(few, EvaluateParameters(seed=1)))


def test_scattered_spots_are_the_same_in_whatever_order_they_come() -> None:
    positions = np.random.default_rng(0).uniform(0, 30, (300, 2))
    order = np.random.default_rng(1).permutation(300)
    params = EvaluateParameters()
    np.testing.assert_array_equal(scattered(positions[order], params), scattered(positions, params)[order])


def test_ways_of_hiding_are_named_after_what_they_hide() -> None:
    ways = hidings(FULL, EvaluateParameters(sides=(1, 4, 99), n_squares=3))
    assert [(way.name, way.side, len(way.masks)) for way in ways] == [("1 x 200", 1, 1), ("1", 1, 3), ("4", 4, 3)]
