"""Two processes against one: samples a second, and whether the losses are the same."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np

from benchmarks.row import Row

STEPS = 40

Log = list[dict[str, float]]


def measure(corpus: Path, folder: Path) -> list[Row]:
    """Return the speed-up of two processes on the CPU (gloo), one thread each, and the largest difference of losses.

    One process accumulates two batches a step: so both runs learn from the same batches. Two runs that know nothing of
    each other, side by side, say what two cores of the machine can do.
    """
    (one,) = _logs(corpus, {folder / "one": "optimiser.accumulate=2"})
    (two,) = _logs(corpus, {folder / "two": "run.devices=2"})
    apart = _logs(corpus, {folder / name: "optimiser.accumulate=2" for name in ("left", "right")})
    speed_one, speed_two = _crops_per_s(one), _crops_per_s(two)
    speed_apart = sum(map(_crops_per_s, apart))
    off = max(abs(a["loss"] / b["loss"] - 1) for a, b in zip(one, two, strict=True))
    what = "crops/s, two processes"
    apart_words = "two runs of one process at once, their sum"
    return [
        Row(
            what=what,
            ours=speed_two,
            other=speed_one,
            against="one process",
            ratio=speed_two / speed_one,
            goal=">= 1.7",
        ),
        Row(what=what, ours=speed_two, other=speed_apart, against=apart_words, ratio=speed_two / speed_apart),
        Row(
            what="loss after as many steps, two processes",
            ours=two[-1]["loss"],
            other=one[-1]["loss"],
            against="one process, two batches a step",
            ratio=1 + off,
            goal="1 (largest difference along the curve)",
        ),
    ]


def _crops_per_s(log: Log) -> float:
    return float(np.median([entry["crops_per_s"] for entry in log[1:]]))


def _logs(corpus: Path, settings: dict[Path, str]) -> list[Log]:
    """Return the logs of runs, by folder, that are at work together, each in processes of its own."""
    runs = []
    for folder, setting in settings.items():
        command = [sys.executable, "-m", "trainer", "fit", "small", f"data.corpus={corpus}", f"run.folder={folder}"]
        command += ["run.accelerator=cpu", f"optimiser.steps={STEPS}", "run.log_every=10"]
        command += ["crops.tokens=2048", setting]  # of the defaults: a step of `small` is too short to share
        environment = os.environ | {"OMP_NUM_THREADS": "1"}
        runs.append(subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
    for run in runs:
        if run.wait() != 0:
            raise RuntimeError(f"expected a run to end well, found exit code {run.returncode} of {run.args!r}")
    logs = [[json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()] for folder in settings]
    return [[entry for entry in log if "loss" in entry] for log in logs]
