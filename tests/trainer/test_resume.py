"""Runs that are killed at any moment, on one process and on two, come to the very weights of runs that never were."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from napari_stimg.progress import run
from tests.small_corpus import small_config
from trainer.config import Config, write_config
from trainer.fit import fit
from trainer.run_folder import read_log

STEPS = 40
KILLED_AT = {1: ((0, 1), (1, 10), (11, 20), (21, 30)), 2: ((0, 1), (4, 15), (16, 30))}
"""Ranges of the step in which a run is killed, one after the other, by its processes; 0 is before the first step."""

TOO_LONG_S = 120.0
A_LOOK_S = 0.005


def config_of(corpus: Path, folder: Path, *, n_processes: int = 1, accumulate: int = 1) -> Config:
    """Return a run that saves, logs and validates at different steps."""
    return small_config(
        corpus,
        folder,
        data={"validation": ["simulated2"]},
        optimiser={"steps": STEPS, "warmup": 5, "ema_decay": 0.9, "accumulate": accumulate},
        run={"devices": n_processes, "log_every": 1, "save_every": 3, "validate_every": 7, "validation_batches": 1}
        | {"folder": str(folder), "accelerator": "cpu"},
    )


@contextmanager
def started(config: Config, launcher: tuple[str, ...] = ()) -> Iterator[subprocess.Popen[bytes]]:
    """Start a run as a command in a session of its own; whatever is left of it is killed in the end."""
    folder = Path(config.run.folder)
    folder.parent.mkdir(exist_ok=True)
    path = folder.with_suffix(".yaml")
    write_config(config, path)
    command = [sys.executable, *launcher, "-m", "trainer", "fit", str(path)]
    with path.with_suffix(".out").open("wb") as output:
        process = subprocess.Popen(
            command, stdout=output, stderr=output, env=os.environ | {"OMP_NUM_THREADS": "1"}, start_new_session=True
        )
    try:
        yield process
    finally:
        kill(process)


def kill(process: subprocess.Popen[bytes]) -> None:
    """Kill a run and all processes that it started, at once and without a warning."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:  # all have ended
        pass
    process.wait()


def ended(process: subprocess.Popen[bytes], wait_s: float) -> bool:
    """Say whether a process ends within a time."""
    try:
        process.wait(wait_s)
    except subprocess.TimeoutExpired:
        return False
    return True


def complete(config: Config, launcher: tuple[str, ...] = ()) -> Path:
    """Let a run come to its end and return its folder; of several processes some may abort as they exit."""
    with started(config, launcher) as process:
        assert ended(process, TOO_LONG_S)
    folder = Path(config.run.folder)
    assert state_of(folder)["step"] == STEPS, folder.with_suffix(".out").read_text()
    return folder


def interrupt(config: Config, step: int, delay_s: float) -> None:
    """Start a run, and kill it some time after it has come to a step (its log says so; at first it has none)."""
    folder = Path(config.run.folder)
    with started(config) as process:
        for _ in range(int(TOO_LONG_S / A_LOOK_S)):
            if steps_logged(folder) >= step:
                break
            assert not ended(process, A_LOOK_S), folder.with_suffix(".out").read_text()
        ended(process, delay_s)


def steps_logged(folder: Path) -> int:
    """Return the last step in a log; -1 if the folder has no settings yet."""
    if not (folder / "config.yaml").exists():
        return -1
    if not (folder / "log.jsonl").exists():
        return 0
    return max((entry["step"] for entry in read_log(folder / "log.jsonl")), default=0)


def state_of(folder: Path, name: str = "last") -> dict[str, Any]:
    state: dict[str, Any] = torch.load(folder / f"{name}.state", weights_only=True)
    return state


def flat(value: Any, name: str = "") -> dict[str, Any]:
    """Return the leaves of nested dicts and lists by their path."""
    if isinstance(value, list | tuple):
        value = dict(enumerate(value))
    if not isinstance(value, dict):
        return {name: value}
    return {path: leaf for key, part in value.items() for path, leaf in flat(part, f"{name}/{key}").items()}


def losses_of(folder: Path) -> list[dict[str, Any]]:
    """Return what the log says of the model, and not of the machine's speed."""
    kept = ("step", "loss", "mean_loss", "learning_rate", "validation")
    return [{key: entry[key] for key in kept if key in entry} for entry in read_log(folder / "log.jsonl")]


def assert_same(folder: Path, other: Path) -> None:
    """Check that two runs came to the same, bit for bit."""
    assert losses_of(folder) == losses_of(other)
    for name in ("last", "best"):
        found, expected = flat(state_of(folder, name)), flat(state_of(other, name))
        assert found.keys() == expected.keys()
        for path, value in found.items():
            if isinstance(value, torch.Tensor):
                assert torch.equal(value, expected[path]), path
            else:
                assert value == expected[path], path


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("runs")


@pytest.fixture(scope="module")
def whole_run(corpus: Path, runs: Path) -> Any:
    """Return a function that gives the folder of a run on so many processes that was never killed."""
    return cache(lambda n: complete(config_of(corpus, runs / f"whole{n}", n_processes=n)))


@pytest.mark.parametrize("n_processes", [1, 2])
def test_a_run_that_was_killed_several_times_ends_as_one_that_was_not(
    n_processes: int, corpus: Path, runs: Path, whole_run: Any
) -> None:
    rng = np.random.default_rng(n_processes)
    config = config_of(corpus, runs / f"killed{n_processes}", n_processes=n_processes)
    folder = Path(config.run.folder)
    for least, most in KILLED_AT[n_processes]:
        interrupt(config, int(rng.integers(least, most)), float(rng.uniform(0, 0.06)))
        assert steps_logged(folder) < STEPS
    assert 0 < state_of(folder)["step"] < STEPS
    complete(config)
    assert_same(folder, whole_run(n_processes))


def test_one_process_that_accumulates_two_batches_learns_as_two_processes(
    corpus: Path, runs: Path, whole_run: Any
) -> None:
    config = config_of(corpus, runs / "accumulated", accumulate=2)
    run(fit(config))
    for entry, other in zip(losses_of(runs / "accumulated"), losses_of(whole_run(2)), strict=True):
        assert flat(entry) == pytest.approx(flat(other), rel=1e-3, abs=1e-5)


def test_processes_that_torchrun_starts_learn_as_those_that_a_run_starts_itself(
    corpus: Path, runs: Path, whole_run: Any
) -> None:
    config = config_of(corpus, runs / "torchrun", n_processes=1)  # torchrun says how many
    complete(config, ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"))
    assert_same(runs / "torchrun", whole_run(2))
