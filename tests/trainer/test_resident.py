"""Batches made on the device: by the rules of the samples that are made one by one."""

from collections import Counter
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch
from torch import Tensor

from napari_stimg.expression import log_expression
from napari_stimg.masking import MIN_VISIBLE
from trainer.batches import Batch
from trainer.config import CropConfig, MaskConfig, Scheme
from trainer.data import Data
from trainer.resident import Resident, draw_cells, draw_resident_batch, resident_bytes, to_device
from trainer.resident_masks import draw_masks

CPU = torch.device("cpu")
CROPS = CropConfig(sides=(7,), tokens=400, neighbours=5, channels=11)
MASKS = MaskConfig()
PLAIN = MaskConfig(drop_genes=0.0, thin=0.0)
SCHEMES: tuple[Scheme, ...] = ("patch", "spot", "neighbourhood", "slide")


@pytest.fixture(scope="module")
def resident(data: Data) -> Resident:
    return to_device(data.training, CROPS, CPU)


def chance(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def drawn(resident: Resident, crops: CropConfig = CROPS, masks: MaskConfig = MASKS, *, n: int = 8) -> list[Batch]:
    return [draw_resident_batch(resident, crops, masks, seed=3, number=number) for number in range(n)]


def with_scheme(data: Data, scheme: Scheme) -> tuple[Resident, CropConfig]:
    crops = replace(CROPS, scheme=scheme)
    return to_device(data.training, crops, CPU), crops


def expected_deviations(data: Data) -> tuple[np.ndarray, dict[tuple[int, float, float], int], np.ndarray]:
    """Return every cell's deviation for each of the model's genes, the row of each (section, place), all sections."""
    deviations, rows, start = [], {}, 0
    for number, training in enumerate(data.training):
        section = training.section
        expression = log_expression(section.count_matrix()).toarray()
        full = np.full((section.n_cells, len(data.vocabulary)), np.nan, dtype=np.float32)
        full[:, training.ids] = (expression - section.moments[1.0].mean)[:, training.columns]
        deviations.append(full)
        for cell, place in enumerate(section.lattice.token_positions.tolist()):
            rows[(number, *place)] = start + cell
        start += section.n_cells
    return np.concatenate(deviations), rows, np.arange(len(data.training))


@pytest.mark.parametrize("scheme", SCHEMES)
def test_values_and_targets_are_the_deviations_of_the_cells_they_say(data: Data, scheme: Scheme) -> None:
    resident, crops = with_scheme(data, scheme)
    deviations, rows, sections = expected_deviations(data)
    checked = 0
    for batch in drawn(resident, crops, PLAIN, n=4):
        for values, genes, positions, present, queries, targets, weight in zip(
            batch.values,
            batch.genes,
            batch.positions,
            batch.present,
            batch.queries,
            batch.targets,
            batch.weight,
            strict=True,
        ):
            for places, given, counts in (
                (positions[present], values[present], None),
                (queries.flatten(0, 1), targets.flatten(0, 1), (weight > 0).all(-1).flatten()),
            ):
                places, given = (places, given) if counts is None else (places[counts], given[counts])
                fits = [
                    section
                    for section in sections
                    if all((section, *place) in rows for place in places.tolist())
                    and np.allclose(
                        deviations[[rows[(section, *place)] for place in places.tolist()]][:, genes], given, atol=1e-4
                    )
                ]
                assert fits or not len(places)
                checked += len(places)
    assert checked > 100


@pytest.mark.parametrize("scheme", SCHEMES)
def test_visible_cells_are_asked_after_the_hidden_ones_and_none_is_both(data: Data, scheme: Scheme) -> None:
    resident, crops = with_scheme(data, scheme)
    for batch in drawn(resident, crops, PLAIN, n=4):
        hidden = (batch.weight > 0).all(-1)
        assert bool(hidden.any()) is (scheme != "spot")
        n_hidden = hidden.sum(-1)
        order = torch.arange(hidden.shape[-1])
        assert torch.equal(hidden, order < n_hidden[..., None])
        for group_hidden, queries, positions, present in zip(
            n_hidden.flatten(),
            batch.queries.flatten(0, 1),
            batch.positions.flatten(0, 1),
            batch.present.flatten(0, 1),
            strict=True,
        ):
            seen = positions[present]
            assert torch.equal(queries[group_hidden : group_hidden + len(seen)], seen)
            assert {tuple(place) for place in queries[:group_hidden].tolist()}.isdisjoint(map(tuple, seen.tolist()))


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_batch_is_the_same_each_time_and_another_is_another(data: Data, scheme: Scheme) -> None:
    resident, crops = with_scheme(data, scheme)
    first, again, other = (
        draw_resident_batch(resident, crops, MaskConfig(), seed=1, number=number) for number in (5, 5, 6)
    )
    assert all(torch.equal(one, same) for one, same in zip(first, again, strict=True))
    assert first.values.shape != other.values.shape or not torch.equal(first.values, other.values)


def test_genes_are_drawn_by_their_variance_in_the_crop(data: Data) -> None:
    """By the rule top-hvg the genes are those of the largest variance over the crop's cells."""
    resident = to_device(data.training, CROPS, CPU)
    deviations, rows, sections = expected_deviations(data)
    crops = replace(CROPS, channel_rule="top-hvg")
    for batch in drawn(resident, crops, PLAIN, n=3):
        for genes, queries, weight in zip(batch.genes, batch.queries[:, 0], batch.weight[:, 0], strict=True):
            is_padding = (queries == 0).all(-1) & (weight == 0).all(-1)
            places = [tuple(place) for place in queries[~is_padding].tolist()]
            best = []
            for section in sections:
                if all((section, *place) in rows for place in places):
                    variance = deviations[[rows[(section, *place)] for place in places]].var(axis=0)
                    best.append(set(np.argsort(-variance)[: CROPS.channels].tolist()))
            assert any(len(set(genes.tolist()) & chosen) >= CROPS.channels - 1 for chosen in best)


def test_more_variable_genes_are_drawn_more_often_and_all_rules_differ(resident: Resident) -> None:
    by_rule = {
        rule: Counter(
            gene
            for batch in drawn(resident, replace(CROPS, channel_rule=rule), n=20)
            for gene in batch.genes.flatten().tolist()
        )
        for rule in ("variance", "uniform", "top-hvg")
    }
    spread = {rule: np.std(list(counts.values())) / np.mean(list(counts.values())) for rule, counts in by_rule.items()}
    assert spread["uniform"] < spread["variance"] < spread["top-hvg"]


def test_half_of_the_molecules_are_shown_and_the_others_asked(resident: Resident) -> None:
    shown, asked = [], []
    for batch in drawn(resident, masks=MaskConfig(drop_genes=0.0, thin=1.0), n=30):
        for values, present, targets, weight in zip(
            batch.values[:, 0], batch.present[:, 0], batch.targets[:, 0], batch.weight[:, 0], strict=True
        ):
            n_hidden = int((weight == weight[0]).all(-1).sum())
            n_visible = int(present.sum())
            if (weight[n_hidden : n_hidden + n_visible] > 0).all():
                shown.append(values[present].flatten())
                asked.append(targets[n_hidden : n_hidden + n_visible].flatten())
    one, other = torch.cat(shown), torch.cat(asked)
    assert abs(one.mean() - other.mean()) < 0.02
    assert one.std().item() == pytest.approx(other.std().item(), rel=0.05)
    assert 0.1 < torch.corrcoef(torch.stack([one, other]))[0, 1] < 0.9


def test_dropped_genes_are_not_shown_but_asked_of_all(resident: Resident) -> None:
    for batch in drawn(resident, masks=MaskConfig(drop_genes=1.0, thin=0.0)):
        dropped = batch.shown_precision == 0  # B, M
        visible = batch.present.sum(-1)[:, 0]
        for weight, gone, n_visible in zip(batch.weight[:, 0], dropped, visible, strict=True):
            asked = (weight > 0).any(-1) | ~gone.any()
            assert (weight[:, gone] > 0).all(-1)[asked].all()
            assert n_visible > 0
    assert any((batch.shown_precision == 0).any() for batch in drawn(resident, masks=MaskConfig(drop_genes=1.0)))
    assert all((batch.shown_precision > 0).all() for batch in drawn(resident, masks=MaskConfig(drop_genes=0.0)))


def test_slides_are_whole_or_as_many_cells_as_asked(data: Data) -> None:
    resident, crops = with_scheme(data, "slide")
    sizes = set(data.training.n_cells.tolist())
    cells = draw_cells(resident, 7, crops, chance()).cells
    assert {int((sample >= 0).sum()) for sample in cells} <= {min(size, crops.tokens) for size in sizes}
    for sample in cells:
        there = sample[sample >= 0].tolist()
        assert all(one < other for one, other in pairwise(there))


def test_a_neighbourhood_is_a_cell_and_its_nearest(data: Data) -> None:
    resident, crops = with_scheme(data, "neighbourhood")
    cells = draw_cells(resident, 7, crops, chance()).cells.flatten(0, 1)
    for group in cells[:20]:
        places = resident.positions[group]
        distance = (places - places[0]).norm(dim=1)
        assert distance[0] == 0
        assert (distance[1:] > 0).all()
        assert distance.max() < 3


def test_sections_are_drawn_by_the_root_of_their_size(resident: Resident) -> None:
    section = draw_cells(resident, 7, replace(CROPS, tokens=200_000), chance()).section
    share = torch.bincount(section, minlength=len(resident.shares)) / len(section)
    torch.testing.assert_close(share, resident.shares, atol=0.03, rtol=0)


@pytest.mark.parametrize("scheme", ["patch", "neighbourhood"])
def test_the_memory_that_sections_take_is_told_within_a_quarter(data: Data, scheme: Scheme) -> None:
    resident, crops = with_scheme(data, scheme)
    taken = sum(tensor.nbytes for tensor in vars(resident).values())
    assert resident_bytes(data.training, crops) == pytest.approx(taken, rel=0.25)


# --- masks ---------------------------------------------------------------------------------------------


def grid(n_samples: int, side: int) -> tuple[Tensor, Tensor]:
    """Return (B, 1, L, 2) places of full squares, and where cells are."""
    places = torch.cartesian_prod(torch.arange(side), torch.arange(side)).expand(n_samples, 1, side**2, 2)
    return places, torch.ones(n_samples, 1, side**2, dtype=torch.bool)


@pytest.mark.parametrize("scattered", [0.0, 1.0])
def test_some_cells_are_hidden_and_some_stay_visible(scattered: float) -> None:
    places, present = grid(300, 12)
    hidden = draw_masks(places, present, scattered, chance())
    n_hidden = hidden.sum(-1)
    assert n_hidden.min() >= 1
    assert n_hidden.max() <= 144 - MIN_VISIBLE
    assert 0.15 < hidden.float().mean() < 0.6


def test_scattered_cells_are_ten_to_seventy_percent() -> None:
    places, present = grid(400, 20)
    share = draw_masks(places, present, 1.0, chance()).float().mean(-1)
    assert 0.05 < share.min() < 0.15
    assert 0.65 < share.max() < 0.75


def test_one_block_is_a_square_of_neighbouring_cells() -> None:
    places, present = grid(500, 20)
    hidden = draw_masks(places, present, 0.0, chance())[:, 0]
    filled = 0
    for mask in hidden:
        cells = places[0, 0][mask]
        extent = cells.amax(0) - cells.amin(0) + 1
        filled += int(extent.prod() == len(cells))
        assert extent.max() <= 20
    assert filled > 150  # a third have one block; some lie over the edge, which leaves a rectangle


def test_padding_and_lone_cells_are_never_hidden() -> None:
    places, present = grid(50, 5)
    present = present.clone()
    present[:, :, 10:] = False
    assert not draw_masks(places, present, 0.5, chance())[~present].any()
    present[:, :, 1:] = False
    assert not draw_masks(places, present, 0.5, chance()).any()
