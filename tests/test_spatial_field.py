import numpy as np
import pytest
import scipy.sparse as sp

from napari_stimg.expression import log_expression
from napari_stimg.spatial_components import spatial_components
from napari_stimg.spatial_field import spatial_field

GRID = np.indices((20, 25)).reshape(2, -1).T.astype(np.float32)
EVERYWHERE = [np.arange(len(GRID))]


def counts_of(amplitude: float) -> sp.csr_matrix:
    """Return counts of 500 cells and 40 genes, of which the first ten follow a wave over the section."""
    rate = np.full((len(GRID), 40), 40.0)
    rate[:, :10] *= np.exp(amplitude * np.sin(GRID[:, [1]] / 4))
    return sp.csr_matrix(np.random.default_rng(0).poisson(rate).astype(np.float32))


def test_what_lies_in_a_hole_is_foretold_from_around_it() -> None:
    counts = counts_of(0.5)
    hole = np.linalg.norm(GRID - [10, 12], axis=1) < 3
    field = spatial_field(counts[~hole], GRID[~hole], [np.arange(np.count_nonzero(~hole))])
    expected = field.krige(np.arange(np.count_nonzero(~hole)), GRID[hole]) @ field.loadings.T
    truth = log_expression(counts[hole]).toarray() - log_expression(counts[~hole]).toarray().mean(axis=0)
    follows, flat = slice(0, 10), slice(10, 40)
    assert np.square(truth - expected)[:, follows].mean() < 0.7 * np.square(truth)[:, follows].mean()
    assert np.square(expected)[:, flat].mean() < 0.2 * np.square(expected)[:, follows].mean()


def test_most_components_of_cells_without_a_pattern_are_left_out() -> None:
    assert spatial_components(counts_of(0.0), GRID).scores.shape[1] > 5
    assert spatial_field(counts_of(0.0), GRID, EVERYWHERE).scores.shape[1] <= 1
    assert 1 <= spatial_field(counts_of(0.5), GRID, EVERYWHERE).scores.shape[1] <= 3


def test_places_are_kriged_from_the_cells_that_are_shown_alone() -> None:
    counts = counts_of(0.5)
    field = spatial_field(counts, GRID, EVERYWHERE)
    shown = np.flatnonzero(GRID[:, 0] < 10)
    before = field.krige(shown, GRID[-5:])
    field.scores[GRID[:, 0] >= 10] = np.nan
    np.testing.assert_array_equal(field.krige(shown, GRID[-5:]), before)


@pytest.mark.parametrize("n_cells", [1, 2, 3])
def test_few_cells_have_a_field_of_nothing_much(n_cells: int) -> None:
    field = spatial_field(counts_of(0.5)[:n_cells], GRID[:n_cells], [np.arange(n_cells)])
    kriged = field.krige(np.arange(n_cells), GRID[5:8])
    assert kriged.shape == (3, field.scores.shape[1])
    assert np.isfinite(kriged).all()
    assert np.isfinite(field.loadings).all()
