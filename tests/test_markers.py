import numpy as np
import pytest
import scipy.sparse as sp
from matplotlib.figure import Figure
from scipy.stats import false_discovery_control, mannwhitneyu

from napari_stimg.errors import InputError
from napari_stimg.expression import log_expression
from napari_stimg.markers import GENES_AT_ONCE, adjusted, draw_dot_plot, find_markers
from napari_stimg.progress import run
from sample_data.programs import LAYERS, PROGRAMS
from sample_data.sections import layered_hexagonal


def small_counts(n_spots=60, n_genes=9):
    """Return Poisson counts of few values, so of many ties, among them a gene that is silent."""
    rng = np.random.default_rng(0)
    counts = rng.poisson(rng.uniform(0.1, 4, n_genes), (n_spots, n_genes)).astype(np.float32)
    counts[:, 4] = 0
    return sp.csr_matrix(counts), rng.integers(-1, 3, n_spots)


def test_the_test_is_that_of_scipy_ties_and_all():
    counts, labels = small_counts()
    markers = run(find_markers(counts, labels))
    dense = log_expression(counts).toarray()
    for domain in range(3):
        inside, outside = dense[labels == domain], dense[(labels >= 0) & (labels != domain)]
        for gene in (0, 1, 2, 3, 5, 6, 7, 8):
            known = mannwhitneyu(inside[:, gene], outside[:, gene], use_continuity=False, method="asymptotic")
            assert markers.auc[domain, gene] == pytest.approx(known.statistic / len(inside) / len(outside))
            assert np.sign(markers.z[domain, gene]) == np.sign(markers.auc[domain, gene] - 0.5)
            assert markers.p_adjusted[domain, gene] >= known.pvalue
        p = [
            mannwhitneyu(a, b, use_continuity=False, method="asymptotic").pvalue if a.any() or b.any() else 1.0
            for a, b in zip(inside.T, outside.T, strict=True)
        ]
        np.testing.assert_allclose(markers.p_adjusted[domain], false_discovery_control(p), rtol=1e-6)


def test_shares_means_and_fold_changes_are_those_of_the_dense_table():
    counts, labels = small_counts()
    markers = run(find_markers(counts, labels))
    dense = log_expression(counts).toarray().astype(np.float64)
    inside, outside = dense[labels == 1], dense[(labels == 0) | (labels == 2)]
    np.testing.assert_allclose(markers.share_in[1], (inside > 0).mean(axis=0))
    np.testing.assert_allclose(markers.share_out[1], (outside > 0).mean(axis=0))
    np.testing.assert_allclose(markers.mean[1], inside.mean(axis=0))
    ratio = (np.expm1(inside).mean(axis=0) + 1) / (np.expm1(outside).mean(axis=0) + 1)
    np.testing.assert_allclose(markers.log2_fold_change[1], np.log2(ratio))


def test_a_silent_gene_marks_nothing():
    markers = run(find_markers(*small_counts()))
    assert markers.auc[:, 4].tolist() == [0.5] * 3
    assert markers.z[:, 4].tolist() == [0] * 3
    assert markers.p_adjusted[:, 4].tolist() == [1] * 3


def test_more_genes_than_are_compared_at_once_make_no_difference():
    counts, labels = small_counts()
    times = GENES_AT_ONCE // counts.shape[1] + 2
    many = sp.hstack([counts] * times, format="csr")
    once, often = run(find_markers(counts, labels)), run(find_markers(many, labels))
    np.testing.assert_allclose(often.z, np.tile(once.z, times), atol=1e-4)


def test_the_genes_that_the_simulator_raises_in_a_layer_mark_it():
    slide = layered_hexagonal()
    names = sorted(set(slide.obs["layer"].astype(str)))
    labels = np.searchsorted(names, slide.obs["layer"].astype(str))
    markers = run(find_markers(slide.counts, labels))
    programs = {symbol: program for program in PROGRAMS for symbol in program.symbols}
    hits = [
        names[domain] == LAYERS[int(np.argmax(programs[str(slide.gene_names[gene])].profile))]
        for domain in range(len(names))
        for gene in markers.best(domain, 2)
    ]
    assert np.mean(hits) > 0.7


def test_the_table_lists_the_best_markers_of_each_domain_first():
    counts, labels = small_counts()
    markers = run(find_markers(counts, labels))
    table = markers.table([f"G{i}" for i in range(9)], ["a", "b", "c"])
    assert len(table) == 27
    assert table["domain"].tolist() == ["a"] * 9 + ["b"] * 9 + ["c"] * 9
    assert table["gene"][9] == f"G{markers.best(1, 1)[0]}"
    assert (np.diff(table["z"][9:18]) <= 0).all()


def test_a_domain_without_spots_has_no_markers():
    counts, labels = small_counts()
    labels = np.where(labels == 1, 3, labels)
    markers = run(find_markers(counts, labels))
    assert np.isnan(markers.z[1]).all()
    assert np.isnan(markers.p_adjusted[1]).all()
    assert markers.best(1, 4).size == 0
    assert markers.best(3, 4).size > 0


def test_one_domain_alone_is_refused():
    counts, labels = small_counts()
    with pytest.raises(InputError, match="at least two domains with spots, found 1"):
        run(find_markers(counts, np.minimum(labels, 0)))


def test_adjusting_is_that_of_scipy_and_leaves_unknown_p_out():
    p = np.random.default_rng(0).uniform(size=30) ** 3
    np.testing.assert_allclose(adjusted(p), false_discovery_control(p))
    np.testing.assert_allclose(adjusted(np.append(p, np.nan)), np.append(false_discovery_control(p), np.nan))


def test_the_dot_plot_has_a_dot_for_each_domain_and_each_of_their_best_genes():
    counts, labels = small_counts()
    markers = run(find_markers(counts, labels))
    axes = Figure().add_subplot()
    draw_dot_plot(axes, markers, gene_names=[f"G{i}" for i in range(9)], domain_names=["a", "b", "c"], n_best=2)
    shown = [label.get_text() for label in axes.get_xticklabels()]
    assert shown == list(dict.fromkeys(f"G{g}" for domain in range(3) for g in markers.best(domain, 2)))
    assert [label.get_text() for label in axes.get_yticklabels()] == ["a", "b", "c"]
    dots = axes.collections[0]
    assert len(dots.get_offsets()) == 3 * len(shown)
    first = int(shown[0][1:])
    assert dots.get_array()[0] == pytest.approx(markers.mean[0, first])
    assert dots.get_sizes()[0] == pytest.approx(120 * markers.share_in[0, first])
