"""What the model expects if one gene were expressed otherwise."""

from typing import Any

import numpy as np
import pytest

from napari_stimg.checkpoint import Checkpoint
from napari_stimg.errors import InputError
from napari_stimg.expression import log_expression
from napari_stimg.expression_change import MAX_LOG_EXPRESSION, Scale, SetTo
from napari_stimg.lattice import find_lattice
from napari_stimg.progress import run
from napari_stimg.slide import Slide
from napari_stimg.what_if import AROUND, WhatIf, what_if
from tests.known_slides import (
    SMALL_WINDOWS,
    block,
    factor_checkpoint,
    irregular_checkpoint,
    irregular_slide,
    simulated_slide,
    slide_of,
)

KNOCK_OUT = Scale(factor=0.0)


@pytest.fixture(scope="module")
def slide() -> Slide:
    return simulated_slide()


@pytest.fixture(scope="module")
def chosen(slide: Slide) -> np.ndarray:
    return block(slide, row=8, col=6, side=8)


@pytest.fixture(scope="module")
def gene(slide: Slide, chosen: np.ndarray) -> str:
    """Return the gene that is expressed most in the chosen spots."""
    return str(slide.gene_names[np.argmax(log_expression(slide.counts)[chosen].mean(axis=0))])


def ask(slide: Slide, chosen: np.ndarray, **options: Any) -> WhatIf:
    checkpoint: Checkpoint = options.pop("checkpoint", factor_checkpoint(active=True))
    return run(what_if(slide, chosen, checkpoint, **({"params": SMALL_WINDOWS} | options)))


def test_a_factor_of_one_changes_nothing(slide: Slide, chosen: np.ndarray, gene: str) -> None:
    assert not ask(slide, chosen, gene=gene, change=Scale(factor=1.0)).change.any()


def test_knocking_out_and_overexpressing_change_the_gene_in_opposite_ways(
    slide: Slide, chosen: np.ndarray, gene: str
) -> None:
    down, up = (ask(slide, chosen, gene=gene, change=Scale(factor=factor)) for factor in (0.0, 4.0))
    column = int(slide.columns_of([gene])[0])
    assert down.change[down.is_changed, column].mean() < 0 < up.change[up.is_changed, column].mean()
    assert np.abs(np.delete(down.change, column, axis=1)).max() > 0


def test_setting_a_gene_in_one_spot_to_what_it_has_changes_nothing(slide: Slide, chosen: np.ndarray, gene: str) -> None:
    (column,) = slide.columns_of([gene])
    values = log_expression(slide.counts)[:, column].toarray().ravel()
    spot = np.flatnonzero(chosen)[np.argmax(values[chosen])]
    one = np.arange(slide.n_spots) == spot
    same = ask(slide, one, gene=gene, change=SetTo(log_expression=float(values[spot]))).change
    np.testing.assert_allclose(same, 0, atol=1e-4)
    assert np.abs(ask(slide, one, gene=gene, change=SetTo(log_expression=values[spot] / 2)).change).max() > 1e-3


def test_set_to_nothing_is_multiplied_by_nothing(slide: Slide, chosen: np.ndarray, gene: str) -> None:
    one, other = (ask(slide, chosen, gene=gene, change=c).change for c in (SetTo(log_expression=0), Scale(factor=0)))
    np.testing.assert_allclose(one, other, atol=1e-6)


def test_a_gene_that_is_silent_there_can_be_set() -> None:
    counts = np.random.default_rng(0).poisson(5, (40, 12))
    counts[:10, 3] = 0
    options = {"gene": "GENE3", "checkpoint": irregular_checkpoint()}
    result = ask(slide_of(counts), np.arange(40) < 10, change=SetTo(log_expression=6.0), **options)
    assert result.change.any()
    with pytest.raises(InputError, match="expected GENE3 to be expressed"):
        ask(slide_of(counts), np.arange(40) < 10, change=SetTo(log_expression=0.0), **options)


def test_in_a_cell_that_spots_share_only_the_chosen_ones_are_set() -> None:
    expression, of_gene, of_all = np.array([10.0, 10.0]), np.array([0.25, 1.0]), np.array([0.5, 1.0])
    np.testing.assert_allclose(SetTo(log_expression=np.log1p(4.0)).of(expression, of_gene, of_all), [9.5, 4.0])
    np.testing.assert_allclose(Scale(factor=3.0).of(expression, of_gene, of_all), [15.0, 30.0])


@pytest.mark.parametrize("value", [-0.1, np.nan, MAX_LOG_EXPRESSION + 0.1])
def test_a_log_expression_that_is_none_is_refused(value: float) -> None:
    with pytest.raises(InputError, match=r"expected a log expression from 0 to 9\.21"):
        SetTo(log_expression=value)


def test_the_spots_are_those_chosen_and_those_around(slide: Slide, chosen: np.ndarray, gene: str) -> None:
    result = ask(slide, chosen, gene=gene, change=KNOCK_OUT)
    positions = find_lattice(slide).positions
    gaps = np.linalg.norm(positions[:, None] - positions[chosen], axis=2).min(axis=1)
    np.testing.assert_array_equal(result.spots, np.flatnonzero(gaps <= AROUND))
    np.testing.assert_array_equal(result.spots[result.is_changed], np.flatnonzero(chosen))


def test_only_the_genes_asked_for_are_told_and_as_among_all(slide: Slide, chosen: np.ndarray, gene: str) -> None:
    every = ask(slide, chosen, gene=gene, change=KNOCK_OUT)
    some = ask(slide, chosen, gene=gene, change=KNOCK_OUT, genes=[str(slide.gene_names[5]), str(slide.gene_names[9])])
    np.testing.assert_array_equal(some.columns, [5, 9])
    np.testing.assert_allclose(some.change, every.change[:, [5, 9]], atol=1e-5)


def test_the_table_lists_the_most_changed_gene_first(slide: Slide, chosen: np.ndarray, gene: str) -> None:
    result = ask(slide, chosen, gene=gene, change=KNOCK_OUT)
    table = result.table(slide.gene_names)
    inside = result.change[result.is_changed].mean(axis=0)
    assert table.index[0] == slide.gene_names[result.columns[np.argmax(np.abs(inside))]]
    assert table["inside"].abs().is_monotonic_decreasing
    assert table["around"].iloc[0] == pytest.approx(
        result.change[~result.is_changed][:, np.argmax(np.abs(inside))].mean()
    )


def test_spots_that_share_a_cell_are_asked_for_together() -> None:
    slide = irregular_slide()
    chosen = np.zeros(slide.n_spots, dtype=np.bool_)
    chosen[:40] = True
    result = ask(slide, chosen, gene="GENE3", change=KNOCK_OUT, checkpoint=irregular_checkpoint())
    assert np.isfinite(result.change).all()
    assert result.change.any()


def test_a_change_of_the_whole_section_has_nothing_around_it(slide: Slide, gene: str) -> None:
    table = ask(slide, np.ones(slide.n_spots, dtype=np.bool_), gene=gene, change=KNOCK_OUT).table(slide.gene_names)
    assert table["around"].isna().all()
    assert table["inside"].notna().all()


@pytest.mark.parametrize("factor", [-1.0, np.nan, np.inf])
def test_a_factor_that_is_none_is_refused(factor: float) -> None:
    with pytest.raises(InputError, match="expected a finite factor >= 0"):
        Scale(factor=factor)


def test_no_chosen_spot_is_refused(slide: Slide, gene: str) -> None:
    with pytest.raises(InputError, match=r"expected some of .* spots in which to change"):
        ask(slide, np.zeros(slide.n_spots, dtype=np.bool_), gene=gene, change=KNOCK_OUT)


def test_a_gene_that_the_model_does_not_know_is_refused(slide: Slide, chosen: np.ndarray) -> None:
    unknown = str(slide.gene_names[1])
    with pytest.raises(InputError, match=f"expected a gene that the model knows, found {unknown}"):
        ask(slide, chosen, gene=unknown, change=KNOCK_OUT, checkpoint=factor_checkpoint(every=2))


def test_a_gene_that_is_silent_there_is_refused() -> None:
    counts = np.random.default_rng(0).poisson(5, (40, 12))
    counts[:10, 3] = 0
    with pytest.raises(InputError, match="expected GENE3 to be expressed in the chosen spots"):
        ask(
            slide_of(counts),
            np.arange(40) < 10,
            gene="GENE3",
            change=Scale(factor=2.0),
            checkpoint=irregular_checkpoint(),
        )


def test_a_single_cell_has_no_surroundings_to_tell_it_from() -> None:
    with pytest.raises(InputError, match="expected at least 2 cells"):
        ask(slide_of(np.ones((1, 12))), np.ones(1, dtype=np.bool_), gene="GENE3", change=KNOCK_OUT)
