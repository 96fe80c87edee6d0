"""Two processes against one: samples a second, and whether the losses are the same."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np

from benchmarks.row import Row

STEPS = 60


def measure(corpus: Path, folder: Path) -> list[Row]:
    """Return the speed-up of two processes on the CPU (gloo), one thread each, and the largest difference of losses.

    One process accumulates two batches a step: so both runs learn from the same batches.
    """
    one = _losses(corpus, folder / "one", "optimiser.accumulate=2")
    two = _losses(corpus, folder / "two", "run.devices=2")
    speed_one, speed_two = (float(np.median([entry["crops_per_s"] for entry in log[1:]])) for log in (one, two))
    off = max(abs(a["loss"] / b["loss"] - 1) for a, b in zip(one, two, strict=True))
    return [
        Row(
            what="crops/s, two processes",
            ours=speed_two,
            other=speed_one,
            against="one process",
            ratio=speed_two / speed_one,
            goal=">= 1.7",
        ),
        Row(
            what="loss after as many steps, two processes",
            ours=two[-1]["loss"],
            other=one[-1]["loss"],
            against="one process, two batches a step",
            ratio=1 + off,
            goal="1 (largest difference along the curve)",
        ),
    ]


def _losses(corpus: Path, folder: Path, *settings: str) -> list[dict[str, float]]:
    """Return the log of a run in processes of its own."""
    command = [sys.executable, "-m", "trainer", "fit", "small", f"data.corpus={corpus}", f"run.folder={folder}"]
    command += ["run.accelerator=cpu", f"optimiser.steps={STEPS}", "run.log_every=10", *settings]
    subprocess.run(command, env=os.environ | {"OMP_NUM_THREADS": "1"}, check=False, stderr=subprocess.DEVNULL)
    log = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    return [entry for entry in log if "loss" in entry]
