import numpy as np
import pytest
from numpy.typing import NDArray

from napari_stimg.lattice import find_lattice
from tests.known_slides import slide_of
from tests.synthetic_lattices import SQUARE, array_of, place
from trainer.evaluation.explainable import Explainable, explainable

INDICES = array_of(SQUARE, 40, 40)
PLACES = place(INDICES, SQUARE)
WAVE = np.sin(INDICES[:, 0] / 3)
JITTER = np.random.default_rng(3).standard_normal(len(INDICES))


def explained(share: NDArray[np.float64], depth: NDArray[np.float64], *, logged: bool = False) -> Explainable | None:
    """Return what there is to explain where a third of 30 genes follow a share; the others keep theirs."""
    share = np.concatenate([np.repeat(share[:, None], 10, axis=1), np.ones((len(share), 20))], axis=1)
    rates = depth[:, None] * share / share.sum(axis=1, keepdims=True)
    counts = np.random.default_rng(0).poisson(rates)
    places, indices = PLACES[: len(share)], INDICES[: len(share)]
    slide = slide_of(counts, places=places, array_indices=indices, logged=logged)
    return explainable(slide, find_lattice(slide), columns=np.arange(30))


ALIKE = np.full(len(INDICES), 300.0)


def test_what_changes_slowly_over_the_section_is_shared_by_neighbours() -> None:
    found = explained(np.exp(0.5 * WAVE), ALIKE)
    assert found is not None
    assert found.shared == pytest.approx(1 - (1 - np.cos(1 / 3)) / 3, abs=0.1)  # two of six neighbours are in line
    assert abs(found.by_depth) < 0.05
    assert 0.1 < found.of_variance < 0.8


def test_what_each_spot_has_for_itself_is_not() -> None:
    found = explained(np.exp(0.5 * JITTER), ALIKE)
    assert found is not None
    assert abs(found.shared) < 0.1
    assert abs(found.by_depth) < 0.05


def test_what_a_spot_s_number_of_counts_does_is_told_apart() -> None:
    found = explained(np.ones(len(INDICES)), 100 * np.exp(JITTER))
    assert found is not None
    assert found.by_depth > 0.9


def test_where_nothing_can_be_split_nothing_is_said() -> None:
    assert explained(np.exp(0.5 * WAVE), ALIKE, logged=True) is None
    assert explained(np.ones(9), ALIKE[:9]) is None
    assert explained(np.ones(len(INDICES)), 0 * ALIKE) is None
