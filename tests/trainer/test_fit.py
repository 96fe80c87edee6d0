import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from napari_stimg.checkpoint import Checkpoint, load_checkpoint
from napari_stimg.errors import InputError
from napari_stimg.model import MAEConfig, MaskedAutoencoder
from napari_stimg.progress import Progress, run
from napari_stimg.slide import Slide
from napari_stimg.vocabulary import build_vocabulary
from tests.known_slides import activate, simulated_slide, wavy_slide
from trainer.batches import Batch, SamplingParameters, batches, collate, draw_sample
from trainer.corpus import load_sections
from trainer.fit import FitParameters, fit, make_optimiser, masked_loss, mean_loss, schedule, start_from_loadings
from trainer.loadings import LoadingsParameters

SLIDES = [simulated_slide(n_rows=20, n_cols=18, n_genes=40), simulated_slide(n_rows=20, n_cols=18, n_genes=40, seed=1)]
SAMPLING = SamplingParameters(sides=(5, 7), tokens_per_batch=150, n_channels=11)
LOADINGS = LoadingsParameters(width=8, n_iterations=2)
SHORT = FitParameters(steps=4, warmup=2, learning_rate=0.01, gene_learning_rate=0.01)


def small_model() -> MaskedAutoencoder:
    torch.manual_seed(0)
    config = MAEConfig(n_genes=40, width=8, n_heads=2, n_encoder_layers=1, n_decoder_layers=1)
    return activate(MaskedAutoencoder(config))


@pytest.fixture(scope="module")
def batch() -> Batch:
    """Return three crops of different sizes, so most tensors are padded."""
    section = load_sections(SLIDES[:1], build_vocabulary(SLIDES))[0]
    rng = np.random.default_rng(2)
    return collate([draw_sample(section, shape, SAMPLING, rng) for shape in ((3, 4), (9, 6), (5, 5))])


def gradients(model: MaskedAutoencoder, batch: Batch) -> list[Tensor]:
    model.zero_grad()
    masked_loss(model, batch).backward()
    found = [weight.grad for weight in model.parameters()]
    assert all(gradient is not None for gradient in found)
    return [gradient.clone() for gradient in found]


# --- the loss ------------------------------------------------------------------------------------------


def test_the_loss_is_the_weighted_squared_error_of_what_counts(batch: Batch) -> None:
    model = small_model()
    with torch.no_grad():
        tokens = model.tokens(batch.values, batch.genes, batch.shown_precision)
        latents = model.encode(tokens, batch.positions, batch.present)
        states = model.decode(latents, batch.positions, batch.present, batch.queries)
        off = model.read_out(states, batch.genes) - batch.targets
        counted = [w * e**2 for w, e in zip(batch.weight.flatten().tolist(), off.flatten().tolist(), strict=True) if w]
        assert masked_loss(model, batch).item() == pytest.approx(np.mean(counted), rel=1e-4)


def test_the_loss_of_means_is_that_of_predicting_no_deviation(batch: Batch) -> None:
    model = small_model()
    with torch.no_grad():
        model.gene_out.weight.zero_()
        torch.testing.assert_close(masked_loss(model, batch), mean_loss(batch))


def test_what_weighs_nothing_teaches_nothing(batch: Batch) -> None:
    model = small_model()
    targets = torch.where(batch.weight > 0, batch.targets, 1e3)
    for gradient, other in zip(gradients(model, batch), gradients(model, batch._replace(targets=targets)), strict=True):
        assert torch.equal(gradient, other)


def test_only_hidden_values_teach(batch: Batch) -> None:
    model = small_model()
    hidden = batch.weight * (batch.weight > 0).all(dim=-1, keepdim=True)
    alone = torch.zeros_like(batch.weight)
    alone[1, 0, 3] = hidden[1, 0, 3]
    taught = gradients(model, batch._replace(weight=alone))[1]  # of gene_out
    assert torch.equal(taught.abs().sum(dim=1).nonzero().ravel(), batch.genes[1, 3].reshape(1))


def test_gradients_are_finite_though_crops_are_padded(batch: Batch) -> None:
    assert not batch.present.all()
    for gradient in gradients(small_model(), batch):
        assert gradient.isfinite().all()
        assert gradient.any()


def test_padding_changes_neither_loss_nor_gradients(batch: Batch) -> None:
    model = small_model()

    def padded(tensor: Tensor, *extra: int) -> Tensor:
        return torch.nn.functional.pad(tensor, [amount for more in reversed(extra) for amount in (0, more)])

    wider = Batch(
        values=padded(batch.values, 3, 2),
        genes=padded(batch.genes, 2),
        shown_precision=padded(batch.shown_precision, 2),
        positions=padded(batch.positions, 3, 0),
        present=padded(batch.present, 3),
        queries=padded(batch.queries, 4, 0),
        targets=padded(batch.targets, 4, 2),
        weight=padded(batch.weight, 4, 2),
    )
    torch.testing.assert_close(masked_loss(model, wider), masked_loss(model, batch))
    for gradient, same in zip(gradients(model, batch), gradients(model, wider), strict=True):
        torch.testing.assert_close(gradient, same, rtol=1e-3, atol=1e-5)


def test_a_model_overfits_one_batch_of_a_section(batch: Batch) -> None:
    torch.manual_seed(0)
    model = MaskedAutoencoder(MAEConfig(n_genes=40, width=16, n_heads=2, n_encoder_layers=1))
    start_from_loadings(model, 0.3 * np.random.default_rng(0).standard_normal((40, 16)).astype(np.float32))
    optimiser = torch.optim.Adam(model.parameters(), lr=0.01)
    for _ in range(150):
        loss = masked_loss(model, batch)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert loss.item() < 0.2 * mean_loss(batch).item()


# --- optimiser and schedule ----------------------------------------------------------------------------


def test_both_gene_embeddings_start_from_the_loadings() -> None:
    model, loadings = small_model(), np.random.default_rng(0).random((40, 8)).astype(np.float32)
    start_from_loadings(model, loadings)
    np.testing.assert_array_equal(model.gene_in.weight.detach().numpy(), loadings)
    np.testing.assert_array_equal(model.gene_out.weight.detach().numpy(), loadings)
    with torch.no_grad():
        model.gene_in.weight += 1
    np.testing.assert_array_equal(model.gene_out.weight.detach().numpy(), loadings)


def test_every_weight_is_optimised_once_and_only_matrices_of_layers_decay() -> None:
    model = small_model()
    params = FitParameters(learning_rate=0.3, gene_learning_rate=0.2, weight_decay=0.1)
    group_of = {id(weight): group for group in make_optimiser(model, params).param_groups for weight in group["params"]}
    assert len(group_of) == sum(1 for _ in model.parameters())
    for name, weight in model.named_parameters():
        of_genes = name.startswith("gene_")
        assert group_of[id(weight)]["peak"] == (0.2 if of_genes else 0.3)
        assert group_of[id(weight)]["weight_decay"] == (0.1 if weight.ndim > 1 and not of_genes else 0)


def test_the_rate_warms_up_linearly_and_falls_as_a_cosine_to_zero() -> None:
    params = FitParameters(steps=110, warmup=10)
    assert [schedule(step, params) for step in (0, 4, 9)] == pytest.approx([0.1, 0.5, 1.0])
    assert [schedule(step, params) for step in (10, 35, 60, 110)] == pytest.approx(
        [1.0, 0.5 + np.sqrt(0.125), 0.5, 0.0]
    )


def test_a_run_no_longer_than_its_warm_up_has_a_rate() -> None:
    params = FitParameters(steps=5, warmup=5)
    assert [schedule(step, params) for step in (4, 5)] == [1.0, 1.0]


# --- runs ----------------------------------------------------------------------------------------------


def fitted(
    target: Path,
    params: FitParameters = SHORT,
    *,
    slides: Sequence[Slide] = SLIDES,
    loadings: LoadingsParameters = LOADINGS,
    on_progress: Callable[[Progress], None] | None = None,
) -> Checkpoint:
    run(fit(slides, target, params=params, sampling=SAMPLING, loadings=loadings), on_progress)
    return load_checkpoint(target)


def log_of(target: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in target.with_suffix(".log.jsonl").read_text().splitlines()]


def test_a_run_writes_a_checkpoint_with_its_card_and_a_log(tmp_path: Path) -> None:
    target = tmp_path / "model.safetensors"
    checkpoint = fitted(target, replace(SHORT, steps=45))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model.log.jsonl", "model.safetensors", "model.state"]
    assert checkpoint.vocabulary.symbols == build_vocabulary(SLIDES).symbols
    assert checkpoint.model.config.width == 8
    assert checkpoint.card["sections"] == ["simulated0", "simulated1"]
    assert checkpoint.card["steps"] == 45
    assert checkpoint.card["fit"]["learning_rate"] == 0.01
    assert checkpoint.card["sampling"]["n_channels"] == 11
    assert checkpoint.card["loadings"]["width"] == 8
    log = log_of(target)
    assert [entry["step"] for entry in log] == [20, 40]
    assert all(entry["loss"] > 0 and entry["mean_loss"] > 0 and entry["elapsed_s"] >= 0 for entry in log)


def test_a_run_learns(tmp_path: Path) -> None:
    slides = [wavy_slide()]
    sections = load_sections(slides, build_vocabulary(slides))
    asked = next(batches(sections, replace(SAMPLING, tokens_per_batch=3000), seed=99))

    def loss_after(steps: int) -> float:
        checkpoint = fitted(
            tmp_path / f"{steps}.safetensors",
            replace(SHORT, steps=steps, warmup=5, ema_decay=0.9),
            slides=slides,
            loadings=replace(LOADINGS, n_iterations=1),
        )
        with torch.no_grad():
            return (masked_loss(checkpoint.model, asked) / mean_loss(asked)).item()

    assert loss_after(80) < 0.85 * loss_after(1)


def test_what_is_saved_is_the_average_of_the_weights(tmp_path: Path) -> None:
    checkpoint = fitted(tmp_path / "model.safetensors", replace(SHORT, ema_decay=0.5))
    state = torch.load(tmp_path / "model.state", weights_only=True)
    saved = checkpoint.model.gene_in.weight
    torch.testing.assert_close(saved, state["average"]["module.gene_in.weight"].half().float())
    assert not torch.equal(saved, state["model"]["gene_in.weight"].half().float())


def test_progress_goes_from_nothing_to_everything(tmp_path: Path) -> None:
    told: list[Progress] = []
    fitted(tmp_path / "model.safetensors", replace(SHORT, steps=25), on_progress=told.append)
    done = [progress.done for progress in told]
    assert done == sorted(done)
    assert (done[0], done[-1]) == (0, 25)
    assert {progress.total for progress in told} == {25}
    assert told[0].message == "Indexing sections"
    assert told[1].message == "Fitting gene loadings"
    assert told[-1].message.startswith("Training, loss ")


def test_equal_seeds_give_equal_checkpoints(tmp_path: Path) -> None:
    first, second = (fitted(tmp_path / f"{name}.safetensors") for name in ("first", "second"))
    assert first.sha256 == second.sha256


@pytest.mark.parametrize(
    "change",
    [
        {"steps": 5},
        {"learning_rate": 0.02},
        {"gene_learning_rate": 0.02},
        {"warmup": 3},
        {"weight_decay": 0.5},
        {"ema_decay": 0.5},
        {"clip": 1e-3},
        {"seed": 1},
    ],
    ids=str,
)
def test_every_parameter_changes_the_weights(change: dict[str, Any], tmp_path: Path) -> None:
    first = fitted(tmp_path / "first.safetensors")
    other = fitted(tmp_path / "other.safetensors", replace(SHORT, **change))
    pairs = zip(first.model.parameters(), other.model.parameters(), strict=True)
    assert any(not torch.equal(weight, same) for weight, same in pairs)


def test_checkpoints_are_saved_on_the_way_and_a_closed_run_leaves_the_last_one(tmp_path: Path) -> None:
    target = tmp_path / "model.safetensors"
    running = fit(SLIDES, target, params=replace(SHORT, steps=50, save_every=3), sampling=SAMPLING, loadings=LOADINGS)
    while next(running).done < 8:
        pass
    running.close()
    assert load_checkpoint(target).card["steps"] == 6
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model.safetensors", "model.state"]


# --- going on ------------------------------------------------------------------------------------------


def test_a_run_goes_on_where_it_stopped(tmp_path: Path) -> None:
    target = tmp_path / "model.safetensors"
    fitted(target, replace(SHORT, steps=20))
    told: list[Progress] = []
    checkpoint = fitted(target, replace(SHORT, steps=40), on_progress=told.append)
    assert [progress.done for progress in told] == [0, *range(20, 41)]
    assert checkpoint.card["steps"] == 40
    assert [entry["step"] for entry in log_of(target)] == [20, 40]


def test_going_on_keeps_weights_average_and_optimiser(tmp_path: Path) -> None:
    target = tmp_path / "model.safetensors"
    fitted(target, replace(SHORT, ema_decay=0.5))
    before = torch.load(tmp_path / "model.state", weights_only=True)
    standing = replace(SHORT, steps=5, learning_rate=0.0, gene_learning_rate=0.0, ema_decay=0.5)
    fitted(target, standing)
    after = torch.load(tmp_path / "model.state", weights_only=True)
    assert (before["step"], after["step"]) == (4, 5)
    assert {int(state["step"]) for state in after["optimiser"]["state"].values()} == {5}
    assert after["average"]["n_averaged"] == before["average"]["n_averaged"] + 1
    assert not torch.equal(after["average"]["module.gene_in.weight"], before["average"]["module.gene_in.weight"])


def test_going_on_with_other_sizes_is_refused(tmp_path: Path) -> None:
    target = tmp_path / "model.safetensors"
    fitted(target)
    with pytest.raises(
        InputError,
        match=r"expected model.state to be of a model of these sections and sizes, found one of others; give",
    ):
        fitted(target, replace(SHORT, steps=9), loadings=replace(LOADINGS, width=4))


@pytest.mark.parametrize("steps", [4, 3])
def test_asking_for_no_more_steps_than_are_done_is_refused(steps: int, tmp_path: Path) -> None:
    target = tmp_path / "model.safetensors"
    fitted(target)
    with pytest.raises(
        InputError, match=rf"expected more steps than the 4 that model.state has behind it, found {steps}; ask for more"
    ):
        fitted(target, replace(SHORT, steps=steps))


@pytest.mark.parametrize("content", [b"", b"no state", b"PK\x03\x04 cut off"], ids=["empty", "text", "cut off"])
def test_going_on_from_a_damaged_state_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "model.state").write_bytes(content)
    with pytest.raises(InputError, match=r"found model\.state, which cannot be read; remove it"):
        fitted(tmp_path / "model.safetensors")
    assert not (tmp_path / "model.safetensors").exists()
