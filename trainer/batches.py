"""From sections to batches: a crop, its channels, what is hidden of it, as padded tensors.

Shape letters as in ``napari_stimg.model``: B crops, L visible cells, Q cells asked, M channels.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from napari_stimg.channels import ChannelRule, draw_channels
from napari_stimg.crops import gather, random_crop, variance_in_rows
from napari_stimg.expression import TARGET_SUM
from napari_stimg.masking import draw_mask
from napari_stimg.tokens import precision_of
from trainer.corpus import THINNINGS, Section


@dataclass(frozen=True, kw_only=True)
class SamplingParameters:
    """What a training crop is.

    Parameters
    ----------
    sides : tuple of int
        Sides of the square crops, in cells; one is drawn for each batch.
    tokens_per_batch : int
        Cells in a batch, about; larger crops make smaller batches.
    n_channels : int
        m, genes of a crop.
    channel_rule : {"variance", "uniform", "top-hvg"}
        How they are drawn.
    random_mask_share : float
        Share of crops whose hidden cells are scattered; blocks are hidden in the others.
    drop_genes_share : float
        Share of crops in which some genes are hidden in visible cells, too.
    """

    sides: tuple[int, ...] = (12, 16, 20, 24)
    tokens_per_batch: int = 2048
    n_channels: int = 512
    channel_rule: ChannelRule = "variance"
    random_mask_share: float = 0.4
    drop_genes_share: float = 0.5


class Batch(NamedTuple):
    """B crops as tensors; hidden cells come first among those asked.

    ``weight`` is 0 for what the model was shown (and for padding), else the gene's precision times 1 for hidden
    cells, ``VISIBLE_WEIGHT`` for hidden counts and genes of visible ones.
    """

    values: Tensor  # (B, L, M) deviation shown of visible cells
    genes: Tensor  # (B, M) vocabulary ids
    shown_precision: Tensor  # (B, M) 0 for genes not shown
    positions: Tensor  # (B, L, 2)
    present: Tensor  # (B, L)
    queries: Tensor  # (B, Q, 2)
    targets: Tensor  # (B, Q, M) deviation to predict
    weight: Tensor  # (B, Q, M)


class Sample(NamedTuple):
    """One crop, as in ``Batch`` without the first axis."""

    values: NDArray[np.float32]
    genes: NDArray[np.int64]
    shown_precision: NDArray[np.float32]
    positions: NDArray[np.float32]
    queries: NDArray[np.float32]
    targets: NDArray[np.float32]
    weight: NDArray[np.float32]


VISIBLE_WEIGHT = 0.3
"""Weight of what was hidden of a visible cell, beside 1 for a hidden cell."""


def batches(sections: Sequence[Section], params: SamplingParameters, *, seed: int) -> Iterator[Batch]:
    """Yield batches without end; sections are drawn with the square root of their number of cells."""
    rng = np.random.default_rng(seed)
    share = np.sqrt([len(section.lattice.occupied) for section in sections])
    share /= share.sum()
    while True:
        side = int(rng.choice(params.sides))
        samples: list[Sample] = []
        n_tokens = 0
        while n_tokens < params.tokens_per_batch:
            section = sections[rng.choice(len(sections), p=share)]
            samples.append(draw_sample(section, (side, side), params, rng))
            n_tokens += len(samples[-1].queries)
        yield collate(samples)


def draw_sample(
    section: Section, shape: tuple[int, int], params: SamplingParameters, rng: np.random.Generator
) -> Sample:
    """Return one crop of a section: channels drawn, counts thinned, cells and genes hidden."""
    crop = random_crop(section.lattice, shape, rng=rng)
    variance = variance_in_rows(section.expression, crop.tokens)
    channels = draw_channels(variance, params.n_channels, rng=rng, rule=params.channel_rule)
    counts = gather(section.counts, crop.tokens, channels)
    library = section.library_size[crop.tokens]
    hidden = draw_mask(section.lattice.occupied[crop.tokens], random_share=params.random_mask_share, rng=rng)
    shown_share = float(rng.choice(THINNINGS))
    kept, kept_library = _thin(counts, library, shown_share, rng)

    def deviation(part: NDArray[np.float32], size: NDArray[np.int64], share: float) -> NDArray[np.float32]:
        logged = np.log1p(part * (TARGET_SUM / np.maximum(size, 1))[:, None])
        return (logged - section.moments[share].mean[channels]).astype(np.float32)

    precision = precision_of(section.moments[1.0])[channels]
    shown_genes = np.ones(channels.size, dtype=bool)
    if rng.random() < params.drop_genes_share:
        shown_genes = rng.random(channels.size) > rng.uniform(0, 0.5)
    visible = ~hidden
    other_half = shown_share == 0.5
    targets = deviation(counts, library, 1.0)
    if other_half:
        targets[visible] = deviation(counts - kept, library - kept_library, 0.5)[visible]
    weight = np.where(hidden[:, None], 1.0, VISIBLE_WEIGHT * (other_half | ~shown_genes)) * precision
    order = np.argsort(visible, kind="stable")
    positions = section.lattice.token_positions[crop.tokens]
    return Sample(
        values=deviation(kept, kept_library, shown_share)[visible],
        genes=section.ids[channels],
        shown_precision=precision * shown_genes,
        positions=positions[visible],
        queries=positions[order],
        targets=targets[order],
        weight=weight[order].astype(np.float32),
    )


def _thin(
    counts: NDArray[np.float32], library: NDArray[np.int64], share: float, rng: np.random.Generator
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Return (L, M) counts and (L,) library sizes after keeping each molecule with probability ``share``."""
    if share == 1:
        return counts, library
    kept = rng.binomial(counts.astype(np.int64), share)
    rest = library - counts.sum(axis=1).astype(np.int64)
    return kept.astype(np.float32), kept.sum(axis=1) + rng.binomial(rest, share)


def collate(samples: Sequence[Sample]) -> Batch:
    """Return the samples as one padded batch."""
    n_visible = max(len(sample.values) for sample in samples)
    n_asked = max(len(sample.queries) for sample in samples)
    n_channels = max(len(sample.genes) for sample in samples)
    present = torch.zeros(len(samples), n_visible, dtype=torch.bool)
    for row, sample in zip(present, samples, strict=True):
        row[: len(sample.values)] = True
    return Batch(
        values=_pad([sample.values for sample in samples], (n_visible, n_channels)),
        genes=_pad([sample.genes for sample in samples], (n_channels,)),
        shown_precision=_pad([sample.shown_precision for sample in samples], (n_channels,)),
        positions=_pad([sample.positions for sample in samples], (n_visible, 2)),
        present=present,
        queries=_pad([sample.queries for sample in samples], (n_asked, 2)),
        targets=_pad([sample.targets for sample in samples], (n_asked, n_channels)),
        weight=_pad([sample.weight for sample in samples], (n_asked, n_channels)),
    )


def _pad(arrays: Sequence[NDArray[np.generic]], shape: tuple[int, ...]) -> Tensor:
    """Return the arrays as one tensor, zero beyond each one's own extent."""
    padded = np.zeros((len(arrays), *shape), dtype=arrays[0].dtype)
    for target, array in zip(padded, arrays, strict=True):
        target[tuple(slice(extent) for extent in array.shape)] = array
    return torch.from_numpy(padded)
