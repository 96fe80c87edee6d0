from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
import torch
from numpy.typing import NDArray
from scipy.linalg import subspace_angles

from napari_stimg.lattice import find_lattice
from napari_stimg.model import MAEConfig, MaskedAutoencoder
from napari_stimg.tokens import TokenTable, token_table
from napari_stimg.vocabulary import Vocabulary, normal_name
from sample_data.tissue import smooth_field
from tests.known_slides import simulated_slide
from trainer.loadings import LoadingsParameters, extend_loadings, factors_of, fit_loadings, neighbour_average
from trainer.objective import start_from_loadings

N_GENES = 60
PARAMS = LoadingsParameters(ridge=0.3)
WIDTH = 6


def planted_table(
    loadings: NDArray[np.floating], *, ids: NDArray[np.integer] | None = None, seed: int = 0
) -> TokenTable:
    """Return a 25 x 24 section whose genes follow smooth fields by these (G, 3) loadings, with a rough field beside.

    The rough field, a fourth factor, is stronger than the others but differs from cell to cell.
    """
    rng = np.random.default_rng(seed)
    ids = np.arange(len(loadings)) if ids is None else ids
    positions = np.indices((25, 24)).reshape(2, -1).T.astype(np.float32)
    fields = np.stack([smooth_field(positions, 12.0, rng) for _ in range(loadings.shape[1])], axis=1)
    rough = 4.0 * rng.standard_normal((600, 1)) @ np.random.default_rng(99).standard_normal((1, N_GENES))[:, ids] / 8
    values = 5.0 + fields @ loadings.T + rough + 0.5 * rng.standard_normal((600, len(ids)))
    return TokenTable(
        expression=sp.csr_matrix(values.astype(np.float32)),
        ids=ids.astype(np.int64),
        mean=values.mean(axis=0).astype(np.float32),
        precision=(1 / values.var(axis=0)).astype(np.float32),
        positions=positions,
    )


TRUE_LOADINGS = np.random.default_rng(1).standard_normal((N_GENES, 3))


def angle_deg(found: NDArray[np.floating], true: NDArray[np.floating]) -> float:
    """Return the largest angle between the spaces that two sets of loadings span."""
    return float(np.degrees(subspace_angles(found, true).max()))


def test_the_factors_that_neighbours_share_are_found_and_the_strongest_noise_is_not() -> None:
    found = fit_loadings([planted_table(TRUE_LOADINGS)], N_GENES, width=WIDTH, params=PARAMS)
    assert found.shape == (N_GENES, 6)
    assert found.dtype == np.float32
    assert angle_deg(found[:, :3], TRUE_LOADINGS) < 12
    assert np.abs(found[:, 3:]).max() < 0.01 * np.abs(found[:, :3]).max()


def test_genes_measured_on_different_sections_meet_in_one_space() -> None:
    first, second = np.arange(40), np.arange(20, 60)
    tables = [
        planted_table(TRUE_LOADINGS[first], ids=first),
        planted_table(TRUE_LOADINGS[second], ids=second, seed=1),
    ]
    assert angle_deg(fit_loadings(tables, N_GENES, width=WIDTH, params=PARAMS)[:, :3], TRUE_LOADINGS) < 12


def test_genes_that_no_section_measured_have_no_loadings() -> None:
    found = fit_loadings([planted_table(TRUE_LOADINGS)], N_GENES + 5, width=WIDTH, params=PARAMS)
    np.testing.assert_array_equal(found[N_GENES:], 0)


def test_loadings_are_those_of_factors_of_unit_variance_strongest_first() -> None:
    loadings = TRUE_LOADINGS * [0.3, 1.0, 2.0]
    found = fit_loadings([planted_table(loadings)], N_GENES, width=WIDTH, params=PARAMS)
    planted = np.linalg.norm(loadings, axis=0)[::-1]
    np.testing.assert_allclose(np.linalg.norm(found, axis=0)[:3], planted, rtol=0.15)
    assert angle_deg(found[:, :3], loadings) < 8


@pytest.mark.parametrize("change", [{"n_iterations": 2}, {"sigma": 3.0}, {"ridge": 300.0}], ids=str)
def test_every_parameter_changes_the_loadings(change: dict[str, Any]) -> None:
    table, params = planted_table(TRUE_LOADINGS), replace(PARAMS, n_iterations=3)
    found, other = (
        fit_loadings([table], N_GENES, width=WIDTH, params=chosen) for chosen in (params, replace(params, **change))
    )
    assert not np.array_equal(found, other)


def test_width_and_seed_change_the_loadings() -> None:
    table, params = planted_table(TRUE_LOADINGS), replace(PARAMS, n_iterations=1)
    found, narrow, other = (
        fit_loadings([table], N_GENES, width=width, params=params, seed=seed)
        for width, seed in ((WIDTH, 0), (2, 0), (WIDTH, 1))
    )
    assert (found.shape, narrow.shape) == ((N_GENES, 6), (N_GENES, 2))
    assert not np.array_equal(found, other)


def test_equal_seeds_give_equal_loadings() -> None:
    table = planted_table(TRUE_LOADINGS)
    first, second = (fit_loadings([table], N_GENES, width=WIDTH, params=PARAMS) for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_neighbours_are_averaged_with_gaussian_weights_and_without_the_cell_itself() -> None:
    positions = np.array([[0, 0], [0, 1], [0, 3], [50, 50]], dtype=np.float32)
    near, middle, far = np.exp(-0.5 * (np.array([1, 2, 3]) / 2.0) ** 2)
    expected = np.array(
        [
            [0, near / (near + far), far / (near + far), 0],
            [near / (near + middle), 0, middle / (near + middle), 0],
            [far / (far + middle), middle / (far + middle), 0, 0],
            [0, 0, 0, 0],  # a cell without neighbours
        ]
    )
    np.testing.assert_allclose(neighbour_average(positions, 2.0).toarray(), expected, rtol=1e-6)


def test_cells_without_any_neighbours_have_no_average() -> None:
    lonely = np.array([[0, 0], [50, 50]], dtype=np.float32)
    assert neighbour_average(lonely, 1.5).nnz == 0


def test_the_factors_of_a_section_are_the_model_s_tokens() -> None:
    slide = simulated_slide()
    vocabulary = Vocabulary(symbols=tuple(map(normal_name, slide.gene_names)), aliases={})
    table = token_table(slide, find_lattice(slide), vocabulary)
    loadings = fit_loadings([table], len(vocabulary), width=8)
    model = MaskedAutoencoder(MAEConfig(n_genes=len(vocabulary), width=8, n_heads=2))
    start_from_loadings(model, loadings)
    ids, precision = torch.from_numpy(table.ids), torch.from_numpy(table.precision)
    values = torch.from_numpy(table.expression.toarray() - table.mean)
    with torch.no_grad():
        tokens = model.tokens(values[None], ids[None], precision[None])[0].numpy()
    np.testing.assert_allclose(tokens, factors_of(table, loadings.astype(np.float64)), rtol=1e-3, atol=1e-3)


# --- genes that are new to a model ---------------------------------------------------------------------


def test_new_genes_get_the_loadings_that_known_ones_tell() -> None:
    tables = [planted_table(TRUE_LOADINGS)]
    found = fit_loadings(tables, N_GENES, width=3, params=PARAMS)
    extended = extend_loadings(found[:45], tables, N_GENES, params=PARAMS)
    np.testing.assert_array_equal(extended[:45], found[:45])
    assert extended.dtype == np.float32
    off = np.linalg.norm(extended[45:] - found[45:], axis=1) / np.linalg.norm(found[45:], axis=1)
    assert np.median(off) < 0.3


def test_new_genes_that_no_section_measured_stay_at_zero() -> None:
    known = np.arange(40)
    tables = [planted_table(TRUE_LOADINGS[known], ids=known)]
    found = fit_loadings(tables, 40, width=3, params=PARAMS)
    extended = extend_loadings(found, tables, N_GENES, params=PARAMS)
    np.testing.assert_array_equal(extended[:40], found)
    np.testing.assert_array_equal(extended[40:], 0)


@pytest.mark.parametrize("change", [{"sigma": 3.0}, {"ridge": 300.0}], ids=str)
def test_parameters_change_the_loadings_of_new_genes(change: dict[str, Any]) -> None:
    tables = [planted_table(TRUE_LOADINGS)]
    known = fit_loadings(tables, N_GENES, width=3, params=PARAMS)[:45]
    found, other = (
        extend_loadings(known, tables, N_GENES, params=params) for params in (PARAMS, replace(PARAMS, **change))
    )
    assert not np.array_equal(found[45:], other[45:])
