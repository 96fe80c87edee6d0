"""Where nothing was measured inside the tissue, and what is expected there."""

from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse as sp

from napari_stimg.display import extend_raster, spot_raster
from napari_stimg.errors import InputError
from napari_stimg.holes import empty_cells, fill_holes, with_cells
from napari_stimg.inference import reconstruct
from napari_stimg.lattice import Lattice, LatticeKind, find_lattice
from napari_stimg.progress import run
from napari_stimg.slide import Slide
from tests.known_slides import (
    SMALL_WINDOWS,
    block,
    checkpoint_of,
    irregular_checkpoint,
    irregular_slide,
    simulated_slide,
    slide_of,
    wavy_slide,
)


def square(tissue: np.ndarray) -> Lattice:
    """Return the lattice of a square array with a spot wherever (H, W) tissue is True."""
    indices = np.argwhere(tissue)
    counts = np.ones((len(indices), 2))
    return find_lattice(slide_of(counts, places=indices.astype(np.float64), array_indices=indices))


def without(slide: Slide, mask: np.ndarray) -> Slide:
    """Return the slide without these spots."""
    return slide.select(~mask)


def test_an_enclosed_hole_of_any_size_is_found_exactly() -> None:
    tissue = np.ones((20, 24), dtype=np.bool_)
    tissue[4:14, 5:17] = False
    np.testing.assert_array_equal(empty_cells(square(tissue)), np.argwhere(~tissue))


def test_a_narrow_tear_is_inside_and_a_wide_bay_is_outside() -> None:
    torn, bay = np.ones((20, 24), dtype=np.bool_), np.ones((20, 24), dtype=np.bool_)
    torn[:12, 10] = False
    bay[:12, 6:18] = False
    found = empty_cells(square(torn))
    assert len(found) >= 10
    assert not torn[tuple(found.T)].any()
    middle_of_bay = (empty_cells(square(bay)) == [3, 12]).all(axis=1)
    assert not middle_of_bay.any()


def test_whole_tissue_has_no_hole() -> None:
    assert len(empty_cells(square(np.ones((7, 9), dtype=np.bool_)))) == 0


def test_irregular_sections_have_no_empty_cells() -> None:
    lattice = find_lattice(irregular_slide())
    assert lattice.kind is LatticeKind.IRREGULAR
    assert empty_cells(lattice).shape == (0, 2)


@pytest.mark.parametrize("make", [simulated_slide, wavy_slide])
@pytest.mark.parametrize("first", [0, 1])
def test_a_further_place_is_where_its_spot_would_be(make, first: int) -> None:
    lattice = find_lattice(make())
    kept = np.arange(lattice.n_spots) % 3 != first
    further = with_cells(lattice.select(kept), lattice.cell_of_spot[~kept])
    np.testing.assert_allclose(further.positions[kept.sum() :], lattice.positions[~kept], atol=1e-5)


def test_a_hole_is_filled_as_its_spots_are_reconstructed_when_hidden() -> None:
    slide = wavy_slide()
    hole = block(slide, row=15, col=12, side=6)
    checkpoint = checkpoint_of(slide, active=True)
    filled = run(fill_holes(without(slide, hole), checkpoint, genes=["GENE3"], params=SMALL_WINDOWS))
    hidden = run(reconstruct(slide, hole, checkpoint, genes=["GENE3"], params=SMALL_WINDOWS))
    assert len(filled.places) == hole.sum()
    np.testing.assert_allclose(filled.expected, hidden.expected, atol=1e-4)


def test_spots_without_counts_are_filled_and_do_not_tell_of_others() -> None:
    slide = wavy_slide()
    empty = block(slide, row=15, col=12, side=4)
    checkpoint = checkpoint_of(slide, active=True)
    silent = replace(slide, counts=sp.csr_matrix(slide.counts.multiply(~empty[:, None])))
    filled = run(fill_holes(silent, checkpoint, genes=["GENE3"], params=SMALL_WINDOWS))
    np.testing.assert_array_equal(filled.places, np.flatnonzero(empty))
    hidden = run(reconstruct(slide, empty, checkpoint, genes=["GENE3"], params=SMALL_WINDOWS))
    np.testing.assert_allclose(filled.expected, hidden.expected, atol=1e-4)


def test_irregular_spots_without_counts_are_filled() -> None:
    slide = irregular_slide()
    empty = np.arange(slide.n_spots) < 5
    silent = replace(slide, counts=sp.csr_matrix(slide.counts.multiply(~empty[:, None])))
    filled = run(fill_holes(silent, irregular_checkpoint(), params=SMALL_WINDOWS))
    np.testing.assert_array_equal(filled.places, np.flatnonzero(empty))
    assert np.isfinite(filled.expected).all()


def test_nothing_to_fill_is_said() -> None:
    slide = wavy_slide()
    with pytest.raises(InputError, match="found none inside the tissue; there is nothing to fill"):
        run(fill_holes(slide, checkpoint_of(slide)))


@pytest.mark.parametrize("make", [simulated_slide, wavy_slide])
def test_a_hole_is_drawn_where_its_spots_were(make) -> None:
    slide = make()
    hole = block(slide, row=12, col=9, side=5)
    torn, whole = without(slide, hole), find_lattice(slide)
    lattice = find_lattice(torn)
    extended = with_cells(lattice, whole.cell_of_spot[hole])
    raster = extend_raster(spot_raster(torn, lattice), torn, lattice, extended)
    drawn = spot_raster(slide, whole)
    expected = np.isin(drawn.idmap, np.flatnonzero(hole))
    assert raster.idmap.shape == drawn.idmap.shape
    np.testing.assert_array_equal(raster.idmap >= torn.n_spots, expected)
