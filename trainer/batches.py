"""Samples to batches: padded tensors, each decided by the run's seed and the batch's number alone."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from trainer.config import CropConfig, MaskConfig
from trainer.sampling import Sample, draw_sample
from trainer.sections import TrainingSection, cells_of


class Batch(NamedTuple):
    """B samples as tensors, as in ``Sample`` with one axis more."""

    values: Tensor  # (B, N, L, M) deviation shown of visible cells
    genes: Tensor  # (B, M) the model's ids
    shown_precision: Tensor  # (B, M) 0 for genes not shown
    positions: Tensor  # (B, N, L, 2)
    present: Tensor  # (B, N, L)
    queries: Tensor  # (B, N, Q, 2)
    targets: Tensor  # (B, N, Q, M) deviation to predict
    weight: Tensor  # (B, N, Q, M)

    def to(self, device: torch.device) -> "Batch":
        """Return the batch on a device."""
        return Batch(*(tensor.to(device, non_blocking=True) for tensor in self))

    def pin_memory(self) -> "Batch":
        """Return the batch in memory that a GPU reads from directly (called by the loader)."""
        return Batch(*(tensor.pin_memory() for tensor in self))


def draw_batch(
    sections: Sequence[TrainingSection], crops: CropConfig, masks: MaskConfig, *, seed: int, number: int
) -> Batch:
    """Return a run's batch of this number, always the same; sections are drawn by the root of their number of cells.

    Parameters
    ----------
    sections : sequence of TrainingSection
        The training sections.
    crops, masks : CropConfig, MaskConfig
        What samples show and hide.
    seed : int
        The run's.
    number : int
        The batch's, counted over all steps and processes of the run.
    """
    rng = np.random.default_rng([seed, number])
    shares = section_shares(sections)
    side = int(rng.choice(crops.sides))
    samples: list[Sample] = []
    n_cells = 0
    while n_cells < crops.tokens:
        section = sections[rng.choice(len(sections), p=shares)]
        samples.append(draw_sample(section, side, crops, masks, rng))
        n_cells += samples[-1].weight[..., 0].size
    return collate(samples)


def section_shares(sections: Sequence[TrainingSection]) -> NDArray[np.float64]:
    """Return (sections,) how often each is drawn."""
    roots = np.sqrt(cells_of(sections))
    shares: NDArray[np.float64] = roots / roots.sum()
    return shares


def collate(samples: Sequence[Sample]) -> Batch:
    """Return the samples as one padded batch."""
    return Batch(*(_pad(arrays) for arrays in zip(*samples, strict=True)))


def _pad(arrays: Sequence[NDArray[np.generic]]) -> Tensor:
    """Return the arrays as one tensor of their largest extents, zero beyond each one's own."""
    shape = np.max([array.shape for array in arrays], axis=0)
    padded = np.zeros((len(arrays), *shape), dtype=arrays[0].dtype)
    for target, array in zip(padded, arrays, strict=True):
        target[tuple(slice(extent) for extent in array.shape)] = array
    return torch.from_numpy(padded)
