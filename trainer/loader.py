"""Batches in order, made ahead by worker processes; each is decided by the run's seed and its number alone."""

from collections.abc import Generator, Sequence
from typing import Any

import torch
from lightning.fabric import Fabric
from torch.utils.data import DataLoader, Dataset

from trainer.batches import Batch, draw_batch
from trainer.config import Config, CropConfig, MaskConfig
from trainer.data import Data
from trainer.resident import draw_resident_batch, resident_bytes, to_device
from trainer.sections import TrainingSection

PREFETCH = 4
"""Batches that each worker has ready."""

RESIDENT_SHARE = 1 / 3
"""Largest share of a GPU's memory that the corpus may take without being asked to."""


class Batches(Dataset[Batch]):
    """The endless list of a run's batches.

    Parameters
    ----------
    sections : sequence of TrainingSection
        The training sections.
    crops, masks : CropConfig, MaskConfig
        What samples show and hide.
    seed : int
        The run's.
    """

    def __init__(self, sections: Sequence[TrainingSection], crops: CropConfig, masks: MaskConfig, *, seed: int) -> None:
        self._sections = sections
        self._crops = crops
        self._masks = masks
        self._seed = seed

    def __getitem__(self, number: int) -> Batch:
        """Return the batch of this number."""
        return draw_batch(self._sections, self._crops, self._masks, seed=self._seed, number=number)


def load_batches(fabric: Fabric, config: Config, data: Data, first_step: int) -> Generator[Batch, None, None]:
    """Yield this process' batches from a step on, in order, on its device.

    The batches of a step are numbered over its processes and, within each, its accumulated parts: so one process that
    accumulates two batches learns from the same ones as two processes.

    Parameters
    ----------
    fabric : Fabric
        The run's processes.
    config : Config
        The run.
    data : Data
        The training sections.
    first_step : int
        Steps that are done.
    """
    accumulate, world = config.optimiser.accumulate, fabric.world_size
    parts = range(first_step * accumulate, config.optimiser.steps * accumulate)
    numbers = range(parts.start * world + fabric.global_rank, parts.stop * world, world)
    if is_resident(config, data, fabric.device):
        resident = to_device(data.training, config.crops, fabric.device)
        for number in numbers:
            yield draw_resident_batch(resident, config.crops, config.masks, seed=config.run.seed, number=number)
        return
    workers = config.run.workers
    loader = DataLoader(
        Batches(data.training, config.crops, config.masks, seed=config.run.seed),
        batch_size=None,
        sampler=numbers,
        num_workers=workers,
        collate_fn=_as_it_is,
        pin_memory=fabric.device.type == "cuda",
        prefetch_factor=PREFETCH if workers else None,
        worker_init_fn=_one_thread,
    )
    for batch in loader:
        yield batch.to(fabric.device)


def is_resident(config: Config, data: Data, device: torch.device) -> bool:
    """Say whether the corpus is held by the device: if asked for, or if that is a GPU with room for it."""
    if config.run.loader != "auto":
        return config.run.loader == "resident"
    if device.type != "cuda":
        return False
    memory: int = torch.cuda.get_device_properties(device).total_memory
    return resident_bytes(data.training, config.crops) <= RESIDENT_SHARE * memory


def _as_it_is(batch: Any) -> Any:
    return batch


def _one_thread(worker: int) -> None:
    torch.set_num_threads(1)
