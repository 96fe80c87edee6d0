from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
from numpy.typing import NDArray

from napari_stimg import spatial_field
from napari_stimg.expression import log_expression
from napari_stimg.halves import first_half
from napari_stimg.spatial_components import SpatialComponents, spatial_components, variable_genes
from napari_stimg.spatial_field import SpatialField, spatial_fields

GRID = np.indices((20, 25)).reshape(2, -1).T.astype(np.float32)
EVERYWHERE = np.arange(len(GRID))


def counts_of(amplitude: float, *, seed: int = 0) -> sp.csr_matrix:
    """Return counts of 500 cells and 40 genes, of which the first ten follow a wave over the section."""
    rate = np.full((len(GRID), 40), 40.0)
    rate[:, :10] *= np.exp(amplitude * np.sin(GRID[:, [1]] / 4))
    return sp.csr_matrix(np.random.default_rng(seed).poisson(rate).astype(np.float32))


def whole_field(counts: sp.csr_matrix, places: NDArray[np.float32]) -> SpatialField:
    return spatial_fields(counts, places, [np.arange(len(places))]).whole


def test_what_lies_in_a_hole_is_foretold_from_around_it() -> None:
    counts = counts_of(0.5)
    hole = np.linalg.norm(GRID - [10, 12], axis=1) < 3
    field = whole_field(counts[~hole], GRID[~hole])
    expected = field.krige(np.arange(np.count_nonzero(~hole)), GRID[hole]) @ field.loadings.T
    truth = log_expression(counts[hole]).toarray() - log_expression(counts[~hole]).toarray().mean(axis=0)
    follows, flat = slice(0, 10), slice(10, 40)
    assert np.square(truth - expected)[:, follows].mean() < 0.7 * np.square(truth)[:, follows].mean()
    assert np.square(expected)[:, flat].mean() < 0.2 * np.square(expected)[:, follows].mean()


def test_most_components_of_cells_without_a_pattern_are_left_out() -> None:
    assert spatial_components(variable_genes(counts_of(0.0)), GRID).scores.shape[1] > 5
    assert whole_field(counts_of(0.0), GRID).scores.shape[1] <= 1
    assert 1 <= whole_field(counts_of(0.5), GRID).scores.shape[1] <= 3


def test_places_are_kriged_from_the_cells_that_are_shown_alone() -> None:
    counts = counts_of(0.5)
    field = whole_field(counts, GRID)
    shown = np.flatnonzero(GRID[:, 0] < 10)
    before = field.krige(shown, GRID[-5:])
    field.scores[GRID[:, 0] >= 10] = np.nan
    np.testing.assert_array_equal(field.krige(shown, GRID[-5:]), before)


def test_cells_are_practised_by_components_that_they_had_no_part_in() -> None:
    counts = counts_of(0.5)
    cells = np.arange(100, 120)
    shown = np.setdiff1d(EVERYWHERE, cells)
    fields = spatial_fields(counts, GRID, [EVERYWHERE])
    kriged = fields.practise(shown, cells)
    n_first = fields.of_half[0].scores.shape[1]
    in_first = first_half(cells)
    assert kriged.shape == (20, fields.kriged_genes.practised.shape[1])
    assert not kriged[in_first, :n_first].any()
    assert not kriged[~in_first, n_first:].any()

    other = counts.copy()
    other.data[np.repeat(~first_half(EVERYWHERE), np.diff(counts.indptr))] += 50  # the second half's cells
    changed = spatial_fields(other, GRID, [EVERYWHERE])
    direction = np.linalg.norm(fields.of_half[0].loadings[:, 0])
    assert direction > 0
    same = np.corrcoef(fields.of_half[0].loadings[:, 0], changed.of_half[0].loadings[:, 0])[0, 1]
    assert abs(same) > 0.999


def test_practice_is_not_flattered_by_components_that_fit_chance(monkeypatch: pytest.MonkeyPatch) -> None:
    def all_components(*args: Any, above_shuffled: bool, **kwargs: Any) -> SpatialComponents:
        return spatial_components(*args, **kwargs)

    monkeypatch.setattr(spatial_field, "spatial_components", all_components)
    counts = counts_of(0.0)
    fields = spatial_fields(counts, GRID, [EVERYWHERE])
    truth = log_expression(counts).toarray()
    truth -= truth.mean(axis=0)
    cells = np.random.default_rng(2).permutation(EVERYWHERE)[:100]
    shown = np.setdiff1d(EVERYWHERE, cells)
    by_whole = fields.whole.krige(shown, GRID[cells]) @ fields.whole.loadings.T
    practised = fields.practise(shown, cells) @ fields.kriged_genes.practised.T
    assert (truth[cells] * by_whole).sum() > 0.5 * np.square(by_whole).sum()
    assert abs((truth[cells] * practised).sum()) < 0.2 * np.square(practised).sum()


@pytest.mark.parametrize("n_cells", [1, 2, 3])
def test_few_cells_have_a_field_of_nothing_much(n_cells: int) -> None:
    field = whole_field(counts_of(0.5)[:n_cells], GRID[:n_cells])
    kriged = field.krige(np.arange(n_cells), GRID[5:8])
    assert kriged.shape == (3, field.scores.shape[1])
    assert np.isfinite(kriged).all()
    assert np.isfinite(field.loadings).all()
