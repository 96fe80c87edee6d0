from dataclasses import replace
from typing import get_args

import numpy as np
import pytest
import torch
from torch import Tensor

from napari_stimg.model import MAEConfig, MaskedAutoencoder
from tests.known_slides import activate
from trainer.batches import Batch, collate, draw_batch
from trainer.config import CropConfig, MaskConfig, Scheme
from trainer.data import Data
from trainer.objective import Objective, mean_loss, start_from_loadings, weighted_mean
from trainer.sampling import draw_sample

CROPS = CropConfig(sides=(5, 7), tokens=150, channels=11, neighbours=6)
MASKS = MaskConfig()
SCHEMES = get_args(Scheme)


def small_objective() -> Objective:
    torch.manual_seed(0)
    config = MAEConfig(n_genes=46, width=8, n_heads=2, n_encoder_layers=1, n_decoder_layers=1)
    return Objective(activate(MaskedAutoencoder(config)))


@pytest.fixture(scope="module")
def batch(data: Data) -> Batch:
    """Return samples of different sizes and schemes, so most tensors are padded along every axis."""
    rng = np.random.default_rng(2)
    crops = (CROPS, replace(CROPS, scheme="neighbourhood", channels=7), replace(CROPS, scheme="spot"))
    sides = zip(crops, (8, 6, 3), data.training, strict=True)
    return collate([draw_sample(training, side, crop, MASKS, rng) for crop, side, training in sides])


def loss_of(objective: Objective, batch: Batch) -> Tensor:
    loss, _ = objective(batch)
    return loss


def gradients(objective: Objective, batch: Batch) -> list[Tensor]:
    objective.zero_grad()
    loss_of(objective, batch).backward()
    found = [weight.grad for weight in objective.parameters()]
    assert all(gradient is not None for gradient in found)
    return [gradient.clone() for gradient in found]


def predicted(model: MaskedAutoencoder, batch: Batch, sample: int, group: int) -> Tensor:
    """Return the (Q, M) prediction for one group, without its padding and without any other group."""
    present = batch.present[sample, group]
    shown = batch.shown_precision[sample][None]
    values, places = (part[sample, group][present][None] for part in (batch.values, batch.positions))
    everywhere = torch.ones(values.shape[:2], dtype=torch.bool)
    tokens = model.tokens(values, batch.genes[sample][None], shown)
    latents = model.encode(tokens, places, everywhere)
    states = model.decode(latents, places, everywhere, batch.queries[sample, group][None])
    return model.read_out(states, batch.genes[sample][None])[0]


def test_the_loss_is_the_weighted_squared_error_of_what_counts_group_by_group(batch: Batch) -> None:
    objective = small_objective()
    total, n_counted = 0.0, 0
    with torch.no_grad():
        for sample, group in np.ndindex(*batch.values.shape[:2]):
            if batch.present[sample, group].any():
                off = predicted(objective.model, batch, sample, group) - batch.targets[sample, group]
                weight = batch.weight[sample, group]
                total += sum(w * e**2 for w, e in zip(weight.flatten().tolist(), off.flatten().tolist(), strict=True))
                n_counted += int((weight > 0).sum())
        assert n_counted == int((batch.weight > 0).sum())
        assert loss_of(objective, batch).item() == pytest.approx(total / n_counted, rel=1e-4)


def test_weights_make_an_average_over_what_counts() -> None:
    squares, weight = torch.tensor([1.0, 4.0, 100.0]), torch.tensor([0.5, 2.0, 0.0])
    assert weighted_mean(squares, weight).item() == pytest.approx((0.5 * 1 + 2 * 4) / 2)


def test_where_nothing_counts_there_is_no_loss() -> None:
    assert weighted_mean(torch.ones(3), torch.zeros(3)).item() == 0


def test_the_loss_of_means_is_that_of_predicting_no_deviation(batch: Batch) -> None:
    objective = small_objective()
    with torch.no_grad():
        objective.model.gene_out.weight.zero_()
        torch.testing.assert_close(loss_of(objective, batch), mean_loss(batch))


def test_what_weighs_nothing_teaches_nothing(batch: Batch) -> None:
    objective = small_objective()
    targets = torch.where(batch.weight > 0, batch.targets, 1e3)
    changed = batch._replace(targets=targets)
    for gradient, other in zip(gradients(objective, batch), gradients(objective, changed), strict=True):
        assert torch.equal(gradient, other)


def test_only_hidden_values_teach(batch: Batch) -> None:
    objective = small_objective()
    alone = torch.zeros_like(batch.weight)
    alone[0, 0, 0, 3] = 1
    taught = gradients(objective, batch._replace(weight=alone))[1]  # of gene_out
    assert torch.equal(taught.abs().sum(dim=1).nonzero().ravel(), batch.genes[0, 3].reshape(1))


def test_gradients_are_finite_though_samples_are_padded(batch: Batch) -> None:
    assert not batch.present.any(dim=2).all()  # whole groups are padding
    for gradient in gradients(small_objective(), batch):
        assert gradient.isfinite().all()
        assert gradient.any()


@pytest.mark.parametrize("extra", [(0, 0, 3, 0), (0, 2, 0, 0), (1, 0, 0, 0), (0, 0, 0, 4), (2, 1, 3, 2)], ids=str)
def test_padding_changes_neither_loss_nor_gradients(batch: Batch, extra: tuple[int, int, int, int]) -> None:
    objective = small_objective()
    groups, cells, asked, genes = extra

    def padded(tensor: Tensor, *more: int) -> Tensor:
        return torch.nn.functional.pad(tensor, [amount for axis in reversed(more) for amount in (0, axis)])

    wider = Batch(
        values=padded(batch.values, groups, cells, genes),
        genes=padded(batch.genes, genes),
        shown_precision=padded(batch.shown_precision, genes),
        positions=padded(batch.positions, groups, cells, 0),
        present=padded(batch.present, groups, cells),
        queries=padded(batch.queries, groups, asked, 0),
        targets=padded(batch.targets, groups, asked, genes),
        weight=padded(batch.weight, groups, asked, genes),
    )
    torch.testing.assert_close(loss_of(objective, wider), loss_of(objective, batch))
    for gradient, same in zip(gradients(objective, batch), gradients(objective, wider), strict=True):
        torch.testing.assert_close(gradient, same, rtol=1e-3, atol=1e-4)


def test_groups_do_not_see_each_other(batch: Batch) -> None:
    objective = small_objective()
    n_groups = int(batch.present[1].any(dim=1).sum())
    assert n_groups > 2
    values = batch.values.clone()
    values[1, 1] += 5.0
    with torch.no_grad():
        _, states = objective(batch)
        _, changed = objective(batch._replace(values=values))
    moved = (states != changed).any(dim=2).any(dim=1).reshape(batch.values.shape[:2])
    assert moved.nonzero().tolist() == [[1, 1]]


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_model_overfits_one_batch_of_any_scheme(data: Data, scheme: Scheme) -> None:
    crops = replace(CROPS, scheme=scheme, tokens=60)
    one = draw_batch(data.training, crops, MASKS, seed=0, number=0)
    torch.manual_seed(0)
    model = MaskedAutoencoder(MAEConfig(n_genes=46, width=16, n_heads=2, n_encoder_layers=1))
    start_from_loadings(model, 0.3 * np.random.default_rng(0).standard_normal((46, 16)).astype(np.float32))
    objective = Objective(model)
    optimiser = torch.optim.Adam(model.parameters(), lr=0.01)
    for _ in range(150):
        loss = loss_of(objective, one)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert loss.item() < 0.25 * mean_loss(one).item()


def test_both_gene_embeddings_start_from_the_loadings() -> None:
    model, loadings = small_objective().model, np.random.default_rng(0).random((46, 8)).astype(np.float32)
    start_from_loadings(model, loadings)
    np.testing.assert_array_equal(model.gene_in.weight.detach().numpy(), loadings)
    np.testing.assert_array_equal(model.gene_out.weight.detach().numpy(), loadings)
    with torch.no_grad():
        model.gene_in.weight += 1
    np.testing.assert_array_equal(model.gene_out.weight.detach().numpy(), loadings)
