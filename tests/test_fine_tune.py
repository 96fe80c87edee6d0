"""Fine-tuning on one section: it learns, it keeps secrets, and what comes out is a checkpoint like any other."""

from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse as sp
import torch
from numpy.typing import NDArray

from napari_stimg.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from napari_stimg.cli import main
from napari_stimg.errors import InputError
from napari_stimg.fine_tune import FineTuneParameters, fine_tune
from napari_stimg.inference import embed
from napari_stimg.io import mask_from_square, read_slide
from napari_stimg.lattice import find_lattice
from napari_stimg.model_card import summary
from napari_stimg.models import describe
from napari_stimg.progress import Progress, run
from napari_stimg.slide import Slide
from napari_stimg.tuning import in_words, seen_in_tuning
from tests.known_slides import factor_checkpoint, simulated_slide
from tests.small_sections import write_small_model, write_small_section

SHORT = FineTuneParameters(steps=3, learning_rate=1e-3, seed=0)


@pytest.fixture(scope="module")
def slide() -> Slide:
    return simulated_slide()


@pytest.fixture(scope="module")
def former() -> Checkpoint:
    return factor_checkpoint(active=True)


@pytest.fixture(scope="module")
def mask(slide: Slide) -> NDArray[np.bool_]:
    return np.random.default_rng(0).random(slide.n_spots) < 0.2


@pytest.fixture(scope="module")
def tuned(slide: Slide, mask: NDArray[np.bool_], former: Checkpoint) -> Checkpoint:
    return run(fine_tune(slide, mask, former, params=SHORT))


def other_counts(slide: Slide, spots: NDArray[np.bool_]) -> Slide:
    """Return the slide with other counts in these spots."""
    counts = slide.counts.toarray()
    counts[spots] = counts[spots][:, ::-1] * 3 + 1
    return replace(slide, counts=sp.csr_matrix(counts))


def test_the_loss_falls_and_progress_tells_it(slide: Slide, former: Checkpoint) -> None:
    steps: list[Progress] = []
    params = FineTuneParameters(steps=60, learning_rate=3e-3)
    result = run(fine_tune(slide, np.zeros(slide.n_spots, dtype=bool), former, params=params), steps.append)
    assert [step.done for step in steps] == list(range(61))
    assert {step.total for step in steps} == {60}
    losses = [float(step.message.split("loss ")[1]) for step in steps[1:]]
    assert losses[-1] < 0.97 * losses[0]
    assert result.card["fine_tuned"][0]["loss"] == pytest.approx(losses[-1], abs=1e-4)


def test_layers_are_trained_and_the_former_model_stays(tuned: Checkpoint, former: Checkpoint) -> None:
    before = {name: weight.half().float() for name, weight in former.model.state_dict().items()}
    changed = {name for name, weight in tuned.model.state_dict().items() if not torch.equal(weight, before[name])}
    assert {"query.log_scale", "encoder.0.to_out.weight", "decoder.0.to_key_value.bias"} <= changed
    assert changed.isdisjoint({"gene_in.weight", "gene_out.weight"})
    again = factor_checkpoint(active=True).model.state_dict()
    assert all(torch.equal(weight, again[name]) for name, weight in former.model.state_dict().items())
    assert not tuned.model.training
    assert all(weight.requires_grad for weight in tuned.model.parameters())


def test_hidden_counts_change_nothing_and_visible_ones_do(
    slide: Slide, mask: NDArray[np.bool_], former: Checkpoint, tuned: Checkpoint
) -> None:
    assert run(fine_tune(other_counts(slide, mask), mask, former, params=SHORT)).sha256 == tuned.sha256
    visible = np.zeros_like(mask)
    visible[np.flatnonzero(~mask)[0]] = True
    assert run(fine_tune(other_counts(slide, visible), mask, former, params=SHORT)).sha256 != tuned.sha256


@pytest.mark.parametrize("change", [{"steps": 4}, {"learning_rate": 2e-3}, {"seed": 1}])
def test_each_parameter_changes_the_model(
    slide: Slide, mask: NDArray[np.bool_], former: Checkpoint, tuned: Checkpoint, change: dict[str, float]
) -> None:
    other = run(fine_tune(slide, mask, former, params=replace(SHORT, **change)))
    weights = (checkpoint.model.state_dict()["query.mix.weight"] for checkpoint in (other, tuned))
    assert not torch.equal(*weights)


def test_it_is_the_same_model_once_saved_and_loaded(slide: Slide, tuned: Checkpoint, tmp_path) -> None:
    target = tmp_path / "mine.safetensors"
    assert save_checkpoint(tuned.model, tuned.vocabulary, tuned.card, target) == tuned.sha256
    loaded = load_checkpoint(target)
    assert (loaded.sha256, loaded.card) == (tuned.sha256, tuned.card)
    np.testing.assert_array_equal(run(embed(slide, loaded)), run(embed(slide, tuned)))


def test_the_card_says_what_it_was_tuned_on(
    slide: Slide, mask: NDArray[np.bool_], former: Checkpoint, tuned: Checkpoint, tmp_path
) -> None:
    np.testing.assert_array_equal(seen_in_tuning(tuned.card, slide), ~mask)
    np.testing.assert_array_equal(seen_in_tuning(tuned.card, replace(slide, name="another")), ~mask)
    assert not seen_in_tuning(former.card, slide).any()
    save_checkpoint(tuned.model, tuned.vocabulary, tuned.card, tmp_path / "mine.safetensors")
    words = dict(summary(describe(tmp_path / "mine.safetensors")))["Fine-tuned on"]
    assert words.startswith(f"{np.count_nonzero(~mask):,} of {slide.n_spots:,} spots of {slide.name}, 3 steps, loss ")


def test_spots_are_known_again_in_a_part_of_the_section_and_among_other_genes(
    slide: Slide, mask: NDArray[np.bool_], tuned: Checkpoint
) -> None:
    part = np.flatnonzero(mask | (np.arange(slide.n_spots) % 3 == 0))[::-1]
    genes = np.random.default_rng(0).permutation(slide.n_genes)
    counts = slide.counts[part][:, genes].tocsr()
    shuffled = replace(slide.select(part), counts=counts, gene_names=slide.gene_names[genes], gene_ids=None)
    np.testing.assert_array_equal(seen_in_tuning(tuned.card, shuffled), ~mask[part])


@pytest.mark.parametrize("changed", ["names", "counts"])
def test_spots_of_another_section_are_not_taken_for_those_seen(slide: Slide, tuned: Checkpoint, changed: str) -> None:
    other = {
        "names": replace(slide, spot_names=np.array([f"other {name}" for name in slide.spot_names])),
        "counts": replace(slide, counts=slide.counts[::-1].tocsr()),
    }
    assert not seen_in_tuning(tuned.card, other[changed]).any()


def test_tuned_twice_it_has_seen_what_either_saw(slide: Slide, mask: NDArray[np.bool_], tuned: Checkpoint) -> None:
    with_scores = replace(tuned, card={**tuned.card, "scores": {"gain_percent": 9}, "validated_on": ["x"]})
    twice = run(fine_tune(slide, np.roll(mask, 1), with_scores, params=SHORT))
    np.testing.assert_array_equal(seen_in_tuning(twice.card, slide), ~(mask & np.roll(mask, 1)))
    assert twice.card["trained_further_from"] == tuned.sha256
    assert twice.card.keys().isdisjoint({"scores", "validated_on"})
    assert twice.path.name.count("tuned") == 1
    assert twice.path != tuned.path


def test_a_foreign_record_is_no_record(slide: Slide) -> None:
    assert in_words({"fine_tuned": "yes"}) == in_words({"fine_tuned": [3, {"section": "a"}]}) == ""


def test_closing_it_stops_it(slide: Slide, mask: NDArray[np.bool_], former: Checkpoint) -> None:
    steps = fine_tune(slide, mask, former, params=SHORT)
    next(steps)
    steps.close()
    with pytest.raises(StopIteration):
        next(steps)


def test_one_visible_cell_is_too_few(slide: Slide, former: Checkpoint) -> None:
    with pytest.raises(InputError, match="at least 2 cells visible, found 1"):
        run(fine_tune(slide, np.arange(slide.n_spots) > 0, former, params=SHORT))


def test_a_rate_too_high_is_an_error(slide: Slide, mask: NDArray[np.bool_], former: Checkpoint) -> None:
    with pytest.raises(InputError, match=r"finite loss, found nan at step .*lower the learning rate of 1e"):
        run(fine_tune(slide, mask, former, params=replace(SHORT, steps=10, learning_rate=1e30)))


def test_the_command_warns_of_scores_of_spots_it_was_trained_on(tmp_path, capsys) -> None:
    section, model = write_small_section(tmp_path / "small.h5ad"), tmp_path / "tuned.safetensors"
    slide, untuned = read_slide(section), load_checkpoint(write_small_model(tmp_path / "model.safetensors"))
    hidden = mask_from_square(slide, find_lattice(slide), 6, 5, 4)
    command = ["reconstruct", str(section), "--square", "6", "5", "4", "--checkpoint", str(model)]
    for mask, warned in ((np.zeros_like(hidden), True), (hidden, False)):
        tuned = run(fine_tune(slide, mask, untuned, params=SHORT))
        save_checkpoint(tuned.model, tuned.vocabulary, tuned.card, model)
        assert main([*command, "-o", str(tmp_path / f"{warned}.h5ad")]) == 0
        assert (f"\n{hidden.sum()} of these spots were visible" in capsys.readouterr().out) is warned
