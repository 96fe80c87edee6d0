"""Nothing that a method says depends on what the hidden spots hold."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

from napari_stimg.expression import log_expression
from napari_stimg.lattice import find_lattice
from napari_stimg.slide import Slide
from tests.known_slides import block, factor_checkpoint, simulated_slide
from trainer.evaluation.puzzle import Puzzle, blank_rows, pose
from trainer.evaluation.reconstruction import methods

SLIDE = simulated_slide()
MASK = block(SLIDE, row=10, col=8, side=6)
COLUMNS = np.arange(0, 80, 3)
METHODS = methods(factor_checkpoint(active=True))


def puzzle_of(slide: Slide) -> Puzzle:
    expression = sp.csr_matrix(log_expression(slide.counts)[:, COLUMNS])
    return pose(slide, find_lattice(slide), MASK, columns=COLUMNS, expression=expression)


def with_hidden(slide: Slide, values: np.ndarray) -> Slide:
    counts = slide.counts.toarray()
    counts[MASK] = values
    return replace(slide, counts=sp.csr_matrix(counts), obs=pd.DataFrame({"layer": MASK}, index=slide.obs.index))


@pytest.mark.parametrize("name", list(METHODS))
def test_huge_hidden_values_change_nothing(name: str) -> None:
    plain = METHODS[name](puzzle_of(SLIDE))
    poisoned = METHODS[name](puzzle_of(with_hidden(SLIDE, np.arange(80) * 1e5)))
    emptied = METHODS[name](puzzle_of(with_hidden(SLIDE, np.zeros(80))))
    assert plain.expected.shape == (MASK.sum(), COLUMNS.size)
    for other in (poisoned, emptied):
        np.testing.assert_array_equal(other.expected, plain.expected)
        np.testing.assert_array_equal(other.sd, plain.sd)


@pytest.mark.parametrize("name", [name for name in METHODS if name != "zeros"])
def test_visible_values_do_change_what_is_said(name: str) -> None:
    counts = SLIDE.counts.toarray()
    counts[~MASK] = counts[~MASK][::-1]
    other = METHODS[name](puzzle_of(replace(SLIDE, counts=sp.csr_matrix(counts))))
    assert not np.array_equal(other.expected, METHODS[name](puzzle_of(SLIDE)).expected)


def test_a_puzzle_holds_neither_counts_nor_annotations_of_hidden_spots() -> None:
    puzzle = puzzle_of(SLIDE)
    assert puzzle.slide.counts[MASK].nnz == 0
    np.testing.assert_array_equal(puzzle.slide.counts[~MASK].toarray(), SLIDE.counts[~MASK].toarray())
    assert puzzle.slide.obs.empty
    assert puzzle.visible.shape == ((~MASK).sum(), COLUMNS.size)
    np.testing.assert_array_equal(puzzle.hidden_positions, find_lattice(SLIDE).positions[MASK])
    assert puzzle.genes == SLIDE.gene_names[COLUMNS].tolist()


def test_blank_rows_leave_no_stored_entries_not_even_nan() -> None:
    counts = sp.csr_matrix(np.array([[1.0, 2.0], [np.nan, 0.0], [0.0, 3.0]]))
    blanked = blank_rows(counts, np.array([False, True, False]))
    assert blanked.toarray().tolist() == [[1, 2], [0, 0], [0, 3]]
    assert blanked.nnz == 3
