"""The noise floor, against simulated counts whose noise is known."""

from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse as sp

from napari_stimg.expression import log_expression, most_variable
from napari_stimg.io import slide_from_anndata
from napari_stimg.lattice import find_lattice
from sample_data.parameters import TissueParameters
from sample_data.simulate import TRUE_EXPRESSION, simulate
from tests.known_slides import simulated_slide
from trainer.evaluation.noise import RATES, estimate_noise, poisson_variance


@pytest.mark.parametrize("median_depth", [300.0, 3000.0])
def test_noise_of_poisson_counts_is_found_everywhere_on_the_section(median_depth: float) -> None:
    params = TissueParameters(n_rows=40, n_cols=30, n_genes=120, dispersion=0.0, median_depth=median_depth)
    section = simulate(params)
    slide = slide_from_anndata(section, name="known")
    shares = np.expm1(section.layers[TRUE_EXPRESSION].astype(float)) / 1e4
    rate = section.obs["expected_depth"].to_numpy()[:, None] * shares
    rng = np.random.default_rng(1)
    draws = [log_expression(sp.csr_matrix(rng.poisson(rate).astype(np.float32))).toarray() for _ in range(60)]
    truth = np.var(draws, axis=0, ddof=1)
    columns = most_variable(slide.counts, 60)
    noise = estimate_noise(slide, find_lattice(slide), spots=np.arange(slide.n_spots), columns=columns)
    assert noise is not None
    assert noise.variance.mean() == pytest.approx(truth[:, columns].mean(), rel=0.03)
    for part in np.array_split(np.argsort(section.obs["expected_depth"].to_numpy()), 3):
        assert noise.of(part).mean() == pytest.approx(truth[part][:, columns].mean(), rel=0.05)


def test_variance_of_rare_counts_is_their_rate_times_the_square_of_one_count() -> None:
    variance = poisson_variance(np.array([2000.0]), part=1.0)
    assert variance.shape == (1, RATES.size)
    assert variance[0, 0] == pytest.approx(RATES[0] * np.log1p(5.0) ** 2, rel=0.01)


def test_variance_of_many_counts_is_that_of_their_logarithm() -> None:
    full, half = (poisson_variance(np.array([1e4]), part=part)[0, -1] for part in (1.0, 0.5))
    assert full == pytest.approx(1 / RATES[-1], rel=0.01)
    assert half == pytest.approx(2 / RATES[-1], rel=0.01)


def test_seed_changes_the_splits() -> None:
    slide, columns = simulated_slide(), np.arange(10)
    lattice, spots = find_lattice(slide), np.array([3, 50, 200])
    first, again, other = (
        estimate_noise(slide, lattice, spots=spots, columns=columns, seed=seed) for seed in (0, 0, 1)
    )
    assert first is not None
    assert again is not None
    assert other is not None
    np.testing.assert_array_equal(first.variance, again.variance)
    assert not np.array_equal(first.variance, other.variance)
    np.testing.assert_array_equal(first.of(np.array([200, 3, 200])), first.variance[[2, 0, 2]])


def test_logged_values_cannot_be_split() -> None:
    slide = replace(simulated_slide(), logged=True)
    assert estimate_noise(slide, find_lattice(slide), spots=np.arange(5), columns=np.arange(5)) is None
