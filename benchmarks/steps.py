"""Training steps, end to end, against the same steps fed with batches that are ready."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from time import perf_counter
from typing import Literal

from benchmarks.row import Row
from napari_stimg.model import MaskedAutoencoder
from napari_stimg.progress import run
from trainer.batches import Batch
from trainer.config import Config
from trainer.fit import set_up
from trainer.flops import model_flops, peak_flops
from trainer.loader import load_batches
from trainer.processes import launch
from trainer.start import open_data

WARM_UP, ROUNDS, STEPS = 4, 5, 8


def measure(config: Config) -> list[Row]:
    """Return how fast steps are with each loader, against ready batches, and the utilisation of the device.

    Steps of both kinds take turns, round by round, so that a busy machine slows both alike.
    """
    fabric = launch(config.run)
    data = run(open_data(fabric, config, None))
    parts = set_up(fabric, config, MaskedAutoencoder(config.model.sized(len(data.vocabulary))))
    sizes = config.model.sized(len(data.vocabulary))

    def step(batch: Batch) -> None:
        loss, _ = parts.objective(batch)
        fabric.backward(loss)
        parts.optimiser.step()
        parts.optimiser.zero_grad(set_to_none=True)
        loss.item()

    rows = []
    cpu_or_gpu = fabric.device.type
    loaders: tuple[tuple[Literal["workers", "resident"], int], ...] = (("workers", 0), ("workers", 1), ("resident", 0))
    for loader, workers in loaders:
        changed = replace(config, run=replace(config.run, loader=loader, workers=workers))
        stream = load_batches(fabric, changed, data, 0)
        for _ in range(WARM_UP):
            step(next(stream))
        fed_s = ready_s = flops = 0.0
        for _ in range(ROUNDS):
            taken, batches = _timed(stream, step)
            fed_s += taken
            ready_s += _timed(iter(batches), step)[0]
            flops += sum(model_flops(sizes, batch) for batch in batches)
        stream.close()
        name = "batches made on the device" if loader == "resident" else f"{workers} worker processes"
        n_steps = ROUNDS * STEPS
        rows.append(
            Row(
                what=f"steps/s on {cpu_or_gpu}, {name}",
                ours=n_steps / fed_s,
                other=n_steps / ready_s,
                against="batches that are ready",
                ratio=ready_s / fed_s,
                goal=">= 0.95",
            )
        )
    peak = peak_flops(fabric.device, config.run.precision)
    rows.append(
        Row(
            what=f"model TFLOP/s on {cpu_or_gpu}, {config.run.precision}",
            ours=flops / ready_s / 1e12,
            other=peak / 1e12,
            against="the device's peak",
            ratio=flops / ready_s / peak,
            goal=">= 0.40 on one H100" if cpu_or_gpu == "cuda" else "",
        )
    )
    return rows


def _timed(stream: Iterator[Batch], step: Callable[[Batch], None]) -> tuple[float, list[Batch]]:
    started_at = perf_counter()
    batches = []
    for _ in range(STEPS):
        batches.append(next(stream))
        step(batches[-1])
    return perf_counter() - started_at, batches


def small_config(corpus: Path, folder: Path, **crops: object) -> Config:
    """Return the base recipe on a corpus."""
    from trainer.config import config_from

    return config_from({"data": {"corpus": str(corpus)}, "run": {"folder": str(folder)}, "crops": crops})
