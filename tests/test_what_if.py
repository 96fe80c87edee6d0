"""What the model expects if one gene were expressed otherwise."""

from typing import Any

import numpy as np
import pytest

from napari_stimg.checkpoint import Checkpoint
from napari_stimg.errors import InputError
from napari_stimg.expression import log_expression
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
    assert not ask(slide, chosen, gene=gene, factor=1.0).change.any()


def test_knocking_out_and_overexpressing_change_the_gene_in_opposite_ways(
    slide: Slide, chosen: np.ndarray, gene: str
) -> None:
    down, up = (ask(slide, chosen, gene=gene, factor=factor) for factor in (0.0, 4.0))
    column = int(slide.columns_of([gene])[0])
    assert down.change[down.is_changed, column].mean() < 0 < up.change[up.is_changed, column].mean()
    assert np.abs(np.delete(down.change, column, axis=1)).max() > 0


def test_the_spots_are_those_chosen_and_those_around(slide: Slide, chosen: np.ndarray, gene: str) -> None:
    result = ask(slide, chosen, gene=gene, factor=0.0)
    positions = find_lattice(slide).positions
    gaps = np.linalg.norm(positions[:, None] - positions[chosen], axis=2).min(axis=1)
    np.testing.assert_array_equal(result.spots, np.flatnonzero(gaps <= AROUND))
    np.testing.assert_array_equal(result.spots[result.is_changed], np.flatnonzero(chosen))


def test_only_the_genes_asked_for_are_told_and_as_among_all(slide: Slide, chosen: np.ndarray, gene: str) -> None:
    every = ask(slide, chosen, gene=gene, factor=0.0)
    some = ask(slide, chosen, gene=gene, factor=0.0, genes=[str(slide.gene_names[5]), str(slide.gene_names[9])])
    np.testing.assert_array_equal(some.columns, [5, 9])
    np.testing.assert_allclose(some.change, every.change[:, [5, 9]], atol=1e-5)


def test_the_table_lists_the_most_changed_gene_first(slide: Slide, chosen: np.ndarray, gene: str) -> None:
    result = ask(slide, chosen, gene=gene, factor=0.0)
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
    result = ask(slide, chosen, gene="GENE3", factor=0.0, checkpoint=irregular_checkpoint())
    assert np.isfinite(result.change).all()
    assert result.change.any()


def test_a_change_of_the_whole_section_has_nothing_around_it(slide: Slide, gene: str) -> None:
    table = ask(slide, np.ones(slide.n_spots, dtype=np.bool_), gene=gene, factor=0.0).table(slide.gene_names)
    assert table["around"].isna().all()
    assert table["inside"].notna().all()


@pytest.mark.parametrize("factor", [-1.0, np.nan, np.inf])
def test_a_factor_that_is_none_is_refused(slide: Slide, chosen: np.ndarray, gene: str, factor: float) -> None:
    with pytest.raises(InputError, match="expected a finite factor >= 0"):
        ask(slide, chosen, gene=gene, factor=factor)


def test_no_chosen_spot_is_refused(slide: Slide, gene: str) -> None:
    with pytest.raises(InputError, match=r"expected some of .* spots in which to change"):
        ask(slide, np.zeros(slide.n_spots, dtype=np.bool_), gene=gene, factor=0.0)


def test_a_gene_that_the_model_does_not_know_is_refused(slide: Slide, chosen: np.ndarray) -> None:
    unknown = str(slide.gene_names[1])
    with pytest.raises(InputError, match=f"expected a gene that the model knows, found {unknown}"):
        ask(slide, chosen, gene=unknown, factor=0.0, checkpoint=factor_checkpoint(every=2))


def test_a_gene_that_is_silent_there_is_refused() -> None:
    counts = np.random.default_rng(0).poisson(5, (40, 12))
    counts[:10, 3] = 0
    with pytest.raises(InputError, match="expected GENE3 to be expressed in the chosen spots"):
        ask(slide_of(counts), np.arange(40) < 10, gene="GENE3", factor=2.0, checkpoint=irregular_checkpoint())


def test_a_single_cell_has_no_surroundings_to_tell_it_from() -> None:
    with pytest.raises(InputError, match="expected at least 2 cells"):
        ask(slide_of(np.ones((1, 12))), np.ones(1, dtype=np.bool_), gene="GENE3", factor=0.0)
