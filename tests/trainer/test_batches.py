from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
import torch

from tests.known_slides import slide_of
from tests.small_corpus import load_small_data
from trainer.batches import Batch, collate, draw_batch, section_shares
from trainer.config import CropConfig, MaskConfig, Scheme
from trainer.data import Data
from trainer.sampling import draw_sample
from trainer.sections import TrainingSection
from trainer.store import pack_slides

CROPS = CropConfig(channels=7, sides=(5, 9), tokens=200, neighbours=6)
MASKS = MaskConfig()
SCHEMES = get_args(Scheme)


def batch_of(
    sections: Sequence[TrainingSection],
    number: int = 0,
    *,
    crops: CropConfig = CROPS,
    masks: MaskConfig = MASKS,
    seed: int = 0,
) -> Batch:
    return draw_batch(sections, crops, masks, seed=seed, number=number)


def equal(one: Batch, other: Batch) -> bool:
    return all(torch.equal(tensor, same) for tensor, same in zip(one, other, strict=True))


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_batch_is_decided_by_seed_and_number_whatever_was_drawn_before(data: Data, scheme: Scheme) -> None:
    crops = replace(CROPS, scheme=scheme)
    upwards = [batch_of(data.training, number, crops=crops) for number in range(4)]
    downwards = [batch_of(data.training, number, crops=crops) for number in reversed(range(4))][::-1]
    assert all(equal(one, other) for one, other in zip(upwards, downwards, strict=True))
    assert not equal(upwards[0], upwards[1])
    assert not equal(upwards[0], batch_of(data.training, 0, crops=crops, seed=1))


def test_seed_and_number_are_no_sum(data: Data) -> None:
    assert not equal(batch_of(data.training, 1, seed=0), batch_of(data.training, 0, seed=1))


def test_samples_of_different_sizes_are_padded_with_what_counts_nothing(data: Data) -> None:
    rng = np.random.default_rng(0)
    few, many = replace(CROPS, channels=5), CROPS
    samples = [
        draw_sample(data.training[0], 4, few, MASKS, rng),
        draw_sample(data.training[1], 6, replace(many, scheme="neighbourhood"), MASKS, rng),
        draw_sample(data.training[2], 3, replace(many, scheme="spot"), MASKS, rng),
    ]
    batch = collate(samples)
    assert [tensor.dtype for tensor in batch] == [
        torch.float32,
        torch.int64,
        torch.float32,
        torch.float32,
        torch.bool,
        torch.float32,
        torch.float32,
        torch.float32,
    ]
    for tensors, arrays in zip(batch, zip(*samples, strict=True), strict=True):
        for tensor, array in zip(tensors.clone(), arrays, strict=True):
            own = tuple(slice(extent) for extent in array.shape)
            np.testing.assert_array_equal(tensor[own], array)
            tensor[own] = 0
            assert not tensor.any()


def test_batches_hold_about_as_many_cells_as_asked(data: Data) -> None:
    for number in range(10):
        batch = batch_of(data.training, number)
        asked = int((batch.weight > 0).any(dim=-1).sum())
        assert asked <= 200 + 81
        assert batch.queries.shape[2] <= 81
        assert all(tensor.isfinite().all() for tensor in batch)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_every_scheme_costs_about_alike(data: Data, scheme: Scheme) -> None:
    crops = replace(CROPS, scheme=scheme, tokens=300)
    cells = [batch_of(data.training, number, crops=crops).targets.shape[:3].numel() for number in range(8)]
    assert 250 < np.mean(cells) < 900  # padding counts, too


def test_crops_of_a_batch_have_one_size_and_sizes_change_between_batches(data: Data) -> None:
    places = [batch_of(data.training[:1], number).queries[:, 0] for number in range(12)]
    extents = [(place.amax(dim=1) - place[:, 0]).amax().item() for place in places]
    assert min(extents) < 6 < max(extents)


@pytest.mark.parametrize(
    "change",
    [{"sides": (7,)}, {"tokens": 300}, {"channels": 6}, {"channel_rule": "uniform"}, {"scheme": "neighbourhood"}],
    ids=str,
)
def test_every_parameter_of_crops_changes_batches(data: Data, change: dict[str, Any]) -> None:
    changed = replace(CROPS, **change)
    assert any(
        not equal(batch_of(data.training, number), batch_of(data.training, number, crops=changed))
        for number in range(4)
    )


def test_masks_change_batches(data: Data) -> None:
    assert not equal(batch_of(data.training), batch_of(data.training, masks=replace(MASKS, visible_weight=0.5)))


def test_larger_sections_are_drawn_more_often_by_the_square_root_of_their_size(tmp_path: Path) -> None:
    large = np.random.default_rng(0).poisson(3.0, (400, 4))
    slides = [
        slide_of(counts, name=name, places=places.astype(np.float64), array_indices=places, gene_names=np.array(genes))
        for name, counts, places, genes in (
            ("large", large, np.indices((20, 20)).reshape(2, -1).T, ["A0", "A1", "A2", "A3"]),
            ("small", large[:100], np.indices((10, 10)).reshape(2, -1).T, ["B0", "B1", "B2", "B3"]),
        )
    ]
    pack_slides(slides, tmp_path / "corpus")
    data = load_small_data(tmp_path / "corpus")
    np.testing.assert_allclose(section_shares(data.training), [2 / 3, 1 / 3])
    crops = replace(CROPS, sides=(5,), tokens=10_000, channels=4)
    genes = batch_of(data.training, crops=crops).genes
    of_large = {gene for gene, symbol in enumerate(data.vocabulary.symbols) if symbol.startswith("A")}
    share = np.mean([gene in of_large for gene in genes[:, 0].tolist()])
    assert share == pytest.approx(2 / 3, abs=4 * np.sqrt(2 / 9 / len(genes)))


def test_a_batch_moves_to_a_device_as_a_whole(data: Data) -> None:
    moved = batch_of(data.training).to(torch.device("meta"))
    assert isinstance(moved, Batch)
    assert {tensor.device.type for tensor in moved} == {"meta"}
