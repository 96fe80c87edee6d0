from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.stats import poisson

from napari_stimg.expression import gene_moments, log_expression
from napari_stimg.readout import GENES_AT_ONCE, KrigedGenes, Readout, Rehearsal, fit_readout, gene_frame
from napari_stimg.tokens import MIN_VARIANCE

N_CELLS, N_GENES, WIDTH = 1500, 9, 4


def rehearsals_of(
    states: NDArray[np.floating],
    *,
    cells: NDArray[np.intp] | None = None,
    distance: NDArray[np.floating] | None = None,
    kriged: NDArray[np.floating] | None = None,
) -> list[Rehearsal]:
    """Return states as four rehearsals of equal length."""
    cells = np.arange(len(states)) if cells is None else cells
    distance = np.ones(len(states)) if distance is None else distance
    kriged = np.zeros((len(states), 0)) if kriged is None else kriged
    return [
        Rehearsal(
            cells=cells[part],
            states=states[part].astype(np.float32),
            distance=distance[part].astype(np.float32),
            kriged=kriged[part].astype(np.float32),
        )
        for part in np.array_split(np.arange(len(states)), 4)
    ]


def planted(*, depth: float = 2e5, level: float = 5.0) -> tuple[sp.csr_matrix, NDArray[Any], NDArray[Any]]:
    """Return counts of ``N_GENES`` genes and a filler, states, and the weights by which these tell log expression."""
    rng = np.random.default_rng(0)
    states = rng.standard_normal((N_CELLS, WIDTH))
    weights = 0.3 * rng.standard_normal((N_GENES, WIDTH))
    share = np.maximum(np.expm1(level + states @ weights.T), 0) / 1e4
    counts = rng.poisson(depth * np.column_stack([share, 1 - share.sum(axis=1)]))
    return sp.csr_matrix(counts.astype(np.float32)), states, weights


GENES = np.arange(N_GENES)
NO_PRIOR = np.zeros((N_GENES + 1, WIDTH), dtype=np.float32)


# --- the weights ---------------------------------------------------------------------------------------


def test_planted_weights_are_recovered_without_any_from_the_corpus() -> None:
    counts, states, weights = planted()
    readout = fit_readout(counts, GENES, rehearsals_of(states), NO_PRIOR)
    shrunk = 1 / (1 + 300 / N_CELLS)  # the least of RIDGES, on states of about unit variance
    np.testing.assert_allclose(readout.weights, shrunk * weights, atol=0.02)


def test_the_corpus_weights_are_kept_where_they_are_right() -> None:
    counts, states, weights = planted()
    prior = np.concatenate([weights, NO_PRIOR[:1]]).astype(np.float32)
    readout = fit_readout(counts, GENES, rehearsals_of(states), prior)
    np.testing.assert_allclose(readout.weights, weights, atol=0.01)


def test_the_corpus_weights_win_where_the_section_has_little_to_say() -> None:
    counts, states, weights = planted(depth=100.0)
    few = np.arange(40)
    prior = np.concatenate([weights, NO_PRIOR[:1]]).astype(np.float32)
    readout = fit_readout(counts, GENES, rehearsals_of(states[few], cells=few), prior)
    off = np.abs(readout.weights - weights).mean()
    alone = np.abs(fit_readout(counts, GENES, rehearsals_of(states[few], cells=few), NO_PRIOR).weights - weights).mean()
    assert off < 0.3 * alone


def test_rehearsals_say_which_cells_their_states_are_of() -> None:
    counts, states, _ = planted()
    order = np.random.default_rng(0).permutation(N_CELLS)
    straight = fit_readout(counts, GENES, rehearsals_of(states), NO_PRIOR)
    shuffled = fit_readout(counts, GENES, rehearsals_of(states[order], cells=order), NO_PRIOR)
    np.testing.assert_allclose(shuffled.weights, straight.weights, atol=1e-4)


def test_only_the_genes_asked_for_are_read_out_in_the_order_asked() -> None:
    counts, states, _ = planted()
    everything = fit_readout(counts, GENES, rehearsals_of(states), NO_PRIOR)
    some = fit_readout(counts, np.array([6, 2]), rehearsals_of(states), NO_PRIOR)
    for field in ("mean", "weights", "error_variance"):
        np.testing.assert_allclose(getattr(some, field), getattr(everything, field)[[6, 2]], rtol=1e-5)
    assert (some.growth, some.typical_distance) == (everything.growth, everything.typical_distance)


def test_more_genes_than_are_fitted_at_once_are_read_out_alike() -> None:
    rng = np.random.default_rng(0)
    counts = sp.csr_matrix(rng.poisson(1.0, (30, GENES_AT_ONCE + 5)).astype(np.float32))
    rehearsals = rehearsals_of(rng.standard_normal((30, WIDTH)))
    prior = np.zeros((counts.shape[1], WIDTH), dtype=np.float32)
    everything = fit_readout(counts, np.arange(counts.shape[1]), rehearsals, prior)
    last = fit_readout(counts, np.arange(GENES_AT_ONCE - 3, counts.shape[1]), rehearsals, prior)
    np.testing.assert_allclose(last.weights, everything.weights[-8:], rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(last.error_variance, everything.error_variance[-8:], rtol=1e-5)


def test_practising_the_same_cells_again_does_not_make_the_read_out_surer() -> None:
    """Else it would learn their counting noise, and be judged by the same noise."""
    counts, _, _ = planted(depth=300.0)
    few = np.arange(60)
    wide = np.random.default_rng(0).standard_normal((60, 30))  # states that have nothing to say
    prior = np.zeros((N_GENES + 1, 30), dtype=np.float32)
    once = fit_readout(counts, GENES, rehearsals_of(wide, cells=few), prior)
    again = fit_readout(counts, GENES, rehearsals_of(np.tile(wide, (8, 1)), cells=np.tile(few, 8)), prior)
    assert again.error_variance.mean() > 0.95 * once.error_variance.mean()


@pytest.mark.parametrize("n_cells", [1, 2, 3])
def test_hardly_any_practice_leaves_the_corpus_weights(n_cells: int) -> None:
    counts, states, weights = planted()
    prior = np.concatenate([weights, NO_PRIOR[:1]]).astype(np.float32)
    readout = fit_readout(counts, GENES, rehearsals_of(states[:n_cells])[:n_cells], prior)
    np.testing.assert_allclose(readout.weights, weights, atol=0.05)
    assert np.isfinite(readout.error_variance).all()


def test_states_that_are_all_zero_leave_the_corpus_weights() -> None:
    counts, states, weights = planted()
    prior = np.concatenate([weights, NO_PRIOR[:1]]).astype(np.float32)
    readout = fit_readout(counts, GENES, rehearsals_of(0 * states), prior)
    np.testing.assert_array_equal(readout.weights, prior[:-1])


# --- uncertainty ---------------------------------------------------------------------------------------


def spread_of(readout: Readout, states: NDArray[Any], distance: float = 1.0) -> NDArray[np.float32]:
    return readout.predict(states.astype(np.float32), np.full(len(states), distance, dtype=np.float32))[1]


def test_error_is_that_of_the_expectation_not_of_the_noisy_measurement() -> None:
    depth = 15000.0
    counts, states, weights = planted(depth=depth, level=1.0)
    seen = states + 0.5 * np.random.default_rng(1).standard_normal(states.shape)  # states that miss some of the truth
    readout = fit_readout(counts, GENES, rehearsals_of(seen), NO_PRIOR)
    expected, _ = readout.predict(seen.astype(np.float32), np.ones(N_CELLS, dtype=np.float32))
    mean_count = depth * np.maximum(np.expm1(1.0 + states @ weights.T), 0) / 1e4
    truth = sum(poisson.pmf(k, mean_count) * np.log1p(1e4 * k / depth) for k in range(80))
    actual = np.square(expected - truth).mean()
    measured = np.square(expected - log_expression(counts).toarray()[:, :-1]).mean()
    assert 0.7 * actual < readout.error_variance.mean() < 1.7 * actual
    assert measured > 2 * actual


def test_error_is_at_least_that_of_the_mean() -> None:
    counts, states, weights = planted()
    prior = np.concatenate([weights, NO_PRIOR[:1]]).astype(np.float32)
    readout = fit_readout(counts, GENES, rehearsals_of(states), prior)
    variance = gene_moments(log_expression(counts)).variance[:-1]
    assert (readout.error_variance >= variance / N_CELLS).all()


def test_genes_that_were_never_counted_have_an_error() -> None:
    rng = np.random.default_rng(0)
    counts = sp.csr_matrix(np.pad(rng.poisson(2.0, (200, 4)), ((0, 0), (0, 2))).astype(np.float32))
    prior = np.zeros((6, WIDTH), dtype=np.float32)
    readout = fit_readout(counts, np.arange(6), rehearsals_of(rng.standard_normal((200, WIDTH))), prior)
    np.testing.assert_allclose(readout.error_variance[4:], MIN_VARIANCE / 200, rtol=1e-5)


def growth_found(growth: float, *, depth: float) -> Readout:
    """Return a read-out from states whose error variance grows with the distance, 1 or 8, to this power."""
    rng = np.random.default_rng(0)
    counts, states, weights = planted(depth=depth)
    distance = np.repeat([1.0, 8.0], N_CELLS // 2)[rng.permutation(N_CELLS)]
    off = 0.1 * np.sqrt(distance**growth)[:, None] * rng.standard_normal(states.shape)
    prior = np.concatenate([weights, NO_PRIOR[:1]]).astype(np.float32)
    return fit_readout(counts, GENES, rehearsals_of(states + off, distance=distance), prior)


@pytest.mark.parametrize("growth", [0.0, 0.5, 1.0])
def test_the_growth_of_errors_with_distance_is_recovered(growth: float) -> None:
    readout = growth_found(growth, depth=2e5)
    assert readout.growth == pytest.approx(growth, abs=0.1)
    assert readout.typical_distance == pytest.approx(np.sqrt(8), rel=0.01)


def test_counting_noise_which_is_the_same_everywhere_hides_little_of_that_growth() -> None:
    assert growth_found(1.0, depth=1e4).growth > 0.63


@pytest.mark.parametrize("distance", [0.3, 1.0, 1.7320508, 2.0, 2.6457513])
def test_practice_at_one_distance_alone_knows_no_growth(distance: float) -> None:
    counts, states, _ = planted()
    readout = fit_readout(
        counts, GENES, rehearsals_of(states[:12], distance=np.full(12, distance, dtype=np.float32)), NO_PRIOR
    )
    assert readout.growth == 0
    assert readout.typical_distance == pytest.approx(max(distance, 1.0))


HAND_MADE = Readout(
    mean=np.array([1.0, 0.5], dtype=np.float32),
    weights=np.array([[1.0, 0.0], [0.5, -2.0]], dtype=np.float32),
    error_variance=np.array([0.04, 0.25], dtype=np.float32),
    growth=0.5,
    typical_distance=4.0,
)


def test_predictions_are_those_worked_by_hand() -> None:
    states = np.array([[2.0, 0.0], [1.0, 3.0]], dtype=np.float32)
    expected, sd = HAND_MADE.predict(states, np.array([4.0, 1.0], dtype=np.float32))
    np.testing.assert_allclose(expected, [[3.0, 1.5], [2.0, 0.0]])  # 1 + 0.5 - 6 is below what can be
    np.testing.assert_allclose(sd, [[0.2, 0.5], [np.sqrt(0.02), np.sqrt(0.125)]], rtol=1e-6)
    assert expected.dtype == sd.dtype == np.float32


def test_uncertainty_grows_with_distance_to_twice_the_variance_at_most() -> None:
    sd = np.array([spread_of(HAND_MADE, np.zeros((1, 2)), distance)[0, 0] for distance in (0.0, 1.0, 2, 5, 16, 1e6)])
    assert sd[0] == sd[1]
    assert (np.diff(sd[1:5]) > 0).all()
    np.testing.assert_allclose(sd[-2:], 0.2 * np.sqrt(2), rtol=1e-6)


# --- telling signal from noise -------------------------------------------------------------------------


@pytest.mark.parametrize("depth", [500.0, 4000.0])
def test_the_variance_of_expected_expression_is_told_from_that_of_counting(depth: float) -> None:
    """With states that say nothing, all of a gene's signal is error."""
    rng = np.random.default_rng(0)
    signal = np.array([0.0, 0.1, 0.3])
    log_share = np.log(0.1) + np.sqrt(signal) * rng.standard_normal((6000, 3))
    share = np.exp(log_share - signal / 2)
    share = np.column_stack([share, np.full((6000, 5), 0.2)])
    share /= share.sum(axis=1, keepdims=True)
    counts = sp.csr_matrix(rng.poisson(depth * share).astype(np.float32))
    nothing = rehearsals_of(np.zeros((6000, WIDTH)))
    readout = fit_readout(counts, np.arange(3), nothing, np.zeros((8, WIDTH), dtype=np.float32))
    truth = np.log1p(1e4 * share[:, :3]).var(axis=0)
    np.testing.assert_allclose(readout.error_variance, truth, rtol=0.15, atol=0.004)
    measured = gene_moments(log_expression(counts)).variance[:3]
    assert (readout.error_variance < measured).all()


@pytest.mark.parametrize("mean_count", [0.5, 2.5, 10.0])
def test_also_of_genes_of_few_counts_the_explainable_variance_is_told_from_noise(mean_count: float) -> None:
    rng, depth = np.random.default_rng(0), 5000.0
    share = mean_count / depth * np.exp(0.7 * rng.standard_normal((4000, 6)) - 0.245)
    counts = sp.csr_matrix(rng.poisson(depth * np.column_stack([share, 1 - share.sum(axis=1)])).astype(np.float32))
    nothing = rehearsals_of(np.zeros((4000, WIDTH)))
    readout = fit_readout(counts, np.arange(6), nothing, np.zeros((7, WIDTH), dtype=np.float32))
    truth = sum(poisson.pmf(k, depth * share) * np.log1p(1e4 * k / depth) for k in range(150)).var(axis=0)
    assert 0.7 < (readout.error_variance / truth).mean() < 1.3


def test_the_seed_of_the_thinning_changes_the_error_but_not_the_weights() -> None:
    counts, states, _ = planted(depth=500.0)
    first, second, third = (
        fit_readout(counts, GENES, rehearsals_of(states), NO_PRIOR, seed=seed) for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first.error_variance, second.error_variance)
    np.testing.assert_array_equal(first.weights, third.weights)
    assert not np.array_equal(first.error_variance, third.error_variance)


def test_logged_input_has_no_molecules_to_split_so_all_its_variance_counts() -> None:
    counts, states, _ = planted()
    relative = sp.csr_matrix(counts.multiply(0.37))
    readout = fit_readout(relative, GENES, rehearsals_of(0 * states), NO_PRIOR)
    np.testing.assert_allclose(readout.error_variance, gene_moments(log_expression(relative)).variance[:-1], rtol=0.01)


# --- kriging -------------------------------------------------------------------------------------------


def kriged_truth(*, noise: float) -> tuple[NDArray[np.float64], KrigedGenes]:
    """Return (N, 4) kriged components of planted cells, with noise, and how the genes but the last follow from them."""
    _, states, weights = planted()
    loadings = np.concatenate([weights, np.zeros((1, WIDTH))])
    kriged = states + noise * np.random.default_rng(1).standard_normal(states.shape)
    return kriged, KrigedGenes(loadings=loadings, practised=loadings)


def weights_with_kriging(*, noise_of_states: float, noise_of_kriging: float) -> NDArray[np.float32]:
    counts, states, _ = planted()
    states = states + noise_of_states * np.random.default_rng(2).standard_normal(states.shape)
    kriged, kriging = kriged_truth(noise=noise_of_kriging)
    return fit_readout(counts, GENES, rehearsals_of(states, kriged=kriged), NO_PRIOR, kriging=kriging).weights


@pytest.mark.parametrize(("noise_of_states", "noise_of_kriging", "expected"), [(0.05, 3.0, 0.0), (30.0, 0.05, 1.0)])
def test_kriging_gets_the_share_that_rehearsals_speak_for(
    noise_of_states: float, noise_of_kriging: float, expected: float
) -> None:
    _, _, weights = planted()
    found = weights_with_kriging(noise_of_states=noise_of_states, noise_of_kriging=noise_of_kriging)
    share = (found[:, WIDTH:] * weights).sum() / np.square(weights).sum()
    assert share == pytest.approx(expected, abs=0.05)


def test_where_both_say_the_same_so_does_their_mean() -> None:
    found = weights_with_kriging(noise_of_states=0.0, noise_of_kriging=0.0)
    np.testing.assert_allclose(found[:, :WIDTH] + found[:, WIDTH:], planted()[2], atol=0.06)


def test_a_gene_that_kriging_says_nothing_of_is_the_model_s() -> None:
    counts, states, _ = planted()
    kriged, kriging = kriged_truth(noise=0.05)
    kriging.loadings[3] = 0
    states = states + np.random.default_rng(2).standard_normal(states.shape)
    both = fit_readout(counts, GENES, rehearsals_of(states, kriged=kriged), NO_PRIOR, kriging=kriging)
    alone = fit_readout(counts, GENES, rehearsals_of(states), NO_PRIOR)
    np.testing.assert_allclose(both.weights[3, :WIDTH], alone.weights[3], rtol=1e-5)
    assert both.error_variance[3] == pytest.approx(alone.error_variance[3], rel=1e-5)
    assert (both.error_variance[:3] < alone.error_variance[:3]).all()


def test_kriging_is_judged_by_what_was_practised_and_used_with_what_was_not() -> None:
    counts, states, weights = planted()
    noisy = states + 30 * np.random.default_rng(2).standard_normal(states.shape)
    kriged, kriging = kriged_truth(noise=0.05)
    turned = replace(kriging, loadings=2 * kriging.loadings)
    found = fit_readout(counts, GENES, rehearsals_of(noisy, kriged=kriged), NO_PRIOR, kriging=turned)
    np.testing.assert_allclose(found.weights[:, WIDTH:], 2 * weights, atol=0.06)


# --- the frame of embeddings ---------------------------------------------------------------------------


def planted_frame() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the (K, D) frame of planted genes, and the read-out it is of, in units of each gene's scale."""
    counts, states, weights = planted()
    prior = np.concatenate([weights, NO_PRIOR[:1]]).astype(np.float32)
    everything, scale = np.arange(N_GENES + 1), np.linspace(0.5, 2.0, N_GENES + 1)
    frame = gene_frame(counts, everything, rehearsals_of(states), prior, scale=scale)
    readout = fit_readout(counts, everything, rehearsals_of(states), prior)
    return frame, readout.weights / scale[:, None]


def test_a_frame_s_directions_are_orthonormal_and_span_the_readout() -> None:
    frame, weights = planted_frame()
    np.testing.assert_allclose(frame.T @ frame, np.eye(frame.shape[1]), atol=1e-5)
    np.testing.assert_allclose(frame @ (frame.T @ weights), weights, atol=1e-5 * np.abs(weights).max())


def test_a_frame_does_not_turn_against_the_readout() -> None:
    frame, weights = planted_frame()
    overlap = frame.T @ weights
    np.testing.assert_allclose(overlap, overlap.T, atol=1e-5 * np.abs(overlap).max())
    assert (np.linalg.eigvalsh(overlap) > 0).all()


def test_a_state_that_the_readout_says_nothing_of_has_no_direction() -> None:
    counts, states, _ = planted()
    states = np.concatenate([states[:, :1], 0 * states[:, 1:]], axis=1)
    frame = gene_frame(counts, GENES, rehearsals_of(states), NO_PRIOR, scale=np.ones(len(GENES)))
    assert np.linalg.norm(frame[:, 0]) == pytest.approx(1)
    np.testing.assert_allclose(frame[:, 1:], 0, atol=1e-9)
