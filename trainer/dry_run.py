"""What a run will take in memory and time, found out by a few of its steps."""

import time
from collections.abc import Generator

import numpy as np
import torch
from lightning.fabric import Fabric

from napari_stimg.checkpoint import Checkpoint
from napari_stimg.progress import Progress
from trainer.config import Config
from trainer.evaluation.memory import Usage
from trainer.fit import set_up
from trainer.flops import model_flops, peak_flops
from trainer.loader import is_resident, load_batches
from trainer.processes import launch
from trainer.start import open_data, start_model

STEPS = 6
"""Steps that are tried; the first is not timed."""

COPIES = 5
"""Of every weight: itself, its gradient, two of AdamW, one of the average."""


def estimate(config: Config, *, start: Checkpoint | None = None) -> Generator[Progress, None, str]:
    """Yield progress, and return what a run will take, one line a fact; nothing is written but the unpacked corpus.

    Parameters
    ----------
    config : Config
        The run.
    start : Checkpoint, optional
        A model to train further.

    Raises
    ------
    InputError
        If the corpus cannot be used.
    """
    fabric = launch(config.run)
    data = yield from open_data(fabric, config, start)
    model = yield from start_model(fabric, config, data, start, from_scratch=False)
    weights = {name: weight.numel() for name, weight in model.named_parameters()}
    genes = sum(size for name, size in weights.items() if name.startswith("gene_"))
    parts = set_up(fabric, config, model)
    stream = load_batches(fabric, config, data, 0)
    sizes = config.model.sized(len(data.vocabulary))
    seconds, flops, samples = [], [], []
    with Usage() as usage:
        for step in range(min(STEPS, config.optimiser.steps * config.optimiser.accumulate)):
            yield Progress(done=step, total=STEPS, message="Trying a few steps")
            started_at = time.monotonic()
            batch = next(stream)
            loss, _ = parts.objective(batch)
            fabric.backward(loss)
            parts.optimiser.step()
            parts.optimiser.zero_grad(set_to_none=True)
            loss.item()
            seconds.append(time.monotonic() - started_at)
            flops.append(model_flops(sizes, batch))
            samples.append(len(batch.values))
    yield Progress(done=STEPS, total=STEPS, message="Trying a few steps")
    timed = slice(1, None) if len(seconds) > 1 else slice(None)
    batch_s = float(np.mean(seconds[timed]))
    total_s = batch_s * config.optimiser.accumulate * config.optimiser.steps
    utilisation = float(np.mean(flops[timed])) / batch_s / peak_flops(fabric.device, config.run.precision)
    facts = {
        "sections": f"{len(data.training):,} to train on, {len(data.validation):,} to validate on",
        "cells": f"{data.training.n_cells.sum():,}",
        "genes": f"{len(data.vocabulary):,}",
        "weights": f"{sum(weights.values()):,}, of which {genes:,} are gene embeddings",
        "weights in memory": f"{COPIES * 4 * sum(weights.values()) / 1e6:,.0f} MB (gradients, optimiser, average)",
        "batches from": "the device" if is_resident(config, data, fabric.device) else f"{config.run.workers} workers",
        "processes": f"{fabric.world_size} of {fabric.device.type}",
        "batch": f"{np.mean(samples):.1f} crops, {batch_s:.3f} s, {100 * utilisation:.0f} % of the device's peak",
        "peak memory": _memory(fabric, usage.peak_mb),
        "time": f"{_duration(total_s)} for {config.optimiser.steps:,} steps, without validation",
    }
    return "\n".join(f"{name:<18} {value}" for name, value in facts.items())


def _memory(fabric: Fabric, process_mb: float) -> str:
    """Return the most memory that was taken: of the GPU, else by this process."""
    if fabric.device.type == "cuda":
        return f"{torch.cuda.max_memory_allocated(fabric.device) / 1e6:,.0f} MB of the GPU's"
    return "not known on this system" if np.isnan(process_mb) else f"{process_mb:,.0f} MB"


def _duration(seconds: float) -> str:
    minutes, _ = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {round(seconds) % 60} s"
