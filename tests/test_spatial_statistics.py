import numpy as np
import pytest
import scipy.sparse as sp

from napari_stimg import expression
from napari_stimg.expression import log_expression
from napari_stimg.lattice import Lattice, LatticeKind, find_lattice
from napari_stimg.progress import run
from napari_stimg.spatial_statistics import IRREGULAR_NEIGHBOURS, morans_i, neighbour_pairs, spatial_patterns
from sample_data.programs import PROGRAMS
from sample_data.sections import layered_hexagonal
from tests.synthetic_lattices import CHECKERBOARD, HEXAGONAL, SQUARE, array_of, place, slide_at


def lattice_of(kind: LatticeKind, n_rows: int, n_cols: int) -> Lattice:
    indices = array_of(kind, n_rows, n_cols)
    return find_lattice(slide_at(place(indices, kind, pitch=100.0, turn_deg=7.0), indices=indices))


def dense_formula(values, pairs):
    """Return Moran's I as the books have it, with all (S, S) weights."""
    weights = np.zeros((len(values), len(values)))
    weights[tuple(pairs.T)] = weights[tuple(pairs[:, ::-1].T)] = 1
    deviation = values - values.mean(axis=0)
    agreement = np.einsum("ij,ig,jg->g", weights, deviation, deviation)
    return len(values) / weights.sum() * agreement / (deviation**2).sum(axis=0)


def test_of_a_checkerboard_it_is_minus_one():
    rows, cols = array_of(SQUARE, 6, 8).T
    board = sp.csr_matrix(((rows + cols) % 2)[:, None].astype(np.float32))
    assert run(morans_i(board, neighbour_pairs(lattice_of(SQUARE, 6, 8))))[0] == pytest.approx(-1)


def test_of_two_halves_it_is_the_share_of_pairs_within_a_half_less_that_between():
    rows, _ = array_of(SQUARE, 20, 7).T
    halves = sp.csr_matrix((rows < 10)[:, None].astype(np.float32))
    n_pairs = 19 * 7 + 20 * 6
    found = run(morans_i(halves, neighbour_pairs(lattice_of(SQUARE, 20, 7))))[0]
    assert found == pytest.approx((n_pairs - 2 * 7) / n_pairs)
    assert found > 0.9


def test_three_spots_in_a_row_worked_by_hand():
    values = sp.csr_matrix(np.array([[0.0], [3.0], [6.0]]))  # deviations -3, 0, 3: neighbours' products are 0
    assert run(morans_i(values, np.array([[0, 1], [1, 2]])))[0] == pytest.approx(0)
    values = sp.csr_matrix(np.array([[4.0], [4.0], [1.0]]))  # deviations 1, 1, -2: 3 / 2 * (1 - 2) / 6
    assert run(morans_i(values, np.array([[0, 1], [1, 2]])))[0] == pytest.approx(-0.25)


@pytest.mark.parametrize("level", [0.0, 1e-3, 0.7, 3.3, 9.1])
def test_a_gene_that_is_silent_or_constant_has_none(level):
    values = sp.csr_matrix(np.full((48, 1), level, dtype=np.float32))
    assert np.isnan(run(morans_i(values, neighbour_pairs(lattice_of(SQUARE, 6, 8))))[0])


def test_without_neighbours_no_gene_has_any():
    values = sp.csr_matrix(np.array([[1.0, 0.0], [2.0, 5.0]]))
    assert np.isnan(run(morans_i(values, np.empty((0, 2), dtype=np.intp)))).all()


@pytest.mark.parametrize("kind", [HEXAGONAL, SQUARE, CHECKERBOARD])
def test_the_sparse_sums_are_the_dense_formula_however_they_are_split(kind, monkeypatch):
    monkeypatch.setattr(expression, "VALUES_AT_ONCE", 100)
    lattice = lattice_of(kind, 9, 11)
    values = np.random.default_rng(0).poisson(0.8, (99, 6)).astype(np.float32)
    pairs = neighbour_pairs(lattice)
    found = run(morans_i(sp.csr_matrix(values), pairs))
    np.testing.assert_allclose(found, dense_formula(values.astype(np.float64), pairs), rtol=1e-6)


@pytest.mark.parametrize(("kind", "n_around"), [(HEXAGONAL, 6), (SQUARE, 4), (CHECKERBOARD, 4)])
def test_a_spot_in_the_middle_has_the_lattices_number_of_neighbours(kind, n_around):
    lattice = lattice_of(kind, 9, 9)
    pairs = neighbour_pairs(lattice)
    assert np.count_nonzero(pairs == 40) == n_around
    assert len(np.unique(np.sort(pairs, axis=1), axis=0)) == len(pairs)
    distance = np.linalg.norm(lattice.positions[pairs[:, 0]] - lattice.positions[pairs[:, 1]], axis=1)
    np.testing.assert_allclose(distance, 1, rtol=1e-3)


def test_irregular_spots_have_their_nearest_six_and_those_whose_nearest_six_they_are():
    lattice = find_lattice(slide_at(np.random.default_rng(0).uniform(0, 900, (300, 2))))
    assert lattice.kind is LatticeKind.IRREGULAR
    pairs = neighbour_pairs(lattice)
    assert (pairs[:, 0] < pairs[:, 1]).all()
    assert np.bincount(pairs.ravel()).min() >= IRREGULAR_NEIGHBOURS
    distance = np.linalg.norm(lattice.positions[:, None] - lattice.positions, axis=2)
    np.fill_diagonal(distance, np.inf)
    near = np.argsort(distance, axis=1)[:, :IRREGULAR_NEIGHBOURS]
    known = {tuple(sorted((i, int(j)))) for i in range(300) for j in near[i]}
    assert {tuple(pair) for pair in pairs.tolist()} == known


def test_myelin_has_the_pattern_that_the_simulator_gave_it_until_the_spots_are_shuffled():
    slide = layered_hexagonal()
    lattice = find_lattice(slide)
    found = run(spatial_patterns(slide.counts, lattice))
    myelin = next(program for program in PROGRAMS if program.name == "myelin").symbols[:8]
    assert found[np.isin(slide.gene_names, myelin)].min() > 0.3
    shuffled = slide.counts[np.random.default_rng(0).permutation(slide.n_spots)]
    assert np.nanmax(np.abs(run(spatial_patterns(shuffled, lattice)))) < 0.15
    np.testing.assert_allclose(
        found[:5], dense_formula(log_expression(slide.counts)[:, :5].toarray(), neighbour_pairs(lattice)), rtol=1e-4
    )
