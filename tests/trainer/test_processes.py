import os
from typing import Any

import pytest
import torch

from napari_stimg.errors import InputError
from trainer.config import RunConfig
from trainer.processes import is_first, launch


def run_on(**settings: Any) -> RunConfig:
    return RunConfig(folder="run", **{"accelerator": "cpu"} | settings)


def test_one_process_is_the_whole_run() -> None:
    fabric = launch(run_on())
    assert (fabric.world_size, fabric.global_rank, fabric.is_global_zero) == (1, 0, True)
    assert fabric.device == torch.device("cpu")


def test_the_seed_of_the_run_is_set() -> None:
    drawn = []
    for seed in (3, 3, 4):
        launch(run_on(seed=seed))
        drawn.append(torch.rand(1).item())
    assert drawn[0] == drawn[1] != drawn[2]


def test_automatic_is_the_cpu_where_there_is_no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    assert launch(run_on(accelerator="auto")).device.type == "cpu"


def test_more_devices_than_there_are_are_refused() -> None:
    there = os.cpu_count()
    with pytest.raises(
        InputError, match=rf"run\.devices: expected at most the {there} of cpu on this machine, found 999"
    ):
        launch(run_on(devices=999))


def test_a_missing_accelerator_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    with pytest.raises(
        InputError, match=r"run\.accelerator: expected one that this machine has, found cuda; take auto or cpu"
    ):
        launch(run_on(accelerator="cuda"))


@pytest.mark.parametrize(
    ("variables", "first"),
    [
        ({}, True),
        ({"LOCAL_RANK": "0", "NODE_RANK": "0"}, True),  # the launcher sets these for its own process
        ({"LOCAL_RANK": "1", "NODE_RANK": "0"}, False),
        ({"RANK": "0", "LOCAL_RANK": "0"}, True),  # torchrun
        ({"RANK": "8", "LOCAL_RANK": "0"}, False),
        ({"LOCAL_RANK": "0", "NODE_RANK": "1"}, False),
    ],
    ids=str,
)
def test_one_process_of_all_talks(variables: dict[str, str], first: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RANK", "LOCAL_RANK", "NODE_RANK"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert is_first() == first
