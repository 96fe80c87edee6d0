import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from lightning.fabric import Fabric
from torch import Tensor

from napari_stimg.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from napari_stimg.errors import InputError
from napari_stimg.model import MaskedAutoencoder
from napari_stimg.progress import Progress, run
from napari_stimg.vocabulary import Vocabulary
from tests.known_slides import activate, wavy_slide
from tests.small_corpus import load_small_data, small_config
from trainer.batches import draw_batch
from trainer.config import Config, read_config
from trainer.data import Data
from trainer.fit import Due, fit, schedule, set_rate, set_up, update_average
from trainer.objective import Objective, mean_loss
from trainer.run_folder import read_log
from trainer.state import average_weights
from trainer.store import pack_slides

ConfigOf = Callable[..., Config]


@pytest.fixture
def config_of(corpus: Path, tmp_path: Path) -> ConfigOf:
    """Return a function that makes small runs, of four steps, in a folder of this test."""

    def config_of(name: str = "run", **sections: dict[str, Any]) -> Config:
        return small_config(corpus, tmp_path / name, **sections)

    return config_of


def fitted(
    config: Config, *, start: Checkpoint | None = None, on_progress: Callable[[Progress], None] | None = None
) -> Path:
    """Run to the end and return the run's folder."""
    run(fit(config, start=start), on_progress)
    return Path(config.run.folder)


def log_of(folder: Path) -> list[dict[str, Any]]:
    return read_log(folder / "log.jsonl")


def state_of(folder: Path, name: str = "last") -> dict[str, Any]:
    state: dict[str, Any] = torch.load(folder / f"{name}.state", weights_only=True)
    return state


def weights_of(folder: Path, part: str = "average") -> dict[str, Tensor]:
    weights: dict[str, Tensor] = state_of(folder)[part]
    return weights


def equal(weights: dict[str, Tensor], others: dict[str, Tensor]) -> bool:
    return all(torch.equal(weight, others[name]) for name, weight in weights.items())


# --- optimiser, schedule, average ----------------------------------------------------------------------


def small_parts(config: Config, data: Data) -> Any:
    fabric = Fabric(accelerator="cpu", devices=1)
    torch.manual_seed(0)
    return set_up(fabric, config, MaskedAutoencoder(config.model.sized(len(data.vocabulary))))


def test_every_weight_is_optimised_once_and_only_matrices_of_layers_decay(config_of: ConfigOf, data: Data) -> None:
    rates = {"learning_rate": 0.3, "gene_learning_rate": 0.2, "weight_decay": 0.1}
    parts = small_parts(config_of(optimiser=rates), data)
    group_of = {id(weight): group for group in parts.optimiser.param_groups for weight in group["params"]}
    assert len(group_of) == sum(len(group["params"]) for group in parts.optimiser.param_groups)
    assert len(group_of) == sum(1 for _ in parts.objective.parameters())
    for name, weight in parts.objective.named_parameters():
        of_genes = ".gene_" in name
        assert group_of[id(weight)]["peak"] == (0.2 if of_genes else 0.3)
        assert group_of[id(weight)]["weight_decay"] == (0.1 if weight.ndim > 1 and not of_genes else 0)


def test_a_rate_is_a_share_of_each_group_s_peak(config_of: ConfigOf, data: Data) -> None:
    parts = small_parts(config_of(optimiser={"learning_rate": 0.3, "gene_learning_rate": 0.2}), data)
    set_rate(parts.optimiser, 0.5)
    assert [group["lr"] for group in parts.optimiser.param_groups] == pytest.approx([0.1, 0.15, 0.15])


def test_the_rate_warms_up_linearly_and_falls_as_a_cosine_to_zero(config_of: ConfigOf) -> None:
    config = config_of(optimiser={"steps": 110, "warmup": 10})
    assert [schedule(step, config) for step in (0, 4, 9)] == pytest.approx([0.1, 0.5, 1.0])
    assert [schedule(step, config) for step in (10, 35, 60, 110)] == pytest.approx(
        [1.0, 0.5 + np.sqrt(0.125), 0.5, 0.0]
    )


def test_a_run_no_longer_than_its_warm_up_has_a_rate(config_of: ConfigOf) -> None:
    config = config_of(optimiser={"steps": 5, "warmup": 5})
    assert [schedule(step, config) for step in (4, 5)] == [1.0, 1.0]


def test_the_average_comes_to_its_decay_after_a_few_steps() -> None:
    average, weights = torch.nn.Linear(3, 1, bias=False), torch.nn.Linear(3, 1, bias=False)
    expected = average.weight.detach().clone()
    for step, decay in ((0, 0.1), (1, 2 / 11), (5, 0.4), (100, 0.4)):  # (1 + step) / (10 + step), at most 0.4
        update_average(average, weights, 0.4, step)
        expected = decay * expected + (1 - decay) * weights.weight.detach()
        torch.testing.assert_close(average.weight.detach(), expected)


def test_a_step_is_logged_whenever_it_is_validated_or_saved(config_of: ConfigOf) -> None:
    config = config_of(
        optimiser={"steps": 13}, run={"log_every": 5, "validate_every": 4, "save_every": 6, "folder": "run"}
    )
    due = {done: Due.at(done, config) for done in range(1, 14)}
    assert [done for done in due if due[done].log] == [4, 5, 6, 8, 10, 12, 13]
    assert [done for done in due if due[done].validate] == [4, 8, 12, 13]
    assert [done for done in due if due[done].save] == [6, 12, 13]


# --- runs ----------------------------------------------------------------------------------------------


def run_settings(tmp_path: Path, **settings: Any) -> dict[str, Any]:
    return {"folder": str(tmp_path / "run"), **settings}


def test_a_run_writes_settings_genes_log_curves_and_states(config_of: ConfigOf, data: Data) -> None:
    config = config_of(optimiser={"steps": 5}, data={"validation": ["simulated2"]})
    folder = fitted(config)
    names = {path.name for path in folder.iterdir()}
    assert names == {"config.yaml", "vocabulary.json", "log.jsonl", "curves", "last.state", "best.state", "run.lock"}
    assert read_config(folder / "config.yaml") == config
    genes = json.loads((folder / "vocabulary.json").read_text())
    assert genes["sections"] == ["simulated0", "simulated1"]
    assert set(genes["symbols"]) <= set(data.vocabulary.symbols)
    assert len(genes["symbols"]) == 43
    state = state_of(folder)
    assert state.keys() == {"objective", "average", "optimiser", "step", "best"}
    assert state["step"] == 5
    assert any(path.name.startswith("events") for path in (folder / "curves").iterdir())


def test_the_log_has_losses_and_speeds(config_of: ConfigOf, tmp_path: Path) -> None:
    folder = fitted(config_of(optimiser={"steps": 7}, run=run_settings(tmp_path, log_every=3)))
    log = log_of(folder)
    assert [entry["step"] for entry in log] == [3, 6, 7]
    for entry in log:
        assert entry["loss"] > 0
        assert entry["mean_loss"] > 0
        assert entry["crops_per_s"] > 0
        assert 0 < entry["utilisation"] < 2
        assert 0 <= entry["loader_share"] <= 1
        assert entry["elapsed_s"] >= 0
    assert [entry["learning_rate"] for entry in log] == pytest.approx(
        [0.01 * schedule(done - 1, config_of(optimiser={"steps": 7})) for done in (3, 6, 7)]
    )


def test_a_line_of_the_log_is_the_mean_over_its_steps(config_of: ConfigOf, tmp_path: Path) -> None:
    every = fitted(config_of(optimiser={"steps": 6}))
    third = fitted(config_of("third", run={"log_every": 3, "folder": str(tmp_path / "third")}, optimiser={"steps": 6}))
    for key in ("loss", "mean_loss"):
        losses = np.array([entry[key] for entry in log_of(every)]).reshape(2, 3)
        np.testing.assert_allclose([entry[key] for entry in log_of(third)], losses.mean(axis=1), rtol=1e-5)


def test_without_validation_sections_there_is_no_best_state(config_of: ConfigOf) -> None:
    folder = fitted(config_of())
    assert not (folder / "best.state").exists()
    assert all("validation" not in entry for entry in log_of(folder))


def test_a_run_learns(config_of: ConfigOf, tmp_path: Path) -> None:
    pack_slides([wavy_slide()], tmp_path / "wavy")
    data = load_small_data(tmp_path / "wavy")

    def loss_after(steps: int) -> float:
        config = config_of(
            f"{steps} steps",
            data={"corpus": str(tmp_path / "wavy")},
            optimiser={"steps": steps, "warmup": 5, "ema_decay": 0.9},
            loadings={"n_iterations": 1},
        )
        weights, n_steps = average_weights(fitted(config) / "last.state")
        assert n_steps == steps
        model = MaskedAutoencoder(config.model.sized(len(data.vocabulary)))
        model.load_state_dict(weights)
        asked = draw_batch(data.training, config.crops, config.masks, seed=99, number=0)
        with torch.no_grad():
            loss, _ = Objective(model)(asked)
        return (loss / mean_loss(asked)).item()

    assert loss_after(80) < 0.85 * loss_after(1)


def test_what_is_averaged_is_not_what_is_trained(config_of: ConfigOf) -> None:
    folder = fitted(config_of(optimiser={"ema_decay": 0.5}))
    average, objective = (weights_of(folder, part) for part in ("average", "objective"))
    assert average.keys() == objective.keys()
    assert not equal(average, objective)


def test_progress_goes_from_nothing_to_everything(config_of: ConfigOf) -> None:
    told: list[Progress] = []
    fitted(config_of(optimiser={"steps": 9}), on_progress=told.append)
    messages = [progress.message for progress in told]
    assert messages[0] == "Opening sections"
    assert messages.count("Fitting gene loadings") == 1
    training = told[messages.index("Fitting gene loadings") + 1 :]
    assert [progress.done for progress in training] == list(range(10))
    assert {progress.total for progress in training} == {9}
    assert training[0].message == "Training"
    assert training[-1].message.startswith("Training, loss ")


def test_equal_seeds_give_equal_states(config_of: ConfigOf) -> None:
    first, second = (fitted(config_of(name)) for name in ("first", "second"))
    assert equal(weights_of(first), weights_of(second))
    losses, same = ([entry["loss"] for entry in log_of(folder)] for folder in (first, second))
    assert losses == same


@pytest.mark.parametrize(
    ("section", "change"),
    [
        ("optimiser", {"steps": 5}),
        ("optimiser", {"learning_rate": 0.02}),
        ("optimiser", {"gene_learning_rate": 0.02}),
        ("optimiser", {"warmup": 3}),
        ("optimiser", {"weight_decay": 0.5}),
        ("optimiser", {"ema_decay": 0.05}),
        ("optimiser", {"clip": 1e-3}),
        ("optimiser", {"accumulate": 2}),
        ("crops", {"sides": [6]}),
        ("masks", {"scattered": 1.0}),
        ("loadings", {"ridge": 3.0}),
        ("data", {"left_out": ["simulated1"], "min_spots": 1}),
    ],
    ids=str,
)
def test_every_parameter_changes_the_weights(section: str, change: dict[str, Any], config_of: ConfigOf) -> None:
    first, other = fitted(config_of("first")), fitted(config_of("other", **{section: change}))
    weights, others = weights_of(first), weights_of(other)
    assert any(
        weight.shape != others[name].shape or not torch.equal(weight, others[name]) for name, weight in weights.items()
    )


@pytest.mark.parametrize("change", [{"seed": 1}, {"precision": "bf16-mixed"}], ids=str)
def test_seed_and_precision_change_the_weights(change: dict[str, Any], config_of: ConfigOf, tmp_path: Path) -> None:
    first = fitted(config_of("first"))
    other = fitted(config_of(run=run_settings(tmp_path, **change)))
    assert not equal(weights_of(first), weights_of(other))


@pytest.mark.parametrize(
    "change", [{"workers": 1}, {"log_every": 3}, {"validate_every": 2}, {"save_every": 3}], ids=str
)
def test_how_a_run_is_watched_and_fed_changes_no_weight(
    change: dict[str, Any], config_of: ConfigOf, tmp_path: Path
) -> None:
    first = fitted(config_of("first", data={"validation": ["simulated2"]}))
    other = fitted(config_of(run=run_settings(tmp_path, **change), data={"validation": ["simulated2"]}))
    assert equal(weights_of(first), weights_of(other))


# --- validation ----------------------------------------------------------------------------------------


def test_a_run_is_validated_and_keeps_its_best_state(config_of: ConfigOf, tmp_path: Path) -> None:
    config = config_of(
        optimiser={"steps": 12, "learning_rate": 0.3, "warmup": 0, "ema_decay": 0.0},  # so high that losses go up, too
        run=run_settings(tmp_path, validate_every=2, save_every=5),
        data={"validation": ["simulated2"]},
    )
    folder = fitted(config)
    scores = {entry["step"]: entry["validation"] for entry in log_of(folder) if "validation" in entry}
    assert list(scores) == [2, 4, 6, 8, 10, 12]
    for score in scores.values():
        assert score.keys() == {"loss", "mean_loss", "gain_percent", "knn_accuracy"}
        assert 0 <= score["knn_accuracy"] <= 1
        assert score["gain_percent"] == pytest.approx(100 * (1 - score["loss"] / score["mean_loss"]))
        assert score["mean_loss"] == scores[2]["mean_loss"]
    losses = {step: score["loss"] for step, score in scores.items()}
    best_step = min(losses, key=losses.__getitem__)
    assert len(set(losses.values())) == 6
    assert state_of(folder, "best")["step"] == best_step
    assert state_of(folder, "best")["best"] == state_of(folder)["best"] == losses[best_step]


# --- when it goes wrong --------------------------------------------------------------------------------


@pytest.mark.parametrize(("save_every", "steps_kept"), [(1, 1), (3, 0)])
def test_a_loss_that_is_no_number_stops_the_run_and_keeps_the_last_good_state(
    save_every: int, steps_kept: int, config_of: ConfigOf, tmp_path: Path
) -> None:
    optimiser = {"learning_rate": 1e18, "warmup": 0}  # after one such step all weights are out of bounds
    config = config_of(optimiser=optimiser, run=run_settings(tmp_path, save_every=save_every))
    kept = f"the last good state is {tmp_path / 'run' / 'last.state'}" if steps_kept else "no state was saved before"
    with pytest.raises(
        InputError, match=rf"expected a finite loss, found nan with gradients of norm nan at step 2; {kept}: lower "
    ):
        fitted(config)
    folder = tmp_path / "run"
    assert [entry["step"] for entry in log_of(folder)] == [1]
    assert (folder / "last.state").exists() == bool(steps_kept)
    if steps_kept:
        assert state_of(folder)["step"] == steps_kept
        assert all(weight.isfinite().all() for weight in weights_of(folder).values())


def test_weights_that_one_step_made_no_numbers_are_not_saved(config_of: ConfigOf) -> None:
    """The loss of a step is that before it: a bad gradient shows in the loss of the next step only."""
    with pytest.raises(InputError, match=r"found [\d.e+]+ with gradients of norm (inf|nan) at step 1; no state was"):
        fitted(config_of(masks={"visible_weight": 1e30}))


# --- going on ------------------------------------------------------------------------------------------


def test_a_run_goes_on_where_it_stopped(config_of: ConfigOf) -> None:
    folder = fitted(config_of(optimiser={"steps": 2}))
    told: list[Progress] = []
    fitted(config_of(optimiser={"steps": 4}), on_progress=told.append)
    assert [progress.done for progress in told if progress.message.startswith("Training")] == [2, 3, 4]
    assert "Fitting gene loadings" not in {progress.message for progress in told}
    assert state_of(folder)["step"] == 4
    assert [entry["step"] for entry in log_of(folder)] == [1, 2, 3, 4]


def test_going_on_after_any_step_gives_the_weights_of_a_run_in_one_go(config_of: ConfigOf, tmp_path: Path) -> None:
    def settings(name: str) -> dict[str, Any]:
        return {"run": {"folder": str(tmp_path / name), "save_every": 1}, "data": {"validation": ["simulated2"]}}

    whole = fitted(config_of(**settings("whole")))
    running = fit(config_of(**settings("stopped")))
    while (progress := next(running)).done < 3 or not progress.message.startswith("Training"):
        pass
    running.close()
    stopped = tmp_path / "stopped"
    assert state_of(stopped)["step"] == 3
    fitted(config_of(**settings("stopped")))
    for part in ("objective", "average"):
        assert equal(weights_of(whole, part), weights_of(stopped, part))
    for entry, same in zip(log_of(whole), log_of(stopped), strict=True):
        assert all(entry.get(key) == same.get(key) for key in ("step", "loss", "mean_loss", "validation"))


def test_going_on_keeps_weights_average_and_optimiser(config_of: ConfigOf) -> None:
    folder = fitted(config_of(optimiser={"steps": 2}))
    before = state_of(folder)
    fitted(config_of(optimiser={"steps": 3}))
    after = state_of(folder)
    assert {int(entry["step"]) for entry in before["optimiser"]["state"].values()} == {2}
    assert {int(entry["step"]) for entry in after["optimiser"]["state"].values()} == {3}


def test_a_run_that_is_done_stays_as_it_is(config_of: ConfigOf) -> None:
    folder = fitted(config_of())
    state, log = (folder / "last.state").read_bytes(), (folder / "log.jsonl").read_bytes()
    told: list[Progress] = []
    fitted(config_of(), on_progress=told.append)
    assert (told[-1].done, told[-1].total) == (4, 4)
    assert (folder / "last.state").read_bytes() == state
    assert (folder / "log.jsonl").read_bytes() == log


def test_fewer_steps_than_are_done_are_refused(config_of: ConfigOf) -> None:
    folder = fitted(config_of())
    with pytest.raises(
        InputError, match=rf"optimiser\.steps: expected at least the 4 that the run in {folder} has behind it, found 3;"
    ):
        fitted(config_of(optimiser={"steps": 3}))


@pytest.mark.parametrize(
    ("section", "change", "match"),
    [
        ("model", {"width": 12}, r"model\.width: expected 8, with which the run in .* was started, found 12; go on"),
        ("crops", {"sides": [9]}, r"crops\.sides: expected \[5, 7\], with which"),
        ("data", {"min_spots": 3}, r"data\.min_spots: expected 10, with which"),
        ("data", {"left_out": ["simulated1"]}, r"data\.left_out: expected \[\], with which"),
        ("optimiser", {"accumulate": 2}, r"optimiser\.accumulate: expected 1, with which"),
        ("loadings", {"ridge": 1}, r"loadings\.ridge: expected 30\.0, with which"),
    ],
    ids=str,
)
def test_going_on_with_other_settings_is_refused(
    section: str, change: dict[str, Any], match: str, config_of: ConfigOf
) -> None:
    folder = fitted(config_of(optimiser={"steps": 1}))
    settings = (folder / "config.yaml").read_text()
    with pytest.raises(InputError, match=match):
        fitted(config_of(**{"optimiser": {"steps": 2}} | {section: change}))
    assert (folder / "config.yaml").read_text() == settings


# --- training further ----------------------------------------------------------------------------------


def checkpoint_of(config: Config, data: Data, path: Path, *, n_genes: int) -> Checkpoint:
    """Return a saved model of the run's sizes that knows the first genes of the data under its own ids, reversed."""
    symbols = data.vocabulary.symbols[:n_genes][::-1]
    torch.manual_seed(5)
    model = activate(MaskedAutoencoder(config.model.sized(n_genes)))
    save_checkpoint(model, Vocabulary(symbols=symbols, aliases={"OLD": 1}), {"sections": ["before"]}, path)
    return load_checkpoint(path)


STANDING = {"steps": 1, "learning_rate": 0.0, "gene_learning_rate": 0.0}


def test_a_model_trained_further_keeps_its_weights_and_ids_and_new_genes_get_embeddings(
    config_of: ConfigOf, data: Data, tmp_path: Path
) -> None:
    config = config_of(optimiser=STANDING)
    start = checkpoint_of(config, data, tmp_path / "start.safetensors", n_genes=30)
    folder = fitted(config, start=start)
    genes = json.loads((folder / "vocabulary.json").read_text())
    assert genes["from"] == start.sha256
    assert genes["from_sections"] == ["before"]
    assert genes["symbols"][:30] == list(start.vocabulary.symbols)
    assert set(genes["symbols"]) == set(data.vocabulary.symbols)
    assert genes["aliases"]["OLD"] == 1
    weights, _ = average_weights(folder / "last.state")
    for name, weight in start.model.state_dict().items():
        torch.testing.assert_close(weights[name][: len(weight)], weight)
    for name in ("gene_in.weight", "gene_out.weight"):
        new = weights[name][30:]
        assert len(new) == 16
        assert (new.norm(dim=1) > 0.01).all()
        assert torch.pdist(new).min() > 1e-3


def test_a_model_trained_further_starts_better_than_from_loadings(config_of: ConfigOf, tmp_path: Path) -> None:
    long = config_of("long", optimiser={"steps": 60, "warmup": 5, "ema_decay": 0.5})
    folder = fitted(long)
    weights, _ = average_weights(folder / "last.state")
    genes = json.loads((folder / "vocabulary.json").read_text())
    model = MaskedAutoencoder(long.model.sized(len(genes["symbols"])))
    model.load_state_dict(weights)
    vocabulary = Vocabulary(symbols=tuple(genes["symbols"]), aliases=genes["aliases"])
    save_checkpoint(model, vocabulary, {"sections": []}, tmp_path / "start.safetensors")
    start = load_checkpoint(tmp_path / "start.safetensors")
    further, anew = (
        log_of(fitted(config_of(name, optimiser=STANDING), start=given))[0]["loss"]
        for name, given in (("further", start), ("anew", None))
    )
    assert further < anew


def test_going_on_from_another_model_is_refused(config_of: ConfigOf, data: Data, tmp_path: Path) -> None:
    config = config_of(optimiser=STANDING)
    start = checkpoint_of(config, data, tmp_path / "start.safetensors", n_genes=30)
    fitted(config, start=start)
    with pytest.raises(
        InputError, match=rf"to go on from the checkpoint {start.sha256[:12]}, as it was .* found the corpus' loadings;"
    ):
        fitted(config)
    fitted(config, start=start)
