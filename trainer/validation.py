"""How a run does on sections that it does not train on."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from napari_stimg.agreement import held_out_agreement
from napari_stimg.crops import windows
from napari_stimg.domains import PaintParameters
from napari_stimg.progress import run
from trainer.batches import Batch, collate, draw_batch
from trainer.config import Config
from trainer.objective import mean_loss
from trainer.sampling import show_all
from trainer.sections import TrainingSection

SEED = 20_260_313
"""Of what is hidden in validation: the same in every run, so that runs can be compared."""

WINDOW_SIDE = 24
"""Cells across the windows in which labelled sections are embedded."""


def validate(
    objective: nn.Module, sections: Sequence[TrainingSection], config: Config, device: torch.device
) -> dict[str, float]:
    """Return the scores of a model on validation sections, the same on every process.

    ``loss`` and ``mean_loss``: as in training, of patches in which nothing but cells is hidden. ``gain_percent``: by
    how much the one is lower than the other. ``knn_accuracy``: share of labelled cells that their ten nearest in the
    embedding name rightly, labels being hidden square by square, averaged over labelled sections (absent if none is).

    Parameters
    ----------
    objective : Objective
        The model, as it was set up.
    sections : sequence of TrainingSection
        Those to validate on.
    config : Config
        The run's.
    device : torch device
        Where the model is.
    """
    losses = []
    with torch.no_grad():
        for batch in validation_batches(sections, config):
            loss, _ = objective(batch.to(device))
            losses.append((loss.item(), mean_loss(batch).item()))
        accuracies = [_knn_accuracy(objective, training, config, device) for training in sections]
    loss, mean = np.mean(losses, axis=0).tolist()
    scores = {"loss": loss, "mean_loss": mean, "gain_percent": 100 * (1 - loss / mean) if mean > 0 else 0.0}
    known = [accuracy for accuracy in accuracies if accuracy is not None]
    return scores | ({"knn_accuracy": float(np.mean(known))} if known else {})


def validation_batches(sections: Sequence[TrainingSection], config: Config) -> Iterator[Batch]:
    """Yield the batches to validate on: patches of which cells alone are hidden, whatever the run's scheme."""
    crops = replace(config.crops, scheme="patch", channel_rule="variance")
    masks = replace(config.masks, drop_genes=0.0, thin=0.0)
    for number in range(config.run.validation_batches):
        yield draw_batch(sections, crops, masks, seed=SEED, number=number)


def _knn_accuracy(
    objective: nn.Module, training: TrainingSection, config: Config, device: torch.device
) -> float | None:
    """Return how well labels are told from those elsewhere in the section; None if it has none."""
    section = training.section
    if not section.labels:
        return None
    names = next(iter(section.labels.values()))
    _, codes = np.unique(names, return_inverse=True)
    labels = np.where(names == "", -1, codes)
    embedding = embed_cells(objective, training, config, device)
    params = PaintParameters(method="knn", refine=False)
    accuracy = run(held_out_agreement(embedding, section.lattice, labels, params=params)).accuracy
    return None if np.isnan(accuracy) else accuracy


def embed_cells(
    objective: nn.Module, training: TrainingSection, config: Config, device: torch.device
) -> NDArray[np.float32]:
    """Return (K, D) states of all cells of a section, each asked in the window that it lies in, with nothing hidden."""
    lattice = training.section.lattice
    embedding = np.zeros((len(lattice.occupied), config.model.width), dtype=np.float32)
    side = (WINDOW_SIDE, WINDOW_SIDE)
    for window in windows(lattice, side, side):
        batch = collate([show_all(training, window.tokens, config.crops.channels)]).to(device)
        _, states = objective(batch)
        embedding[window.tokens] = states[0].float().cpu().numpy()
    return embedding
