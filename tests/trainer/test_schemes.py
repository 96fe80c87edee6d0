from dataclasses import replace

import numpy as np
import pytest

from napari_stimg.lattice import Lattice, find_lattice
from tests.corpus_slides import KINDS, corpus_slide
from trainer.config import CropConfig
from trainer.schemes import draw_groups

CROPS = CropConfig(neighbours=6, tokens=31)
LATTICES = [find_lattice(corpus_slide(kind=kind, shape=(11, 9))) for kind in KINDS]


def drawn(lattice: Lattice, scheme: str, *, side: int = 5, seed: int = 0, **change: int) -> list[np.ndarray]:
    crops = replace(CROPS, scheme=scheme, **change)
    return draw_groups(lattice, side, crops, np.random.default_rng(seed))


@pytest.mark.parametrize("lattice", LATTICES, ids=KINDS)
def test_a_patch_is_all_cells_of_one_square(lattice: Lattice) -> None:
    for seed in range(20):
        (group,) = drawn(lattice, "patch", seed=seed)
        cells = lattice.occupied[group]
        least, most = cells.min(axis=0), cells.max(axis=0)
        assert (most - least < 5).all()
        inside = ((lattice.occupied >= least) & (lattice.occupied <= most)).all(axis=1)
        np.testing.assert_array_equal(group, np.flatnonzero(inside))


@pytest.mark.parametrize("lattice", LATTICES, ids=KINDS)
def test_spots_stand_alone_and_come_from_anywhere(lattice: Lattice) -> None:
    groups = drawn(lattice, "spot", side=20)
    assert len(groups) == 400
    assert {group.shape for group in groups} == {(1,)}
    found = np.bincount(np.concatenate(groups), minlength=len(lattice.occupied))
    assert (found > 0).mean() > 0.95


@pytest.mark.parametrize("lattice", LATTICES, ids=KINDS)
def test_a_neighbourhood_is_a_cell_and_those_nearest_to_it(lattice: Lattice) -> None:
    places = lattice.token_positions.astype(np.float64)
    distance = np.linalg.norm(places[:, None] - places, axis=2)
    groups = drawn(lattice, "neighbourhood", side=9)
    assert len(groups) == 81 // 7
    for group in groups:
        assert len(set(group.tolist())) == 7
        assert (np.diff(group) > 0).all()
        reach = np.sort(distance, axis=1)[:, 6]  # 0 is the cell itself
        assert any((distance[centre, group] <= reach[centre] + 1e-5).all() for centre in group)
    assert len({tuple(group) for group in groups}) > 5


@pytest.mark.parametrize("lattice", LATTICES, ids=KINDS)
def test_a_slide_is_every_cell_or_a_random_part_of_more(lattice: Lattice) -> None:
    (whole,) = drawn(lattice, "slide", tokens=1000)
    np.testing.assert_array_equal(whole, np.arange(len(lattice.occupied)))
    (part,), (other,) = (drawn(lattice, "slide", seed=seed) for seed in (0, 1))
    assert part.size == np.unique(part).size == 31
    assert (np.diff(part) > 0).all()
    assert not np.array_equal(part, other)


def test_neighbours_are_as_many_as_there_are() -> None:
    lattice = LATTICES[0]
    n_cells = len(lattice.occupied)
    groups = drawn(lattice, "neighbourhood", neighbours=n_cells + 5)
    assert len(groups) == 1
    np.testing.assert_array_equal(groups[0], np.arange(n_cells))


@pytest.mark.parametrize("scheme", ["patch", "spot", "neighbourhood"])
def test_larger_sides_take_more_cells(scheme: str) -> None:
    small, large = (sum(map(len, drawn(LATTICES[0], scheme, side=side))) for side in (3, 8))
    assert small <= 9 < large <= 64


@pytest.mark.parametrize("scheme", ["patch", "spot", "neighbourhood", "slide"])
def test_equal_seeds_draw_equal_groups(scheme: str) -> None:
    first, second = (drawn(LATTICES[1], scheme, seed=4) for _ in range(2))
    assert len(first) == len(second)
    for group, same in zip(first, second, strict=True):
        np.testing.assert_array_equal(group, same)
