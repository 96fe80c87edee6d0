"""How well labels that were hidden come back, on embeddings that tell them, or do not."""

import numpy as np
import pytest

from napari_stimg.agreement import N_FOLDS, Agreement, held_out_agreement
from napari_stimg.domains import PaintParameters
from napari_stimg.lattice import Lattice, find_lattice
from napari_stimg.progress import Progress, run
from tests.synthetic_lattices import SQUARE, array_of, place, slide_at

PLAIN = PaintParameters(refine=False)


@pytest.fixture(scope="module")
def lattice() -> Lattice:
    indices = array_of(SQUARE, 30, 24)
    return find_lattice(slide_at(place(indices, SQUARE), indices=indices))


def agreement(embedding: np.ndarray, lattice: Lattice, labels: np.ndarray, **options: object) -> Agreement:
    return run(held_out_agreement(embedding, lattice, labels, **{"params": PLAIN} | options))


def test_an_embedding_that_tells_the_labels_brings_all_back(lattice: Lattice) -> None:
    labels = np.arange(lattice.n_spots) % 3
    assert agreement(np.eye(3)[labels], lattice, labels) == Agreement(n_spots=720, accuracy=1.0, ari=1.0)


def test_an_embedding_of_noise_agrees_by_chance(lattice: Lattice) -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, lattice.n_spots)
    found = agreement(rng.normal(size=(lattice.n_spots, 5)), lattice, labels)
    assert found.accuracy == pytest.approx(0.5, abs=0.06)
    assert found.ari == pytest.approx(0.0, abs=0.02)


def test_neighbours_of_a_tested_spot_do_not_give_it_away(lattice: Lattice) -> None:
    rows = lattice.cell_of_spot[:, 0] // 6
    labels = np.random.default_rng(0).permutation(np.arange(20))[rows * 4 + lattice.cell_of_spot[:, 1] // 6] % 2
    by_place = agreement(lattice.positions, lattice, labels)
    assert by_place.accuracy < 0.75  # the places of the squares' middles say nothing of a random label


def test_unlabelled_spots_are_not_tested(lattice: Lattice) -> None:
    labels = np.arange(lattice.n_spots) % 3
    labels[::2] = -1
    assert agreement(np.eye(4)[labels], lattice, labels).n_spots == 360


def test_a_label_that_is_in_one_place_only_is_not_tested(lattice: Lattice) -> None:
    labels = np.arange(lattice.n_spots) % 2
    labels[0] = 2
    assert agreement(np.eye(3)[labels], lattice, labels) == Agreement(n_spots=719, accuracy=1.0, ari=1.0)


def test_labels_in_one_place_cannot_be_tested(lattice: Lattice) -> None:
    labels = np.full(lattice.n_spots, -1)
    labels[:2] = 0, 1
    found = agreement(np.zeros((lattice.n_spots, 2)), lattice, labels)
    assert found.n_spots == 0
    assert np.isnan([found.accuracy, found.ari]).all()


def test_seed_and_parameters_change_the_result(lattice: Lattice) -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, lattice.n_spots)
    embedding = labels[:, None] + rng.normal(size=(lattice.n_spots, 2))
    first = agreement(embedding, lattice, labels, seed=0)
    assert agreement(embedding, lattice, labels, seed=0) == first
    assert agreement(embedding, lattice, labels, seed=1) != first
    assert agreement(embedding, lattice, labels, params=PaintParameters(refine=True)) != first


def test_progress_counts_the_folds(lattice: Lattice) -> None:
    labels = np.arange(lattice.n_spots) % 3
    seen: list[Progress] = []
    run(held_out_agreement(np.eye(3)[labels], lattice, labels, params=PLAIN), seen.append)
    assert [(progress.done, progress.total) for progress in seen] == [(n, N_FOLDS) for n in range(N_FOLDS + 1)]
