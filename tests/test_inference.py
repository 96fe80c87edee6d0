from collections.abc import Callable, Generator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from napari_stimg.checkpoint import Checkpoint
from napari_stimg.errors import InputError
from napari_stimg.expression import log_expression
from napari_stimg.inference import (
    QUICK,
    InferenceParameters,
    Reconstruction,
    WindowParameters,
    check_mask,
    embed,
    reconstruct,
)
from napari_stimg.lattice import find_lattice
from napari_stimg.progress import Progress, run
from napari_stimg.scores import score_reconstruction, summary
from napari_stimg.slide import Slide
from tests.known_slides import (
    SMALL_WINDOWS,
    block,
    checkpoint_of,
    factor_checkpoint,
    irregular_checkpoint,
    irregular_slide,
    simulated_slide,
    slide_of,
    wavy_slide,
)


@pytest.fixture(scope="module")
def slide() -> Slide:
    return simulated_slide()


@pytest.fixture(scope="module")
def active() -> Checkpoint:
    """Return a model whose layers all take part, so that whatever leaks shows."""
    return factor_checkpoint(active=True)


def scattered(slide: Slide, share: float) -> NDArray[np.bool_]:
    return np.random.default_rng(0).random(slide.n_spots) < share


def all_but(slide: Slide, n_visible: int) -> NDArray[np.bool_]:
    mask = np.ones(slide.n_spots, dtype=bool)
    mask[np.random.default_rng(0).choice(slide.n_spots, n_visible, replace=False)] = False
    return mask


MASKS: dict[str, Callable[[Slide], NDArray[np.bool_]]] = {
    "a single spot": lambda slide: np.arange(slide.n_spots) == 200,
    "a square": lambda slide: block(slide, row=8, col=6, side=8),
    "scattered spots": lambda slide: scattered(slide, 0.3),
    "the upper half": lambda slide: find_lattice(slide).cell_of_spot[:, 0] < 15,
    "the lower two thirds": lambda slide: find_lattice(slide).cell_of_spot[:, 0] >= 10,
    "all but ten spots": lambda slide: all_but(slide, 10),
    "all but two spots": lambda slide: all_but(slide, 2),
}
every_mask = pytest.mark.parametrize("draw", MASKS.values(), ids=MASKS.keys())


# --- secrecy: what is hidden cannot leak ---------------------------------------------------------------


def poisoned(slide: Slide, mask: NDArray[np.bool_], value: float) -> Slide:
    """Return the slide with hidden counts all of a value, also where there were none; slides refuse NaN when made."""
    counts = slide.counts.tolil()
    counts[np.flatnonzero(mask)] = 1.0
    other = replace(slide, counts=counts.tocsr())
    rows = np.repeat(np.arange(slide.n_spots), np.diff(other.counts.indptr))
    other.counts.data[mask[rows]] = value
    return other


@every_mask
@pytest.mark.parametrize("value", [np.nan, 1e6])
def test_hidden_counts_and_library_sizes_never_reach_the_result(
    draw: Callable[[Slide], NDArray[np.bool_]], value: float, slide: Slide, active: Checkpoint
) -> None:
    mask = draw(slide)
    clean = run(reconstruct(slide, mask, active, params=SMALL_WINDOWS))
    other = run(reconstruct(poisoned(slide, mask, value), mask, active, params=SMALL_WINDOWS))
    np.testing.assert_array_equal(other.expected, clean.expected)
    np.testing.assert_array_equal(other.sd, clean.sd)


def test_visible_counts_do_reach_the_result(slide: Slide, active: Checkpoint) -> None:
    mask = MASKS["a square"](slide)
    clean = run(reconstruct(slide, mask, active, params=SMALL_WINDOWS))
    other = run(reconstruct(poisoned(slide, ~mask & scattered(slide, 0.3), 3.0), mask, active, params=SMALL_WINDOWS))
    assert not np.array_equal(other.expected, clean.expected)


def test_a_hidden_spot_leaks_nothing_to_a_visible_one_in_its_cell() -> None:
    slide = irregular_slide()
    lattice = find_lattice(slide)
    mask = np.zeros(slide.n_spots, dtype=bool)
    first_of_cell = np.unique(lattice.token_of_spot, return_index=True)[1]
    shared = np.setdiff1d(np.arange(slide.n_spots), first_of_cell)
    assert shared.size > 10
    mask[shared] = True
    clean = run(reconstruct(slide, mask, irregular_checkpoint(), params=SMALL_WINDOWS))
    for value in (np.nan, 1e6):
        other = run(reconstruct(poisoned(slide, mask, value), mask, irregular_checkpoint(), params=SMALL_WINDOWS))
        np.testing.assert_array_equal(other.expected, clean.expected)
        np.testing.assert_array_equal(other.sd, clean.sd)


# --- masks of any shape --------------------------------------------------------------------------------


@every_mask
@pytest.mark.parametrize("params", [InferenceParameters(n_rehearsals=3), SMALL_WINDOWS], ids=["large", "small"])
def test_masks_of_any_shape_are_reconstructed(
    draw: Callable[[Slide], NDArray[np.bool_]], params: InferenceParameters, slide: Slide, active: Checkpoint
) -> None:
    mask = draw(slide)
    found = run(reconstruct(slide, mask, active, params=params))
    np.testing.assert_array_equal(found.spots, np.flatnonzero(mask))
    np.testing.assert_array_equal(found.columns, np.arange(slide.n_genes))
    assert found.expected.shape == found.sd.shape == (mask.sum(), slide.n_genes)
    assert found.expected.dtype == found.sd.dtype == np.float32
    assert np.isfinite(found.expected).all()
    assert (found.expected >= 0).all()
    assert np.isfinite(found.sd).all()
    assert (found.sd > 0).all()
    assert found.elapsed_s > 0


def test_hidden_spots_at_different_places_get_different_predictions(slide: Slide, active: Checkpoint) -> None:
    found = run(reconstruct(slide, MASKS["a square"](slide), active, params=SMALL_WINDOWS))
    nearest, _ = cKDTree(found.expected).query(found.expected, k=[2])
    assert (nearest > 0.01).all()


def test_genes_that_no_visible_spot_counted_have_an_uncertainty(slide: Slide) -> None:
    counts = slide.counts.tolil()
    counts[:, 3] = 0
    empty = replace(slide, counts=counts.tocsr())
    found = run(reconstruct(empty, MASKS["a square"](slide), factor_checkpoint()))
    assert (found.sd[:, 3] > 0).all()


@pytest.mark.parametrize(
    ("mask", "message"),
    [
        (
            np.zeros(5, dtype=bool),
            "expected a mask that hides spots, found none hidden; draw or place it on the tissue",
        ),
        (np.ones(5, dtype=bool), "leaves spots visible, found all 5 hidden; hide only a part of the section"),
        (np.zeros(4, dtype=bool), r"expected a mask of 5 spots, found the shape \(4,\); give True or False for each"),
        (np.zeros((5, 1), dtype=bool), r"expected a mask of 5 spots, found the shape \(5, 1\)"),
        (np.array([0, 1, 0, 0, 1]), r"True and False, found values of type int64; give mask.astype\(bool\)"),
    ],
)
def test_masks_that_cannot_be_meant_are_refused(mask: NDArray[Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        check_mask(mask, slide_of(np.ones((5, 3))))


def test_reconstruction_checks_its_mask(slide: Slide, active: Checkpoint) -> None:
    with pytest.raises(InputError, match="found none hidden"):
        run(reconstruct(slide, np.zeros(slide.n_spots, dtype=bool), active))


def test_a_mask_that_leaves_one_cell_visible_is_refused(slide: Slide, active: Checkpoint) -> None:
    with pytest.raises(InputError, match="leaves at least 2 cells visible, found 1; hide only a part of the section"):
        run(reconstruct(slide, all_but(slide, 1), active))


# --- what is asked for ---------------------------------------------------------------------------------


def test_a_gene_is_reconstructed_alike_whatever_else_is_asked(slide: Slide, active: Checkpoint) -> None:
    mask = MASKS["a square"](slide)
    everything = run(reconstruct(slide, mask, active, params=SMALL_WINDOWS))
    names = [str(slide.gene_names[7]).lower(), str(slide.gene_names[2])]
    some = run(reconstruct(slide, mask, active, genes=names, params=SMALL_WINDOWS))
    np.testing.assert_array_equal(some.columns, [7, 2])
    np.testing.assert_allclose(some.expected, everything.expected[:, [7, 2]], rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(some.sd, everything.sd[:, [7, 2]], rtol=1e-4)


def test_a_gene_that_is_not_on_the_slide_is_refused(slide: Slide, active: Checkpoint) -> None:
    with pytest.raises(InputError, match="found NOTHERE not among its 80 genes"):
        run(reconstruct(slide, MASKS["a square"](slide), active, genes=["NOTHERE"]))


def test_a_slide_of_unknown_genes_is_refused(active: Checkpoint) -> None:
    slide = slide_of(np.ones((5, 3)))
    with pytest.raises(InputError, match=r"expected genes that the model knows .* found none among 3"):
        run(embed(slide, active))
    with pytest.raises(InputError, match=r"expected genes that the model knows .* found none among 3"):
        run(reconstruct(slide, np.arange(5) == 2, active))


# --- quality -------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def hole() -> tuple[NDArray[np.bool_], Reconstruction]:
    """Return a square hole in the wavy section, and what a model says of it that knows every second gene."""
    mask = block(wavy_slide(), row=12, col=12, side=12)
    return mask, run(reconstruct(wavy_slide(), mask, checkpoint_of(wavy_slide(), every=2)))


@pytest.mark.parametrize("first", [0, 1], ids=["known genes", "unknown genes"])
def test_genes_known_and_unknown_are_reconstructed_far_better_than_by_their_mean(
    first: int, hole: tuple[NDArray[np.bool_], Reconstruction]
) -> None:
    scores = score_reconstruction(wavy_slide(), find_lattice(wavy_slide()), hole[1])
    assert summary(scores[first::2])["gain_percent"] > 15


def test_uncertainty_is_larger_farther_inside_a_hole(hole: tuple[NDArray[np.bool_], Reconstruction]) -> None:
    mask, found = hole
    positions = find_lattice(wavy_slide()).positions
    distance, _ = cKDTree(positions[~mask]).query(positions[mask])
    border, middle = found.sd[distance < 1.5].mean(axis=0), found.sd[distance > 4].mean(axis=0)
    assert (middle > 1.1 * border).all()


def test_uncertainty_tells_how_far_off_the_expectation_is(hole: tuple[NDArray[np.bool_], Reconstruction]) -> None:
    _, found = hole
    truth = log_expression(wavy_slide().counts)[found.spots].toarray()  # deep counts: next to no noise
    off = (found.expected - truth) / found.sd
    assert 0.5 < off.std() < 1.6


# --- windows -------------------------------------------------------------------------------------------


def difference(first: NDArray[np.float32], second: NDArray[np.float32]) -> float:
    """Return the root mean square difference of reconstructions, as a share of their spread."""
    return float(np.linalg.norm(first - second) / np.linalg.norm(first - first.mean(axis=0)))


@pytest.mark.parametrize("stride", [5, 8, 12])
def test_reconstructions_hardly_depend_on_the_grid_of_windows(stride: int, slide: Slide) -> None:
    mask = MASKS["a square"](slide)
    windows = WindowParameters(side=32, stride=stride)
    for kriging in (False, True):
        first, second = (
            run(reconstruct(slide, mask, factor_checkpoint(), params=params)).expected
            for params in (InferenceParameters(kriging=kriging), InferenceParameters(kriging=kriging, windows=windows))
        )
        assert 0 < difference(first, second) < 0.1


# --- progress, cancelling, seeds, parameters -----------------------------------------------------------

Task = Callable[[Slide, Checkpoint], Generator[Progress, None, Any]]
every_task = pytest.mark.parametrize(
    "task",
    [
        lambda slide, checkpoint: embed(slide, checkpoint, params=SMALL_WINDOWS),
        lambda slide, checkpoint: reconstruct(slide, MASKS["a square"](slide), checkpoint, params=SMALL_WINDOWS),
    ],
    ids=["embed", "reconstruct"],
)


@every_task
def test_progress_goes_from_nothing_to_everything(task: Task, slide: Slide, active: Checkpoint) -> None:
    told: list[Progress] = []
    run(task(slide, active), told.append)
    assert len({progress.total for progress in told}) == 1
    assert [progress.done for progress in told] == list(range(told[0].total + 1))
    assert all(progress.message for progress in told)


@every_task
def test_closing_a_task_cancels_it(task: Task, slide: Slide, active: Checkpoint) -> None:
    running = task(slide, active)
    assert next(running).done == 0
    assert next(running).done == 1
    running.close()
    with pytest.raises(StopIteration):
        next(running)


def test_equal_seeds_give_equal_results(slide: Slide, active: Checkpoint) -> None:
    mask = MASKS["a square"](slide)
    first, second = (run(reconstruct(slide, mask, active, params=replace(SMALL_WINDOWS, seed=3))) for _ in range(2))
    np.testing.assert_array_equal(first.expected, second.expected)
    np.testing.assert_array_equal(first.sd, second.sd)


@pytest.mark.parametrize(
    "change",
    [
        {"seed": 1},
        {"n_rehearsals": 5},
        {"windows": WindowParameters(side=10, stride=4)},
        {"windows": WindowParameters(side=12, stride=5)},
        {"kriging": False},
    ],
    ids=str,
)
def test_every_parameter_changes_the_result(change: dict[str, Any], slide: Slide, active: Checkpoint) -> None:
    mask, other = MASKS["a square"](slide), replace(SMALL_WINDOWS, **change)
    first, second = (run(reconstruct(slide, mask, active, params=params)) for params in (SMALL_WINDOWS, other))
    assert not np.array_equal(first.expected, second.expected)


def test_what_is_quick_is_the_model_alone_without_an_uncertainty(slide: Slide, active: Checkpoint) -> None:
    mask = MASKS["a square"](slide)
    alone = InferenceParameters(kriging=False)
    quick, full = (run(reconstruct(slide, mask, active, params=params)) for params in (QUICK, alone))
    np.testing.assert_allclose(quick.expected, full.expected, atol=1e-5)
    assert np.isnan(quick.sd).all()
    assert np.isfinite(full.sd).all()


def test_no_rehearsal_is_refused() -> None:
    with pytest.raises(InputError, match="expected at least 1 rehearsal, found 0; give how often"):
        InferenceParameters(n_rehearsals=0)
