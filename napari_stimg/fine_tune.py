"""Training a model further on one section, without labels: visible cells are hidden in turn and asked from the others.

The crops, channels and masks are those of pretraining, and so is the loss; what the user hid takes no part.
"""

import copy
import math
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

import napari_stimg
from napari_stimg.channels import draw_channels
from napari_stimg.checkpoint import Checkpoint, identity
from napari_stimg.crops import random_crop
from napari_stimg.errors import InputError
from napari_stimg.lattice import Lattice, find_lattice
from napari_stimg.masking import draw_mask
from napari_stimg.model import MaskedAutoencoder
from napari_stimg.progress import Progress
from napari_stimg.slide import Slide
from napari_stimg.tokens import TokenTable, token_table
from napari_stimg.tuning import FINE_TUNED, FineTuneParameters, record_of

CROPS_PER_STEP = 4
"""Crops whose gradients make one step."""

SIDES = (12, 16, 20, 24)
"""Sides of crops, in pitches, one drawn for each crop; those of pretraining."""

CHANNELS = 512
"""Genes of a crop."""

SCATTERED_SHARE = 0.4
"""Share of crops whose hidden cells are scattered; the others hide blocks."""

DROP_SHARE = 0.5
"""Share of crops in which up to half of the genes are hidden in visible cells, too."""

VISIBLE_WEIGHT = 0.3
"""Weight of a gene that was hidden in a visible cell, beside 1 for hidden cells."""

WARMUP_SHARE = 0.1
"""Share of the steps in which the learning rate rises; it then falls to zero by a cosine."""

WEIGHT_DECAY = 0.05
"""Of matrices."""

LARGEST_NORM = 1.0
"""Longer gradients are cut to this length."""

TUNED = "-tuned-"
"""Between the name of a model and the beginning of the checksum that it has after fine-tuning."""

MEMORY_STEPS = 20
"""Steps that the loss shown is averaged over, about."""


def fine_tune(
    slide: Slide,
    mask: NDArray[np.bool_],
    checkpoint: Checkpoint,
    *,
    params: FineTuneParameters = FineTuneParameters(),
) -> Generator[Progress, None, Checkpoint]:
    """Yield progress with the loss, and return the model trained further on a section's visible spots.

    The layers are trained; the genes' embeddings stay, for a section's own read-out is fitted to it anyway whenever it
    is reconstructed. The checkpoint that is given is not changed. The one returned has weights as ``save_checkpoint``
    rounds them, so that it is the same model, with the same checksum, once it is saved and loaded again; its ``path``
    is that of no file yet.

    Parameters
    ----------
    slide : Slide
        The section, S spots.
    mask : (S,) bool
        True = hidden: dropped from the slide before anything is computed; may be all False.
    checkpoint : Checkpoint
        The model to start from.
    params : FineTuneParameters
        Steps, rate, seed.

    Raises
    ------
    InputError
        If less than two cells are visible, the model knows none of the section's genes, or the loss is no number any
        more.
    """
    table, lattice = _visible(slide, mask, checkpoint)
    model = copy.deepcopy(checkpoint.model).train()
    device = next(model.parameters()).device
    optimiser = _optimiser(model, params)
    rng = np.random.default_rng(params.seed)
    loss = math.nan
    for step in range(params.steps):
        yield Progress(done=step, total=params.steps, message=_message(loss))
        for group in optimiser.param_groups:
            group["lr"] = params.learning_rate * _share_of_peak(step, params.steps)
        total = 0.0
        for _ in range(CROPS_PER_STEP):
            error = _loss(model, _draw(table, lattice, rng), device)
            (error / CROPS_PER_STEP).backward()  # type: ignore[no-untyped-call]  # torch's has no annotations
            total += error.item() / CROPS_PER_STEP
        norm = torch.nn.utils.clip_grad_norm_(model.parameters(), LARGEST_NORM)
        if not (math.isfinite(total) and math.isfinite(norm)):
            raise InputError(
                f"expected a finite loss, found {total} at step {step + 1:,}; lower the learning rate of "
                f"{params.learning_rate:g}."
            )
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)
        loss = total if step == 0 else loss + (total - loss) / min(step + 1, MEMORY_STEPS)
    yield Progress(done=params.steps, total=params.steps, message=_message(loss))
    return _finished(model, checkpoint, record_of(slide, mask, params, loss=loss))


def _visible(slide: Slide, mask: NDArray[np.bool_], checkpoint: Checkpoint) -> tuple[TokenTable, Lattice]:
    """Return the visible spots as the model may know them, and their lattice."""
    lattice = find_lattice(slide).select(~mask)
    if len(lattice.occupied) < 2:
        raise InputError(
            f"expected a mask that leaves at least 2 cells visible, found {len(lattice.occupied)}; "
            "hide only a part of the section."
        )
    return token_table(slide.select(~mask), lattice, checkpoint.vocabulary), lattice


def _optimiser(model: MaskedAutoencoder, params: FineTuneParameters) -> torch.optim.Optimizer:
    """Return AdamW on the layers; the genes' embeddings are fixed."""
    trained = [(name, weight) for name, weight in model.named_parameters()]
    for name, weight in trained:
        weight.requires_grad_(not name.startswith("gene_"))
    layers = [weight for _, weight in trained if weight.requires_grad]
    return torch.optim.AdamW(
        [
            {"params": [weight for weight in layers if weight.ndim > 1], "weight_decay": WEIGHT_DECAY},
            {"params": [weight for weight in layers if weight.ndim <= 1], "weight_decay": 0.0},
        ],
        lr=params.learning_rate,
        betas=(0.9, 0.98),
    )


def _share_of_peak(step: int, steps: int) -> float:
    """Return the share of the peak learning rate at a step: linear warm-up, then a cosine to zero."""
    warmup = max(1, round(WARMUP_SHARE * steps))
    if step < warmup:
        return (step + 1) / warmup
    return 0.5 * (1 + math.cos(math.pi * (step - warmup) / max(1, steps - warmup)))


@dataclass(frozen=True, kw_only=True, eq=False)
class _Sample:
    """One crop: L cells shown, Q asked (the hidden ones first), M genes."""

    values: NDArray[np.float32]  # (L, M) deviation from the section's mean
    genes: NDArray[np.int64]  # (M,)
    shown_precision: NDArray[np.float32]  # (M,) 0 for genes not shown
    positions: NDArray[np.float32]  # (L, 2)
    queries: NDArray[np.float32]  # (Q, 2)
    targets: NDArray[np.float32]  # (Q, M)
    weight: NDArray[np.float32]  # (Q, M) 0 for what was shown


def _draw(table: TokenTable, lattice: Lattice, rng: np.random.Generator) -> _Sample:
    """Return a crop of the visible cells, with some of them hidden."""
    side = max(1, round(float(rng.choice(SIDES)) / lattice.cell_pitches))
    cells = random_crop(lattice, (side, side), rng=rng).tokens
    if cells.size < 2:  # too torn for crops: take all there is
        cells = np.arange(len(lattice.occupied))
    rows = table.expression[cells]
    mean = np.asarray(rows.mean(axis=0)).ravel()
    variance = np.maximum(np.asarray(rows.multiply(rows).mean(axis=0)).ravel() - mean**2, 0.0)
    channels = draw_channels(variance, CHANNELS, rng=rng)
    deviation = (rows[:, channels].toarray() - table.mean[channels]).astype(np.float32)
    precision = table.precision[channels]
    shown = np.ones(channels.size, dtype=bool)
    if rng.random() < DROP_SHARE:
        shown = rng.random(channels.size) > rng.uniform(0, 0.5)
    hidden = draw_mask(lattice.occupied[cells], random_share=SCATTERED_SHARE, rng=rng)
    asked = np.concatenate([np.flatnonzero(hidden), np.flatnonzero(~hidden)])
    places = table.positions[cells]
    weight = np.where(hidden[asked, None], precision, VISIBLE_WEIGHT * precision * ~shown).astype(np.float32)
    return _Sample(
        values=deviation[~hidden],
        genes=table.ids[channels],
        shown_precision=(precision * shown).astype(np.float32),
        positions=places[~hidden],
        queries=places[asked],
        targets=deviation[asked],
        weight=weight,
    )


def _loss(model: MaskedAutoencoder, sample: _Sample, device: torch.device) -> Tensor:
    """Return the mean squared error of what was hidden, in units of each gene's variance."""

    def tensor(values: NDArray[Any]) -> Tensor:
        return torch.from_numpy(values).to(device)[None]

    genes, positions = tensor(sample.genes), tensor(sample.positions)
    present = torch.ones(positions.shape[:2], dtype=torch.bool, device=device)
    tokens = model.tokens(tensor(sample.values), genes, tensor(sample.shown_precision))
    latents = model.encode(tokens, positions, present)
    states = model.decode(latents, positions, present, tensor(sample.queries))
    weight = tensor(sample.weight)
    squares = (model.read_out(states, genes) - tensor(sample.targets)).square()
    return (weight * squares).sum() / (weight > 0).sum().clamp(min=1)


def _message(loss: float) -> str:
    return "Fine-tuning" if math.isnan(loss) else f"Fine-tuning, loss {loss:.4f}"


def _finished(model: MaskedAutoencoder, former: Checkpoint, record: dict[str, Any]) -> Checkpoint:
    """Return the trained model as a checkpoint; what the former card says of scores holds no more."""
    card = {key: value for key, value in former.card.items() if key not in ("scores", "validated_on")} | {
        "version": napari_stimg.__version__,
        "trained_further_from": former.sha256,
        FINE_TUNED: [*former.card.get(FINE_TUNED, ()), record],
    }
    model = model.eval().requires_grad_(True)
    with torch.no_grad():
        for weight in model.parameters():
            weight.copy_(weight.half())
    sha256 = identity(model, former.vocabulary, card)
    name = f"{former.path.stem.split(TUNED)[0]}{TUNED}{sha256[:8]}.safetensors"
    return Checkpoint(model=model, vocabulary=former.vocabulary, card=card, sha256=sha256, path=Path(name))
