"""The truth that comes with a simulated section is the truth of its counts and of its tissue."""

from pathlib import Path

import anndata as ad
import numpy as np
import pytest
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from sample_data.parameters import LatticeName, TissueParameters
from sample_data.programs import LAYERS, N_GENES, PROGRAMS
from sample_data.simulate import TRUE_EXPRESSION, simulate

LATTICES: tuple[LatticeName, ...] = ("hexagonal", "square")


@pytest.fixture(scope="module")
def section() -> ad.AnnData:
    return simulate()


def _expected_shares(section: ad.AnnData) -> NDArray[np.float64]:
    return np.expm1(section.layers[TRUE_EXPRESSION].astype(np.float64)) / 1e4


def _expected_counts(section: ad.AnnData) -> NDArray[np.float64]:
    return section.obs["expected_depth"].to_numpy()[:, None] * _expected_shares(section)


def _neighbours(section: ad.AnnData, pitch_um: float) -> NDArray[np.intp]:
    return cKDTree(section.obsm["spatial"]).query_pairs(1.01 * pitch_um, output_type="ndarray")


def _n_pieces(section: ad.AnnData, spots: NDArray[np.bool_]) -> int:
    pairs = _neighbours(section, 100.0)
    pairs = pairs[spots[pairs].all(axis=1)]
    graph = sp.coo_matrix((np.ones(len(pairs)), pairs.T), shape=(section.n_obs, section.n_obs))
    pieces = sp.csgraph.connected_components(graph, directed=False)[1]
    return len(np.unique(pieces[spots]))


def test_total_counts_of_each_gene_match_their_expectation() -> None:
    params = TissueParameters(n_rows=30, n_cols=30, dispersion=0.2)
    section = simulate(params)
    expected = _expected_counts(section)
    sd = np.sqrt((expected + params.dispersion * expected**2).sum(axis=0))
    z = (np.asarray(section.X.sum(axis=0)).ravel() - expected.sum(axis=0)) / sd
    assert np.abs(z).max() < 4.5
    assert z.std() == pytest.approx(1.0, abs=0.15)


@pytest.mark.parametrize("dispersion", [0.0, 0.5])
def test_counts_have_the_variance_of_their_dispersion(dispersion: float) -> None:
    section = simulate(TissueParameters(n_rows=40, n_cols=40, dispersion=dispersion, median_depth=5000.0))
    expected = _expected_counts(section)
    square = np.square(section.X.toarray() - expected)
    assert ((square - expected).sum() / np.square(expected).sum()) == pytest.approx(dispersion, abs=0.1)


def test_extra_dropout_loses_its_share_of_the_counts() -> None:
    section = simulate(TissueParameters(n_rows=40, n_cols=40, extra_dropout=0.4))
    assert section.X.sum() / _expected_counts(section).sum() == pytest.approx(0.6, abs=0.01)


def test_shares_of_a_spot_sum_to_one(section: ad.AnnData) -> None:
    np.testing.assert_allclose(_expected_shares(section).sum(axis=1), 1.0, rtol=1e-5)


def test_counts_are_sparse_whole_numbers(section: ad.AnnData) -> None:
    assert sp.issparse(section.X)
    assert section.X.format == "csr"
    assert section.X.dtype == np.float32
    assert np.array_equal(section.X.data, np.rint(section.X.data))
    assert section.X.data.min() >= 1


def test_arrays_larger_than_one_block_have_counts_in_every_spot() -> None:
    section = simulate(TissueParameters(n_rows=100, n_cols=80, n_genes=20, n_holes=0))
    assert section.n_obs > 4096
    assert section.X.shape == (section.n_obs, 20)
    totals = np.asarray(section.X.sum(axis=1)).ravel()
    assert np.corrcoef(np.log1p(totals), np.log(section.obs["expected_depth"]))[0, 1] > 0.9


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("lattice", LATTICES)
def test_each_layer_is_one_piece_of_tissue(lattice: LatticeName, seed: int) -> None:
    section = simulate(TissueParameters(lattice=lattice, n_genes=20, n_holes=0, seed=seed))
    for layer in LAYERS:
        assert _n_pieces(section, (section.obs["layer"] == layer).to_numpy()) == 1


def test_layers_get_their_shares_in_the_order_of_depth() -> None:
    shares = (0.1, 0.0, 0.3, 0.1, 0.3, 0.2, 0.0)
    section = simulate(TissueParameters(layer_shares=shares, n_genes=20))
    found = section.obs["layer"].value_counts(normalize=True)
    assert list(section.obs["layer"].cat.categories) == ["L1", "L3", "L4", "L5", "L6"]
    for layer, share in zip(LAYERS, shares, strict=True):
        assert found.get(layer, 0.0) == pytest.approx(share, abs=0.005)
    depth = section.obs.groupby("layer", observed=True)["cortical_depth"].agg(["min", "max"])
    assert (depth["min"].to_numpy()[1:] >= depth["max"].to_numpy()[:-1]).all()
    assert section.obs["cortical_depth"].between(0, 1).all()


@pytest.mark.parametrize("lattice", LATTICES)
def test_nearest_spots_are_one_pitch_apart(lattice: LatticeName) -> None:
    section = simulate(TissueParameters(lattice=lattice, n_rows=30, n_cols=21, n_genes=20, pitch_um=55.0))
    nearest = cKDTree(section.obsm["spatial"]).query(section.obsm["spatial"], k=2)[0][:, 1]
    np.testing.assert_allclose(nearest, 55.0)


def test_hexagonal_indices_follow_visium() -> None:
    section = simulate(TissueParameters(n_rows=30, n_cols=21, n_genes=20))
    row, col = section.obs["array_row"], section.obs["array_col"]
    assert ((row + col) % 2 == 0).all()
    expected = np.stack([col * 50.0, row * 50.0 * np.sqrt(3)], axis=1)
    np.testing.assert_allclose(section.obsm["spatial"], expected)


def test_holes_take_spots_within_their_radius_and_no_others() -> None:
    whole = simulate(TissueParameters(n_genes=20, n_holes=0))
    torn = simulate(TissueParameters(n_genes=20, n_holes=1, hole_radius=3.0))
    lost = ~whole.obs_names.isin(torn.obs_names)
    places = whole.obsm["spatial"] / 100.0
    assert 10 <= lost.sum() <= 37
    assert cKDTree(places[lost]).query_pairs(6.01, output_type="ndarray").shape[0] == lost.sum() * (lost.sum() - 1) / 2


@pytest.mark.parametrize(
    ("gene", "layer"),
    [("RELN", "L1"), ("HPCAL1", "L2"), ("RORB", "L4"), ("PCP4", "L5"), ("KRT17", "L6"), ("MBP", "WM")],
)
def test_a_marker_is_highest_in_its_layer(section: ad.AnnData, gene: str, layer: str) -> None:
    expression = section.to_df(TRUE_EXPRESSION)[gene].groupby(section.obs["layer"], observed=True).mean()
    assert expression.idxmax() == layer


def test_without_marker_strength_and_trends_all_spots_are_alike() -> None:
    params = TissueParameters(n_rows=20, n_cols=20, marker_strength=0.0, gradient_strength=0.0, n_hot_spots=0)
    truth = simulate(params).layers[TRUE_EXPRESSION]
    np.testing.assert_allclose(truth, np.broadcast_to(truth[0], truth.shape), rtol=1e-5)


def test_sharp_boundaries_leave_one_expression_a_layer() -> None:
    params = TissueParameters(n_rows=30, n_cols=30, boundary_width=0.0, gradient_strength=0.0, n_hot_spots=0)
    section = simulate(params)
    n_distinct = len(np.unique(section.layers[TRUE_EXPRESSION].round(4), axis=0))
    assert n_distinct == len(LAYERS)


def test_trends_vary_smoothly_inside_a_layer_and_keep_its_mean() -> None:
    still = TissueParameters(boundary_width=0.0, gradient_strength=0.0, n_hot_spots=0)
    moving = TissueParameters(boundary_width=0.0, gradient_strength=0.3, gradient_share=1.0, n_hot_spots=0)
    section = simulate(moving)
    fold = np.log(_expected_shares(section) / _expected_shares(simulate(still)))
    for layer in LAYERS:
        assert np.abs(fold[section.obs["layer"] == layer].mean(axis=0)).max() < 0.06
    pairs = _neighbours(section, 100.0)
    step = np.square(fold[pairs[:, 0]] - fold[pairs[:, 1]]).mean() / (2 * np.square(fold).mean())
    assert step < 0.1
    assert fold.std() == pytest.approx(0.3, rel=0.2)


def test_genes_of_one_program_vary_together() -> None:
    section = simulate(TissueParameters(gradient_share=1.0, marker_strength=0.0, n_hot_spots=0))
    truth = section.to_df(TRUE_EXPRESSION)
    assert truth["GFAP"].corr(truth["AGT"]) > 0.95
    assert truth["GFAP"].corr(truth["GAPDH"]) < 0.9


def test_hot_spots_hold_more_of_their_cell_type(section: ad.AnnData) -> None:
    names = {program.name for program in PROGRAMS if program.hot_spots}
    assert set(section.obs["hot_spot"].cat.categories) == names
    cold = simulate(TissueParameters(n_hot_spots=0))
    assert cold.obs["hot_spot"].isna().all()
    for name in names:
        spots = (section.obs["hot_spot"] == name).to_numpy()
        genes = (section.var["program"] == name).to_numpy()
        fold = _expected_shares(section)[np.ix_(spots, genes)] / _expected_shares(cold)[np.ix_(spots, genes)]
        assert np.log(fold).mean() > 0.5


def test_library_sizes_are_log_normal_around_the_median_asked_for() -> None:
    section = simulate(TissueParameters(median_depth=1234.0, depth_sd=0.4, depth_contrast=0.0, depth_smoothness=0.0))
    depth = section.obs["expected_depth"]
    assert depth.median() == pytest.approx(1234.0)
    assert np.log(depth).std() == pytest.approx(0.4, abs=0.02)


def test_layer_1_is_shallower_than_layer_3(section: ad.AnnData) -> None:
    depth = section.obs.groupby("layer", observed=True)["expected_depth"].median()
    assert depth["L1"] < 0.5 * depth["L3"]


@pytest.mark.parametrize(("smoothness", "low", "high"), [(0.0, -0.1, 0.1), (1.0, 0.8, 1.0)])
def test_smooth_depth_is_shared_by_neighbours(smoothness: float, low: float, high: float) -> None:
    section = simulate(TissueParameters(depth_smoothness=smoothness, depth_contrast=0.0, n_genes=20))
    log_depth = np.log(section.obs["expected_depth"].to_numpy())
    one, other = _neighbours(section, 100.0).T
    assert low < np.corrcoef(log_depth[one], log_depth[other])[0, 1] < high


def _statistics(counts: sp.csr_matrix) -> dict[str, float]:
    totals, means = np.asarray(counts.sum(axis=1)).ravel(), np.asarray(counts.mean(axis=0)).ravel()
    return {
        "zeros": 1 - counts.nnz / np.prod(counts.shape),
        "median depth": float(np.median(totals)),
        "log depth sd": float(np.log1p(totals).std()),
        "log10 mean sd": float(np.log10(means[means > 0]).std()),
    }


def test_the_default_section_is_as_deep_and_sparse_as_visium(section: ad.AnnData) -> None:
    assert 1_500 <= section.n_obs <= 2_500
    assert section.n_vars == N_GENES
    found = _statistics(section.X)
    assert 0.4 < found["zeros"] < 0.65
    assert 700 < found["median depth"] < 900
    assert 0.45 < found["log depth sd"] < 0.65
    assert 0.5 < found["log10 mean sd"] < 0.8


def test_the_default_section_resembles_a_real_one(section: ad.AnnData, sections_dir: Path) -> None:
    real = ad.read_h5ad(sections_dir / "dlpfc__151673.h5ad")
    shared = [gene for gene in section.var_names if gene in real.var_names]
    assert len(shared) > 0.95 * N_GENES
    simulated, measured = _statistics(section[:, shared].X), _statistics(real[:, shared].X.astype(np.float64))
    for name, value in measured.items():
        assert simulated[name] == pytest.approx(value, rel=0.25)


def test_a_section_is_written_and_read_back_equal(section: ad.AnnData, tmp_path: Path) -> None:
    section.write_h5ad(tmp_path / "section.h5ad")
    again = ad.read_h5ad(tmp_path / "section.h5ad")
    assert (again.X != section.X).nnz == 0
    assert np.array_equal(again.layers[TRUE_EXPRESSION], section.layers[TRUE_EXPRESSION])
    assert again.obs["layer"].equals(section.obs["layer"])
    stored = again.uns["simulation"]["parameters"]
    assert TissueParameters(**{**stored, "layer_shares": tuple(stored["layer_shares"])}) == TissueParameters()


def test_gene_symbols_do_not_repeat() -> None:
    symbols = [symbol for program in PROGRAMS for symbol in program.symbols]
    assert len(set(symbols)) == len(symbols) == N_GENES
