"""What is minimised: the error of what was hidden, for crops, single spots, neighbourhoods and slides alike."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from napari_stimg.model import MaskedAutoencoder
from trainer.batches import Batch


class Objective(nn.Module):
    """A model and its loss as one module, so that its one ``forward`` can be shared among processes or compiled."""

    def __init__(self, model: MaskedAutoencoder) -> None:
        super().__init__()
        self.model = model

    def forward(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Return the loss, and the (B * N, Q, D) states of the cells asked.

        The loss is the squared error of hidden values in units of each gene's variance, averaged over the batch.
        """
        n_samples, n_groups, n_visible, _ = batch.values.shape
        tokens = self.model.tokens(batch.values.flatten(1, 2), batch.genes, batch.shown_precision)  # B, N * L, D
        tokens = tokens.reshape(n_samples * n_groups, n_visible, -1)
        positions, present = batch.positions.flatten(0, 1), batch.present.flatten(0, 1)
        latents = self.model.encode(tokens, positions, present)  # B * N, L, D
        states = self.model.decode(latents, positions, present, batch.queries.flatten(0, 1))  # B * N, Q, D
        predicted = self.model.read_out(states.reshape(n_samples, -1, states.shape[-1]), batch.genes)  # B, N * Q, M
        error = predicted.reshape(batch.targets.shape) - batch.targets
        return weighted_mean(error.square(), batch.weight), states


def weighted_mean(squares: Tensor, weight: Tensor) -> Tensor:
    """Return the sum of weighted squares over the number of those that count; 0 if none does."""
    return (weight * squares).sum() / (weight > 0).sum().clamp(min=1)


def mean_loss(batch: Batch) -> Tensor:
    """Return the loss of predicting every gene's mean over its section."""
    return weighted_mean(batch.targets.square(), batch.weight)


def start_from_loadings(model: MaskedAutoencoder, loadings: NDArray[np.float32]) -> None:
    """Set both gene embeddings to (V, D) loadings."""
    with torch.no_grad():
        model.gene_in.weight.copy_(torch.from_numpy(loadings))
        model.gene_out.weight.copy_(torch.from_numpy(loadings))
