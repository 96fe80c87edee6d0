import numpy as np
import pytest
import scipy.sparse as sp
from numpy.typing import NDArray

from napari_stimg import spatial_components as module
from napari_stimg.expression import log_expression
from napari_stimg.spatial_components import N_COMPONENTS, spatial_components, variable_genes

GRID = np.indices((20, 25)).reshape(2, -1).T.astype(np.float32)
N_GENES = 40


def planted(*, seed: int = 0) -> tuple[sp.csr_matrix, NDArray[np.float64]]:
    """Return counts of 500 cells whose first ten genes follow a wave over the section, and the wave.

    Genes 10 to 19 vary more, and together, but from cell to cell only.
    """
    rng = np.random.default_rng(seed)
    wave = np.sin(GRID[:, 1] / 4)
    jitter = rng.standard_normal(len(GRID))
    rate = np.full((len(GRID), N_GENES), 60.0)
    rate[:, :10] *= np.exp(0.4 * wave)[:, None]
    rate[:, 10:20] *= np.exp(0.6 * jitter)[:, None]
    return sp.csr_matrix(rng.poisson(rate).astype(np.float32)), wave


def test_the_first_component_is_what_neighbours_share_not_what_varies_most() -> None:
    counts, wave = planted()
    genes = variable_genes(counts)
    found = spatial_components(genes, GRID)
    assert abs(np.corrcoef(found.scores[:, 0], wave)[0, 1]) > 0.9
    weights = np.abs(found.directions[np.argsort(genes.columns), 0])
    assert weights[:10].min() > 2 * weights[10:].max()


def test_scores_are_standardised_expression_along_the_directions() -> None:
    counts, _ = planted()
    genes = variable_genes(counts)
    found = spatial_components(genes, GRID)
    values = log_expression(counts).toarray()[:, genes.columns]
    standardised = (values - values.mean(axis=0)) / genes.scale
    np.testing.assert_allclose(standardised @ found.directions, found.scores, atol=1e-4)
    np.testing.assert_allclose(genes.scale, values.std(axis=0), rtol=1e-4)
    gram = found.directions.T @ found.directions
    np.testing.assert_allclose(gram, np.eye(len(gram)), atol=1e-5)


def test_the_order_of_cells_and_how_many_are_made_dense_do_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    counts, _ = planted()
    found = spatial_components(variable_genes(counts), GRID)
    order = np.random.default_rng(1).permutation(len(GRID))
    monkeypatch.setattr(module, "CELLS_AT_ONCE", 64)
    shuffled = spatial_components(variable_genes(counts[order]), GRID[order])
    np.testing.assert_allclose(np.abs(found.scores[order, :3]), np.abs(shuffled.scores[:, :3]), atol=2e-3)


def test_components_of_a_large_section_are_fitted_to_a_part_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_CELLS", 200)
    counts, wave = planted()
    found = spatial_components(variable_genes(counts), GRID)
    assert found.scores.shape[0] == len(GRID)
    assert abs(np.corrcoef(found.scores[:, 0], wave)[0, 1]) > 0.85
    assert not np.allclose(
        found.directions[:, 0], spatial_components(variable_genes(counts), GRID, seed=1).directions[:, 0]
    )


@pytest.mark.parametrize("n_cells", [1, 2, 3, 7])
def test_few_cells_have_few_components_or_none(n_cells: int) -> None:
    counts, _ = planted()
    found = spatial_components(variable_genes(counts[:n_cells]), GRID[:n_cells])
    assert found.scores.shape == (n_cells, found.directions.shape[1])
    assert found.directions.shape[1] <= N_COMPONENTS
    assert np.isfinite(found.scores).all()


def test_one_cell_shares_nothing() -> None:
    counts, _ = planted()
    assert spatial_components(variable_genes(counts[:1]), GRID[:1]).directions.shape == (N_GENES, 0)
