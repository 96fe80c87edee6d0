"""What is known of a simulated section: how much expected expression varies."""

import numpy as np
import pytest
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.stats import poisson

from napari_stimg import signal_variance as module
from napari_stimg.expression import TARGET_SUM, expression_moments
from napari_stimg.signal_variance import signal_variance

DEPTH = 5000.0


def simulated(
    mean_counts: NDArray[np.floating], spread: NDArray[np.floating], *, n_cells: int, seed: int = 0
) -> tuple[sp.csr_matrix, NDArray[np.float64]]:
    """Return Poisson counts of genes and a filler, and the variance of each gene's expected log expression."""
    rng = np.random.default_rng(seed)
    share = mean_counts / DEPTH * np.exp(spread * rng.standard_normal((n_cells, len(mean_counts))) - spread**2 / 2)
    rates = DEPTH * np.column_stack([share, 1 - share.sum(axis=1)])
    expected = sum(poisson.pmf(k, DEPTH * share) * np.log1p(TARGET_SUM * k / DEPTH) for k in range(200))
    return sp.csr_matrix(rng.poisson(rates).astype(np.float32)), np.asarray(expected).var(axis=0)


def estimated(counts: sp.csr_matrix, *, seed: int = 0) -> NDArray[np.float64]:
    return signal_variance(counts, expression_moments(counts), seed=seed)[:-1]


@pytest.mark.parametrize("mean_count", [0.3, 0.5, 2.5, 10.0, 60.0])
def test_signal_is_told_from_counting_noise_whatever_a_gene_s_counts(mean_count: float) -> None:
    counts, truth = simulated(np.full(60, mean_count), np.full(60, 0.4), n_cells=6000)
    assert estimated(counts).mean() == pytest.approx(truth.mean(), rel=0.12)


def test_signal_is_told_from_noise_where_half_of_the_cells_have_none_of_a_gene() -> None:
    """Cell types: on or off, not more or less."""
    rng = np.random.default_rng(0)
    share = 3.0 / DEPTH * (rng.random((5000, 40)) < 0.5)
    rates = DEPTH * np.column_stack([share, 1 - share.sum(axis=1)])
    counts = sp.csr_matrix(rng.poisson(rates).astype(np.float32))
    expected = sum(poisson.pmf(k, DEPTH * share) * np.log1p(TARGET_SUM * k / DEPTH) for k in range(60))
    assert estimated(counts).mean() == pytest.approx(expected.var(axis=0).mean(), rel=0.1)


def test_genes_that_do_not_vary_have_next_to_no_signal() -> None:
    counts, _ = simulated(np.full(50, 2.0), np.zeros(50), n_cells=3000)
    measured = expression_moments(counts).variance[:-1]
    assert (estimated(counts) < 0.1 * measured).all()
    assert estimated(counts).mean() < 0.02 * measured.mean()


def test_of_few_cells_genes_are_drawn_to_those_alike_and_err_less(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(1)
    counts, truth = simulated(np.full(300, 1.0), 0.3 + 0.1 * rng.random(300), n_cells=200)
    drawn = estimated(counts)
    monkeypatch.setattr(module, "GENES_ALIKE", 1)  # each gene for itself
    alone = estimated(counts)
    assert drawn.mean() == pytest.approx(truth.mean(), rel=0.2)
    assert np.square(drawn - truth).mean() < 0.5 * np.square(alone - truth).mean()


def test_of_many_cells_genes_keep_what_is_theirs() -> None:
    spread = np.repeat([0.2, 0.6], 40)
    counts, truth = simulated(np.full(80, 5.0), spread, n_cells=5000)
    np.testing.assert_allclose(estimated(counts), truth, rtol=0.3, atol=0.1 * truth.max())


def test_values_that_are_no_counts_have_no_molecules_to_split() -> None:
    counts, _ = simulated(np.full(5, 2.0), np.full(5, 0.5), n_cells=100)
    relative = sp.csr_matrix(counts * 0.37)
    moments = expression_moments(relative)
    np.testing.assert_array_equal(signal_variance(relative, moments, seed=0), moments.variance)


@pytest.mark.parametrize("n_cells", [1, 2, 3])
def test_few_cells_and_empty_ones_have_a_finite_variance(n_cells: int) -> None:
    counts, _ = simulated(np.full(5, 2.0), np.full(5, 0.5), n_cells=n_cells)
    for values in (counts, 0 * counts):
        moments = expression_moments(values)
        found = signal_variance(values, moments, seed=0)
        assert np.isfinite(found).all()
        assert (found >= 0).all()
        assert (found <= moments.variance + 1e-6).all()
