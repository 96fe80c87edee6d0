from dataclasses import replace
from functools import cache
from itertools import islice
from typing import Any

import numpy as np
import pytest
import torch

from napari_stimg.errors import InputError
from napari_stimg.expression import gene_moments, log_expression
from napari_stimg.lattice import find_lattice
from napari_stimg.tokens import precision_of
from napari_stimg.vocabulary import Vocabulary, build_vocabulary
from tests.known_slides import simulated_slide, slide_of
from trainer.batches import VISIBLE_WEIGHT, Batch, Sample, SamplingParameters, batches, collate, draw_sample
from trainer.corpus import THINNINGS, Section, load_sections, token_tables

SHAPE = (9, 6)
PARAMS = SamplingParameters(n_channels=23)


@cache
def section() -> Section:
    """Return a section of which the vocabulary knows every gene but the first 20."""
    slide = simulated_slide()
    return load_sections([slide], Vocabulary(symbols=tuple(map(str, slide.gene_names[20:])), aliases={}))[0]


def draw(seed: int, params: SamplingParameters = PARAMS, *, shape: tuple[int, int] = SHAPE) -> Sample:
    return draw_sample(section(), shape, params, np.random.default_rng(seed))


def drawn(n: int, params: SamplingParameters = PARAMS) -> list[Sample]:
    return [draw(seed, params) for seed in range(n)]


# --- sections ------------------------------------------------------------------------------------------


def test_a_section_holds_its_known_genes_and_the_library_size_of_all() -> None:
    slide = simulated_slide()
    expression = log_expression(slide.counts)
    order = np.argsort(find_lattice(slide).token_of_spot)  # no spot shares a cell
    np.testing.assert_array_equal(section().counts.toarray(), slide.counts.toarray()[order][:, 20:])
    np.testing.assert_array_equal(section().expression.toarray(), expression.toarray()[order][:, 20:])
    np.testing.assert_array_equal(section().library_size, slide.counts.toarray().sum(axis=1)[order])
    np.testing.assert_array_equal(section().ids, np.arange(60))
    assert section().name == slide.name


def test_a_section_knows_its_gene_means_at_every_thinning() -> None:
    assert tuple(section().moments) == THINNINGS
    whole = gene_moments(section().expression)
    np.testing.assert_allclose(section().moments[1.0].mean, whole.mean, rtol=1e-5)
    means = [section().moments[share].mean.mean() for share in THINNINGS]
    assert means[0] > means[1] > means[2]  # fewer counts, more zeros


def test_the_seed_of_loading_is_that_of_the_thinned_means() -> None:
    slide = simulated_slide()
    vocabulary = build_vocabulary([slide])
    first, second, third = (load_sections([slide], vocabulary, seed=seed)[0].moments[0.5].mean for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, second)
    assert not np.array_equal(first, third)


def test_token_tables_are_those_of_the_slides() -> None:
    slide = simulated_slide()
    (table,) = token_tables([slide], build_vocabulary([slide]))
    assert table.expression.shape == slide.counts.shape
    np.testing.assert_array_equal(table.positions, find_lattice(slide).token_positions)


# --- samples -------------------------------------------------------------------------------------------


def test_a_sample_shows_its_visible_cells_and_asks_all_hidden_ones_first() -> None:
    for sample in drawn(20):
        n_asked, n_visible = len(sample.queries), len(sample.values)
        assert n_asked <= 54
        assert sample.values.shape == (n_visible, 23)
        assert sample.targets.shape == sample.weight.shape == (n_asked, 23)
        np.testing.assert_array_equal(sample.queries[n_asked - n_visible :], sample.positions)
        hidden = {tuple(place) for place in sample.queries[: n_asked - n_visible].tolist()}
        assert hidden
        assert hidden.isdisjoint({tuple(place) for place in sample.positions.tolist()})


def test_places_are_those_of_the_lattice() -> None:
    known = {tuple(place) for place in section().lattice.token_positions.tolist()}
    assert all(tuple(place) in known for sample in drawn(5) for place in sample.queries.tolist())


def test_genes_are_drawn_anew_for_each_sample() -> None:
    first, second = drawn(2)
    assert len(set(first.genes.tolist())) == 23
    assert set(first.genes.tolist()) != set(second.genes.tolist())


def test_hidden_targets_are_the_full_log_expression_less_the_section_s_mean() -> None:
    place_of_cell = {tuple(place): cell for cell, place in enumerate(section().lattice.token_positions.tolist())}
    deviation = section().expression.toarray() - section().moments[1.0].mean
    for sample in drawn(10):
        n_hidden = len(sample.queries) - len(sample.values)
        cells = [place_of_cell[tuple(place)] for place in sample.queries[:n_hidden].tolist()]
        np.testing.assert_allclose(sample.targets[:n_hidden], deviation[cells][:, sample.genes], rtol=1e-4, atol=1e-4)


def test_shown_values_are_never_targets() -> None:
    n_zero = 0
    for sample in drawn(30):
        n_hidden = len(sample.queries) - len(sample.values)
        shown = sample.shown_precision > 0
        copied = np.isclose(sample.targets[n_hidden:], sample.values, atol=1e-5)[:, shown]
        weight = sample.weight[n_hidden:][:, shown]
        assert ((weight == 0) | ~copied.all(axis=0)).all()
        n_zero += int((weight == 0).all())
    assert n_zero > 5  # unless half of the counts are kept back, all that is shown is known


def test_hidden_cells_weigh_as_their_genes_precision_and_hidden_parts_of_visible_ones_less() -> None:
    precision = precision_of(section().moments[1.0])
    seen = set()
    for sample in drawn(40):
        n_hidden = len(sample.queries) - len(sample.values)
        np.testing.assert_allclose(sample.weight[:n_hidden], np.tile(precision[sample.genes], (n_hidden, 1)))
        for weight, gene, shown in zip(
            sample.weight[n_hidden:].T, sample.genes, sample.shown_precision > 0, strict=True
        ):
            share = (weight / precision[gene]).round(6)
            assert len(set(share.tolist())) == 1
            assert share[0] in ((0, np.float32(VISIBLE_WEIGHT)) if shown else (np.float32(VISIBLE_WEIGHT),))
            seen.add((bool(shown), bool(share[0] > 0)))
    assert seen == {(True, False), (True, True), (False, True)}


def test_at_half_of_the_counts_the_other_half_is_asked_of_visible_cells() -> None:
    """Shown and asked values share their expectation but not their noise."""
    pairs = []
    for sample in drawn(150, replace(PARAMS, drop_genes_share=0.0, channel_rule="top-hvg")):
        n_hidden = len(sample.queries) - len(sample.values)
        if (sample.weight[n_hidden:] > 0).all():
            pairs.append((sample.values, sample.targets[n_hidden:]))
    assert 20 < len(pairs) < 80  # a third of them
    shown, asked = (np.concatenate(part) for part in zip(*pairs, strict=True))
    assert abs(shown.mean() - asked.mean()) < 0.02
    assert shown.std() == pytest.approx(asked.std(), rel=0.05)
    assert 0.1 < np.corrcoef(shown.ravel(), asked.ravel())[0, 1] < 0.9


def test_dropped_genes_are_not_shown_in_any_cell_but_asked_in_all() -> None:
    for sample in drawn(30, replace(PARAMS, drop_genes_share=1.0)):
        dropped = sample.shown_precision == 0
        assert dropped.mean() < 0.75
        assert (sample.weight[:, dropped] > 0).all()
    assert any((sample.shown_precision == 0).any() for sample in drawn(5, replace(PARAMS, drop_genes_share=1.0)))
    assert all((sample.shown_precision > 0).all() for sample in drawn(20, replace(PARAMS, drop_genes_share=0.0)))


@pytest.mark.parametrize(
    "change", [{"n_channels": 11}, {"channel_rule": "uniform"}, {"random_mask_share": 0.0}], ids=str
)
def test_every_parameter_of_a_sample_changes_it(change: dict[str, Any]) -> None:
    samples, others = drawn(5), drawn(5, replace(PARAMS, **change))
    assert any(
        one.values.shape != other.values.shape or not np.array_equal(one.values, other.values)
        for one, other in zip(samples, others, strict=True)
    )


def test_equal_seeds_draw_equal_samples() -> None:
    for one, other in zip(draw(3), draw(3), strict=True):
        np.testing.assert_array_equal(one, other)


def test_no_channels_are_refused() -> None:
    with pytest.raises(InputError, match="expected at least 1 channel, found 0"):
        draw(0, replace(PARAMS, n_channels=0))


# --- batches -------------------------------------------------------------------------------------------


def test_samples_of_different_sizes_are_padded_with_what_counts_nothing() -> None:
    samples = [draw(0, shape=(3, 4)), draw(1, replace(PARAMS, n_channels=5), shape=(9, 6))]
    batch = collate(samples)
    assert batch.values.shape[0] == batch.genes.shape[0] == 2
    for row, sample in enumerate(samples):
        n_visible, n_asked, n_channels = len(sample.values), len(sample.queries), len(sample.genes)
        assert batch.present[row].tolist() == [True] * n_visible + [False] * (batch.present.shape[1] - n_visible)
        np.testing.assert_array_equal(batch.values[row, :n_visible, :n_channels], sample.values)
        np.testing.assert_array_equal(batch.positions[row, :n_visible], sample.positions)
        np.testing.assert_array_equal(batch.queries[row, :n_asked], sample.queries)
        np.testing.assert_array_equal(batch.genes[row, :n_channels], sample.genes)
        np.testing.assert_array_equal(batch.targets[row, :n_asked, :n_channels], sample.targets)
        np.testing.assert_array_equal(batch.weight[row, :n_asked, :n_channels], sample.weight)
        assert not batch.weight[row, n_asked:].any()
        assert not batch.weight[row, :, n_channels:].any()
        assert not batch.shown_precision[row, n_channels:].any()


def first_batches(n: int, params: SamplingParameters, *, seed: int = 0) -> list[Batch]:
    return list(islice(batches([section()], params, seed=seed), n))


SMALL = SamplingParameters(n_channels=7, sides=(5, 9), tokens_per_batch=200)


def test_batches_hold_about_as_many_cells_as_asked() -> None:
    for batch in first_batches(10, SMALL):
        asked = int((batch.weight > 0).any(dim=-1).sum())
        assert asked <= 200 + 81
        assert batch.queries.shape[1] <= 81
        assert all(tensor.isfinite().all() for tensor in batch)


def test_crops_of_a_batch_have_one_size_and_sizes_change_between_batches() -> None:
    extents = [(batch.queries.amax(dim=1) - batch.queries[:, 0]).amax().item() for batch in first_batches(12, SMALL)]
    assert min(extents) < 6 < max(extents)


def test_equal_seeds_give_equal_batches() -> None:
    first, second, third = (first_batches(2, SMALL, seed=seed)[1] for seed in (1, 1, 2))
    assert all(torch.equal(one, other) for one, other in zip(first, second, strict=True))
    assert not torch.equal(first.genes, third.genes) or first.values.shape != third.values.shape


@pytest.mark.parametrize("change", [{"sides": (7,)}, {"tokens_per_batch": 300}, {"drop_genes_share": 0.0}], ids=str)
def test_every_parameter_of_batches_changes_them(change: dict[str, Any]) -> None:
    pairs = zip(first_batches(3, SMALL), first_batches(3, replace(SMALL, **change)), strict=True)
    assert any(
        one.values.shape != other.values.shape or not torch.equal(one.shown_precision, other.shown_precision)
        for one, other in pairs
    )


def test_larger_sections_are_drawn_more_often_by_the_square_root_of_their_size() -> None:
    large = np.random.default_rng(0).poisson(3.0, (400, 4))
    slides = [
        slide_of(counts, places=places.astype(np.float64), array_indices=places, gene_names=np.array(genes))
        for counts, places, genes in (
            (large, np.indices((20, 20)).reshape(2, -1).T, ["A0", "A1", "A2", "A3"]),
            (large[:100], np.indices((10, 10)).reshape(2, -1).T, ["B0", "B1", "B2", "B3"]),
        )
    ]
    sections = load_sections(slides, build_vocabulary(slides))
    params = SamplingParameters(sides=(5,), tokens_per_batch=10_000, n_channels=4)
    genes = next(batches(sections, params, seed=0)).genes
    share = (genes[:, 0] < 4).float().mean().item()
    assert share == pytest.approx(2 / 3, abs=4 * np.sqrt(2 / 9 / len(genes)))
