import numpy as np
import pytest
import scipy.sparse as sp
from numpy.typing import NDArray

from napari_stimg.expression import log_expression
from napari_stimg.halves import first_half
from napari_stimg.spatial_field import ALL, FIRST_HALF, SpatialField, spatial_field

GRID = np.indices((20, 25)).reshape(2, -1).T.astype(np.float32)
EVERYWHERE = np.arange(len(GRID))


def counts_of(amplitude: float, *, seed: int = 0) -> sp.csr_matrix:
    """Return counts of 500 cells and 40 genes, of which the first ten follow a wave over the section."""
    rate = np.full((len(GRID), 40), 40.0)
    rate[:, :10] *= np.exp(amplitude * np.sin(GRID[:, [1]] / 4))
    return sp.csr_matrix(np.random.default_rng(seed).poisson(rate).astype(np.float32))


def field_of(counts: sp.csr_matrix, places: NDArray[np.float32]) -> SpatialField:
    return spatial_field(counts, places, [np.arange(len(places))])


def test_what_lies_in_a_hole_is_foretold_from_around_it() -> None:
    counts = counts_of(0.5)
    hole = np.linalg.norm(GRID - [10, 12], axis=1) < 3
    field = field_of(counts[~hole], GRID[~hole])
    expected = field.krige(np.arange(np.count_nonzero(~hole)), GRID[hole]) @ field.kriged_genes.loadings.T
    truth = log_expression(counts[hole]).toarray() - log_expression(counts[~hole]).toarray().mean(axis=0)
    follows, flat = slice(0, 10), slice(10, 40)
    assert np.square(truth - expected)[:, follows].mean() < 0.7 * np.square(truth)[:, follows].mean()
    assert np.square(expected)[:, flat].mean() < 0.2 * np.square(expected)[:, follows].mean()


def test_hardly_anything_is_kriged_of_cells_without_a_pattern() -> None:
    counts = counts_of(0.0)
    field = field_of(counts[100:], GRID[100:])
    expected = field.krige(np.arange(400), GRID[:100]) @ field.kriged_genes.loadings.T
    noise = log_expression(counts).toarray().var(axis=0).mean()
    assert np.square(expected).mean() < 0.02 * noise


def test_loadings_are_directions_of_genes_that_components_are_found_in() -> None:
    counts = counts_of(0.5)
    field = field_of(counts, GRID)
    values = log_expression(counts).toarray()
    scaled = field.loadings[:, field.found_in == ALL] / values.std(axis=0)[:, None]
    np.testing.assert_allclose(scaled.T @ scaled, np.eye(field.n_components), atol=2e-3)


def test_places_are_kriged_from_the_cells_that_are_shown_alone() -> None:
    counts = counts_of(0.5)
    field = field_of(counts, GRID)
    shown = np.flatnonzero(GRID[:, 0] < 10)
    before = field.krige(shown, GRID[-5:])
    field.scores[GRID[:, 0] >= 10] = np.nan
    np.testing.assert_array_equal(field.krige(shown, GRID[-5:]), before)


def test_cells_are_practised_by_components_that_they_had_no_part_in() -> None:
    counts = counts_of(0.5)
    cells = np.arange(100, 120)
    shown = np.setdiff1d(EVERYWHERE, cells)
    field = field_of(counts, GRID)
    kriged = field.practise(shown, cells)
    of_first = field.found_in[field.found_in != ALL] == FIRST_HALF
    in_first = first_half(cells)
    assert kriged.shape == (20, field.kriged_genes.practised.shape[1])
    assert not kriged[np.ix_(in_first, of_first)].any()
    assert not kriged[np.ix_(~in_first, ~of_first)].any()

    other = counts.copy()
    other.data[np.repeat(~first_half(EVERYWHERE), np.diff(counts.indptr))] += 50  # the second half's cells
    first, changed = (found.loadings[:, found.found_in == FIRST_HALF][:, 0] for found in (field, field_of(other, GRID)))
    assert np.linalg.norm(first) > 0
    assert abs(np.corrcoef(first, changed)[0, 1]) > 0.99


def test_practice_is_not_flattered_by_components_that_fit_chance() -> None:
    counts = counts_of(0.0)
    field = field_of(counts, GRID)
    truth = log_expression(counts).toarray()
    truth -= truth.mean(axis=0)
    cells = np.random.default_rng(2).permutation(EVERYWHERE)[:100]
    practised = field.practise(np.setdiff1d(EVERYWHERE, cells), cells) @ field.kriged_genes.practised.T
    assert abs((truth[cells] * practised).sum()) < 0.02 * np.square(truth[cells]).sum()


@pytest.mark.parametrize("n_cells", [2, 3])
def test_few_cells_have_a_field_of_nothing_much(n_cells: int) -> None:
    field = field_of(counts_of(0.5)[:n_cells], GRID[:n_cells])
    kriged = field.krige(np.arange(n_cells), GRID[5:8])
    assert kriged.shape == (3, field.n_components)
    assert np.isfinite(kriged).all()
    assert np.isfinite(field.loadings).all()
