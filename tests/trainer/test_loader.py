from dataclasses import dataclass, replace
from itertools import zip_longest
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.small_corpus import small_config
from trainer.batches import Batch, draw_batch
from trainer.config import Config
from trainer.data import Data
from trainer.loader import is_resident, load_batches

CPU = torch.device("cpu")


@dataclass(frozen=True)
class Place:
    """One of a run's processes, as far as the loader asks."""

    world_size: int = 1
    global_rank: int = 0
    device: torch.device = CPU


@pytest.fixture
def config(corpus: Path, tmp_path: Path) -> Config:
    return small_config(corpus, tmp_path, optimiser={"steps": 3})


def loaded(config: Config, data: Data, *, first_step: int = 0, world: int = 1, rank: int = 0) -> list[Batch]:
    return list(load_batches(Place(world, rank), config, data, first_step))


def with_workers(config: Config, workers: int) -> Config:
    return replace(config, run=replace(config.run, workers=workers))


def accumulating(config: Config, accumulate: int) -> Config:
    return replace(config, optimiser=replace(config.optimiser, accumulate=accumulate))


def numbers_of(config: Config, data: Data, batches: list[Batch]) -> list[int]:
    """Return which of the run's first 20 batches these are."""
    known = [
        draw_batch(data.training, config.crops, config.masks, seed=config.run.seed, number=number)
        for number in range(20)
    ]
    return [next(number for number, same in enumerate(known) if equal(batch, same)) for batch in batches]


def equal(one: Batch, other: Batch) -> bool:
    return all(
        tensor.shape == same.shape and torch.equal(tensor, same) for tensor, same in zip(one, other, strict=True)
    )


def test_batches_come_in_order_however_many_workers_make_them(config: Config, data: Data) -> None:
    longer = replace(config, optimiser=replace(config.optimiser, steps=7))
    alone, together = (loaded(with_workers(longer, workers), data) for workers in (0, 2))
    assert numbers_of(longer, data, alone) == list(range(7))
    assert all(equal(one, other) for one, other in zip_longest(alone, together))


@pytest.mark.parametrize("workers", [0, 1])
def test_a_run_goes_on_with_the_next_batch(config: Config, data: Data, workers: int) -> None:
    assert numbers_of(config, data, loaded(with_workers(config, workers), data, first_step=2)) == [2]
    assert numbers_of(config, data, loaded(accumulating(config, 4), data, first_step=1)) == list(range(4, 12))
    assert loaded(config, data, first_step=3) == []


@pytest.mark.parametrize("accumulate", [1, 3])
def test_the_batches_of_a_step_are_shared_out_among_processes(config: Config, data: Data, accumulate: int) -> None:
    shared = accumulating(config, accumulate)
    first, second = (numbers_of(config, data, loaded(shared, data, world=2, rank=rank)) for rank in (0, 1))
    n_a_step = 2 * accumulate
    for step in range(3):
        mine, others = (part[accumulate * step : accumulate * (step + 1)] for part in (first, second))
        assert sorted(mine + others) == list(range(n_a_step * step, n_a_step * (step + 1)))


def test_one_process_that_accumulates_two_batches_gets_those_of_two(config: Config, data: Data) -> None:
    alone = loaded(accumulating(config, 2), data)
    first, second = (loaded(config, data, world=2, rank=rank) for rank in (0, 1))
    taken_in_turn = [batch for pair in zip(first, second, strict=True) for batch in pair]
    assert all(equal(one, other) for one, other in zip_longest(alone, taken_in_turn))


def test_the_seed_is_that_of_the_run(config: Config, data: Data) -> None:
    other = replace(config, run=replace(config.run, seed=1))
    assert not equal(loaded(config, data)[0], loaded(other, data)[0])


@pytest.mark.parametrize(("loader", "resident"), [("auto", False), ("workers", False), ("resident", True)])
def test_a_cpu_makes_samples_from_disk_unless_it_is_told_to_hold_the_corpus(
    config: Config, data: Data, loader: Any, resident: bool
) -> None:
    chosen = replace(config, run=replace(config.run, loader=loader))
    assert is_resident(chosen, data, torch.device("cpu")) == resident
