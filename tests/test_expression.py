import numpy as np
import pytest
import scipy.sparse as sp

from napari_stimg.expression import (
    VALUES_AT_ONCE,
    all_integers,
    expression_moments,
    gene_moments,
    log_expression,
    most_variable,
    row_blocks,
    thin,
)


def test_log_expression_is_the_logarithm_of_counts_per_ten_thousand() -> None:
    expression = log_expression(sp.csr_matrix(np.array([[1.0, 3.0, 0.0], [0.0, 0.0, 2.0]])))
    np.testing.assert_allclose(expression.toarray(), np.log1p([[2500, 7500, 0], [0, 0, 10000]]), rtol=1e-6)
    assert expression.dtype == np.float32


def test_a_spot_without_counts_stays_zero() -> None:
    expression = log_expression(sp.csr_matrix(np.array([[0.0, 0.0], [4.0, 4.0]])))
    np.testing.assert_allclose(expression.toarray(), [[0, 0], [np.log1p(5000)] * 2], rtol=1e-6)


def test_log_expression_asks_only_for_proportions() -> None:
    rng = np.random.default_rng(0)
    counts = sp.random(7, 5, density=0.6, random_state=rng, format="csr")
    scaled = sp.diags([1, 2, 3, 4, 5, 6, 7.5]).tocsr() @ counts
    np.testing.assert_allclose(log_expression(scaled).toarray(), log_expression(counts).toarray(), rtol=1e-6)


def test_log_expression_leaves_the_counts_alone() -> None:
    counts = sp.csr_matrix(np.array([[1.0, 3.0]]))
    log_expression(counts)
    np.testing.assert_array_equal(counts.toarray(), [[1, 3]])


def test_library_sizes_beyond_float32_s_integers_are_exact() -> None:
    counts = sp.csr_matrix(np.array([[2.0**24, 1.0, 1.0, 1.0, 1.0]], dtype=np.float32))
    np.testing.assert_allclose(log_expression(counts)[0, 1], np.log1p(1e4 / (2**24 + 4)), rtol=1e-6)


@pytest.mark.parametrize("fraction", [0.2, 0.5, 0.7])
def test_thinned_counts_are_binomial(fraction: float) -> None:
    kept = thin(sp.csr_matrix(np.full((200, 100), 12.0)), fraction, np.random.default_rng(0)).toarray()
    n = kept.size
    variance = 12 * fraction * (1 - fraction)
    assert kept.mean() == pytest.approx(12 * fraction, abs=4 * np.sqrt(variance / n))
    assert kept.var() == pytest.approx(variance, rel=4 * np.sqrt(2 / n))
    assert ((kept >= 0) & (kept <= 12) & (kept == np.rint(kept))).all()


def test_the_halves_of_poisson_counts_are_independent_though_the_wholes_are_shared() -> None:
    rng = np.random.default_rng(0)
    counts = sp.csr_matrix(rng.poisson(3.0, (400, 100)).astype(np.float32))
    kept = thin(counts, 0.5, rng)
    left = (counts - kept).toarray().ravel()
    assert abs(np.corrcoef(kept.toarray().ravel(), left)[0, 1]) < 4 / np.sqrt(counts.shape[0] * counts.shape[1])


def test_thinning_drops_entries_that_become_zero_and_leaves_the_counts_alone() -> None:
    counts = sp.csr_matrix(np.ones((30, 20), dtype=np.float32))
    kept = thin(counts, 0.3, np.random.default_rng(0))
    assert kept.nnz == kept.sum() < counts.nnz
    np.testing.assert_array_equal(counts.toarray(), 1)


def test_equal_seeds_thin_alike() -> None:
    counts = sp.csr_matrix(np.full((5, 5), 9.0))
    first, second, third = (thin(counts, 0.5, np.random.default_rng(seed)).toarray() for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, second)
    assert (first != third).any()


def test_gene_moments_are_those_of_the_dense_matrix() -> None:
    matrix = sp.random(40, 7, density=0.3, random_state=np.random.default_rng(0), format="csr", dtype=np.float32)
    moments = gene_moments(matrix)
    np.testing.assert_allclose(moments.mean, matrix.toarray().mean(axis=0), rtol=1e-5)
    np.testing.assert_allclose(moments.variance, matrix.toarray().var(axis=0), rtol=1e-4)


def test_the_variance_of_a_constant_gene_is_never_below_zero() -> None:
    constant = sp.csr_matrix(np.full((1001, 3), 7.3, dtype=np.float32))
    assert (gene_moments(constant).variance >= 0).all()
    np.testing.assert_allclose(gene_moments(constant).variance, 0, atol=1e-5)


def test_the_most_variable_genes_come_first_and_those_alike_in_their_order() -> None:
    counts = sp.csr_matrix(np.array([[50, 0, 9, 0, 1], [50, 9, 0, 0, 1]], dtype=np.float32))
    assert most_variable(counts, 3).tolist()[:2] == [1, 2]
    assert most_variable(counts, 9).size == 5


@pytest.fixture(scope="module")
def many_counts() -> sp.csr_matrix:
    """Return counts of more than two blocks, the first and last rows and one between them empty."""
    dense = np.random.default_rng(0).poisson(1.0, size=(3001, 5000)).astype(np.float32)
    dense[[0, 1500, -1]] = 0
    return sp.csr_matrix(dense)


def test_blocks_hold_every_row_once_and_few_values_each(many_counts: sp.csr_matrix) -> None:
    blocks = list(row_blocks(many_counts))
    assert len(blocks) > 2
    np.testing.assert_array_equal(np.concatenate([np.arange(3001)[rows] for rows in blocks]), np.arange(3001))
    assert max(many_counts[rows].nnz for rows in blocks) <= VALUES_AT_ONCE + 5000


def test_a_matrix_without_values_is_one_block() -> None:
    assert list(row_blocks(sp.csr_matrix((4, 3), dtype=np.float32))) == [slice(0, 4)]


def test_large_counts_are_logged_and_averaged_as_small_ones_are(many_counts: sp.csr_matrix) -> None:
    expression, moments = log_expression(many_counts), expression_moments(many_counts)
    parts = [log_expression(many_counts[start : start + 500]).toarray() for start in range(0, 3001, 500)]
    dense = np.concatenate(parts)
    np.testing.assert_array_equal(expression.toarray(), dense)
    np.testing.assert_allclose(moments.mean, dense.mean(axis=0, dtype=np.float64), rtol=1e-6)
    np.testing.assert_allclose(moments.variance, dense.var(axis=0, dtype=np.float64), rtol=1e-5)
    np.testing.assert_allclose(gene_moments(expression).variance, moments.variance, rtol=1e-6)


def test_one_fraction_among_many_integers_is_found() -> None:
    values = np.ones(VALUES_AT_ONCE + 3, dtype=np.float32)
    assert all_integers(values)
    values[-1] = 0.5
    assert not all_integers(values)
