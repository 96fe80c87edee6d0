"""Pretraining on one page: processes, data, model, where to go on, and the loop.

A run is decided by its configuration: batch number n is the same on any machine, however many processes share the
work, and weights are saved together with all that the next step depends on. So a run that was killed goes on as if it
had not been.
"""

import copy
import math
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import torch
from lightning.fabric import Fabric
from lightning.fabric.wrappers import _FabricModule, _FabricOptimizer
from torch import Tensor, nn

from napari_stimg.checkpoint import Checkpoint
from napari_stimg.errors import InputError
from napari_stimg.model import MaskedAutoencoder
from napari_stimg.progress import Progress
from trainer.config import Config
from trainer.loader import is_resident, load_batches
from trainer.meter import Meter
from trainer.objective import Objective
from trainer.processes import launch
from trainer.run_folder import RunFolder
from trainer.start import open_data, start_model
from trainer.state import State, load_state, save_state
from trainer.validation import validate

EMA_WARMUP = 10
"""Steps over which the average of the weights comes to its decay, so that short runs do not keep their start."""


def fit(config: Config, *, start: Checkpoint | None = None) -> Generator[Progress, None, None]:
    """Yield progress while pretraining, from where the run in ``config.run.folder`` stands.

    The folder gets ``config.yaml``, ``vocabulary.json``, ``log.jsonl`` (a line every ``log_every`` steps), curves for
    TensorBoard, ``last.state`` and, where there are validation sections, ``best.state``.

    Parameters
    ----------
    config : Config
        The run.
    start : Checkpoint, optional
        A model to train further, on these sections and their new genes; else one starts from the corpus' loadings.

    Raises
    ------
    InputError
        If corpus or folder cannot be used, the folder holds another run or one that has come further, or the loss is
        no number any more.
    """
    # Processes: one a device, each running this function.
    fabric = launch(config.run)
    folder = RunFolder(Path(config.run.folder), writes=fabric.is_global_zero)
    folder.check(config, start)

    # Data: sections mapped from disk, and the genes of the model.
    data = yield from open_data(fabric, config, start)
    loader = "resident" if is_resident(config, data, fabric.device) else "workers"
    folder.begin(config, data, start, processes=fabric.world_size, loader=loader)

    # Model: as trained, its running average, and an optimiser.
    model = yield from start_model(fabric, config, data, start, from_scratch=not folder.last.exists())
    parts = set_up(fabric, config, model)

    # Where to go on.
    state: State = {"objective": parts.objective, "average": parts.average, "optimiser": parts.optimiser}
    state |= {"step": 0, "best": math.inf}
    first_step = load_last(fabric, folder, state, config)
    before_s = folder.go_on_from(first_step)

    # Loop.
    stream = load_batches(fabric, config, data, first_step)
    sizes = config.model.sized(len(data.vocabulary))
    meter = Meter(fabric, sizes, precision=config.run.precision, before_s=before_s)
    for step in range(first_step, config.optimiser.steps):
        yield Progress(done=step, total=config.optimiser.steps, message=meter.message)
        set_rate(parts.optimiser, schedule(step, config))
        for micro in range(config.optimiser.accumulate):
            last = micro + 1 == config.optimiser.accumulate
            batch = meter.wait_for(stream)
            with fabric.no_backward_sync(parts.objective, enabled=not last):
                loss, _ = parts.objective(batch)
                fabric.backward(loss / config.optimiser.accumulate)
            meter.add(loss, batch)
        norm = fabric.clip_gradients(
            parts.objective, parts.optimiser, max_norm=config.optimiser.clip, error_if_nonfinite=False
        )
        parts.optimiser.step()
        parts.optimiser.zero_grad(set_to_none=True)
        update_average(parts.average, parts.objective, config.optimiser.ema_decay, step)

        done = step + 1
        state["step"] = done
        due = Due.at(done, config)
        if due.log:
            entry = meter.settle(done) | {"learning_rate": config.optimiser.learning_rate * schedule(step, config)}
            if not (math.isfinite(entry["loss"]) and math.isfinite(cast(Tensor, norm))):  # else weights are none, too
                raise InputError(
                    f"expected a finite loss, found {entry['loss']} with gradients of norm {norm} at step {done:,}; "
                    f"{folder.last_good()}: lower optimiser.learning_rate or optimiser.clip and go on in another "
                    "run.folder."
                )
            folder.log(entry)
        if due.validate and data.validation:
            scores = fabric.broadcast(validate(parts.average, data.validation, config, fabric.device))
            folder.log({"step": done, "validation": scores})
            if scores["loss"] < state["best"]:
                state["best"] = scores["loss"]
                save_state(fabric, folder.best, state)
        if due.save:
            save_state(fabric, folder.last, state)
        if due.log:
            meter.restart()
    folder.close()
    yield Progress(done=config.optimiser.steps, total=config.optimiser.steps, message=meter.message)


def load_last(fabric: Fabric, folder: RunFolder, state: State, config: Config) -> int:
    """Load the last state of a run into ``state``, where there is one, and return the steps that are behind it.

    Raises
    ------
    InputError
        If it cannot be loaded, or has come further than the run shall.
    """
    if folder.last.exists():
        load_state(fabric, folder.last, state)
    done = int(state["step"])
    if done > config.optimiser.steps:
        raise InputError(
            f"optimiser.steps: expected at least the {done:,} that the run in {folder.path} has behind it, "
            f"found {config.optimiser.steps:,}; ask for more, or name another run.folder."
        )
    return done


@dataclass(frozen=True, kw_only=True, eq=False)
class Parts:
    """What a step changes, set up for the run's devices."""

    objective: _FabricModule
    average: _FabricModule
    optimiser: _FabricOptimizer


def set_up(fabric: Fabric, config: Config, model: MaskedAutoencoder) -> Parts:
    """Return a model on its devices, a copy for its average, and AdamW with a rate for genes and one for layers."""
    objective, average = Objective(model), Objective(copy.deepcopy(model))
    kind_of = {name: _kind(name, weight) for name, weight in objective.named_parameters()}
    compiled = torch.compile(objective) if config.run.compile else objective
    wrapped = fabric.setup_module(compiled)  # type: ignore[arg-type]  # a compiled module is a module
    groups: dict[str, list[nn.Parameter]] = {"genes": [], "matrices": [], "vectors": []}
    for name, weight in wrapped.named_parameters():
        groups[next(kind for plain, kind in kind_of.items() if name.endswith(plain))].append(weight)
    optimiser = torch.optim.AdamW(
        [
            {"params": groups["genes"], "peak": config.optimiser.gene_learning_rate, "weight_decay": 0.0},
            {
                "params": groups["matrices"],
                "peak": config.optimiser.learning_rate,
                "weight_decay": config.optimiser.weight_decay,
            },
            {"params": groups["vectors"], "peak": config.optimiser.learning_rate, "weight_decay": 0.0},
        ],
        lr=config.optimiser.learning_rate,
        betas=(0.9, 0.98),
    )
    return Parts(
        objective=wrapped,
        average=fabric.setup_module(average),
        optimiser=cast(_FabricOptimizer, fabric.setup_optimizers(optimiser)),
    )


def _kind(name: str, weight: Tensor) -> str:
    """Return the group that a weight is optimised in."""
    if ".gene_" in name:
        return "genes"
    return "matrices" if weight.ndim > 1 else "vectors"


def schedule(step: int, config: Config) -> float:
    """Return the share of the peak learning rate at a step: linear warm-up, then a cosine to zero."""
    warmup = config.optimiser.warmup
    if step < warmup:
        return (step + 1) / warmup
    done = (step - warmup) / max(1, config.optimiser.steps - warmup)
    return 0.5 * (1 + math.cos(math.pi * done))


def set_rate(optimiser: _FabricOptimizer, share: float) -> None:
    """Set every group's learning rate to a share of its peak."""
    for group in optimiser.param_groups:
        group["lr"] = group["peak"] * share


@torch.no_grad()
def update_average(average: nn.Module, objective: nn.Module, decay: float, step: int) -> None:
    """Move the average of the weights towards the weights."""
    decay = min(decay, (1 + step) / (EMA_WARMUP + step))
    torch._foreach_lerp_(list(average.parameters()), list(objective.parameters()), 1 - decay)


@dataclass(frozen=True)
class Due:
    """What is to be done after a step. Whatever is saved or validated is logged first, so a resumed log is the same."""

    log: bool
    validate: bool
    save: bool

    @classmethod
    def at(cls, done: int, config: Config) -> "Due":
        """Return what is due after so many steps."""
        last = done == config.optimiser.steps
        validate = last or done % config.run.validate_every == 0
        save = last or done % config.run.save_every == 0
        return cls(log=validate or save or done % config.run.log_every == 0, validate=validate, save=save)
