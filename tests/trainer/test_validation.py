from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from napari_stimg.model import MaskedAutoencoder
from tests.known_slides import activate, simulated_slide
from tests.small_corpus import load_small_data, small_config
from trainer.batches import collate
from trainer.config import Config
from trainer.data import Data, token_tables
from trainer.loadings import fit_loadings
from trainer.objective import Objective, mean_loss, start_from_loadings
from trainer.sampling import show_all
from trainer.store import pack_slides
from trainer.validation import embed_cells, validate, validation_batches

CPU = torch.device("cpu")


@pytest.fixture
def config(corpus: Path, tmp_path: Path) -> Config:
    return small_config(corpus, tmp_path / "run")


def objective_of(config: Config, data: Data) -> Objective:
    torch.manual_seed(0)
    return Objective(activate(MaskedAutoencoder(config.model.sized(len(data.vocabulary)))))


def test_validation_hides_cells_alone_whatever_the_run_hides(config: Config, data: Data) -> None:
    spots = replace(config, crops=replace(config.crops, scheme="spot", channel_rule="uniform"))
    plain, other = (list(validation_batches(data.training, part)) for part in (config, spots))
    assert len(plain) == 2
    for batch, same in zip(plain, other, strict=True):
        assert all(torch.equal(tensor, equal) for tensor, equal in zip(batch, same, strict=True))
        for weight, present in zip(batch.weight[:, 0], batch.present[:, 0], strict=True):
            n_asked = int((weight > 0).any(dim=1).sum())
            assert n_asked > 0
            assert (weight[:n_asked] > 0).any(dim=0).sum() > 0
            assert not weight[n_asked:].any()
            assert present.any()
        assert (batch.shown_precision > 0).all()


@pytest.mark.parametrize("seed", [0, 1])
def test_what_is_hidden_in_validation_is_the_same_in_all_runs(config: Config, data: Data, seed: int) -> None:
    (first, _), (other, _) = (
        validation_batches(data.training, part)
        for part in (config, replace(config, run=replace(config.run, seed=seed)))
    )
    assert torch.equal(first.genes, other.genes)
    assert torch.equal(first.weight, other.weight)


def test_scores_are_the_mean_over_batches_and_more_batches_change_them(config: Config, data: Data) -> None:
    objective = objective_of(config, data)
    scores = validate(objective, data.training, config, CPU)
    with torch.no_grad():
        losses = [
            (objective(batch)[0].item(), mean_loss(batch).item()) for batch in validation_batches(data.training, config)
        ]
    assert (scores["loss"], scores["mean_loss"]) == pytest.approx(tuple(np.mean(losses, axis=0)))
    assert scores["gain_percent"] == pytest.approx(100 * (1 - scores["loss"] / scores["mean_loss"]))
    more = replace(config, run=replace(config.run, validation_batches=5))
    assert validate(objective, data.training, more, CPU)["loss"] != scores["loss"]


def test_sections_without_labels_have_no_accuracy(config: Config, data: Data) -> None:
    assert "knn_accuracy" not in validate(objective_of(config, data), data.training[:2], config, CPU)


def test_labels_are_told_from_expression_better_than_by_chance(tmp_path: Path, config: Config) -> None:
    pack_slides([simulated_slide(n_rows=40, n_cols=36, seed=2)], tmp_path / "corpus")
    data = load_small_data(tmp_path / "corpus")
    config = replace(config, crops=replace(config.crops, channels=80))
    tables = token_tables(data.training, max_cells=2000, rng=np.random.default_rng(0))
    model = MaskedAutoencoder(config.model.sized(len(data.vocabulary)))
    accuracies = []
    for loadings in (fit_loadings(tables, len(data.vocabulary), width=8), np.zeros((len(data.vocabulary), 8))):
        start_from_loadings(model, loadings.astype(np.float32))
        accuracies.append(validate(Objective(model), data.training, config, CPU)["knn_accuracy"])
    assert accuracies[0] > 0.8
    assert accuracies[1] < 0.4


def test_all_cells_are_embedded_each_in_its_window(config: Config, data: Data) -> None:
    objective = objective_of(config, data)
    training = data.training[0]  # smaller than one window
    with torch.no_grad():
        embedding = embed_cells(objective, training, config, CPU)
        _, states = objective(collate([show_all(training, np.arange(training.section.n_cells), config.crops.channels)]))
    assert embedding.shape == (229, 8)
    np.testing.assert_allclose(embedding, states[0].numpy(), rtol=1e-5, atol=1e-6)
