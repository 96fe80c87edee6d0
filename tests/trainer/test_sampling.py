from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
from numpy.typing import NDArray

from napari_stimg.errors import InputError
from napari_stimg.expression import gene_moments, log_expression
from napari_stimg.tokens import precision_of
from tests.known_slides import slide_of
from tests.small_corpus import load_small_data
from trainer.config import CropConfig, MaskConfig, Scheme
from trainer.data import Data
from trainer.sampling import Entries, Sample, draw_sample, show_all, thin_counts
from trainer.sections import TrainingSection
from trainer.store import Section, pack_slides

SCHEMES = get_args(Scheme)
CROPS = CropConfig(channels=13, neighbours=10, tokens=120)
MASKS = MaskConfig()
SIDE = 7


@pytest.fixture(scope="module")
def training(data: Data) -> TrainingSection:
    """Return a section of which the model knows every gene but the first seven."""
    return TrainingSection(section=data.training[0].section, columns=np.arange(7, 40), ids=np.arange(33))


def draw(
    training: TrainingSection, seed: int, *, crops: CropConfig = CROPS, masks: MaskConfig = MASKS, side: int = SIDE
) -> Sample:
    return draw_sample(training, side, crops, masks, np.random.default_rng(seed))


def drawn(training: TrainingSection, n: int, **options: Any) -> list[Sample]:
    return [draw(training, seed, **options) for seed in range(n)]


def deviation(training: TrainingSection) -> NDArray[np.float32]:
    """Return the (K, G) log expression of all cells and known genes, less its mean over the section."""
    expression = log_expression(training.section.count_matrix()).toarray()
    centred: NDArray[np.float32] = (expression - expression.mean(axis=0))[:, training.columns]
    return centred


def cell_at(section: Section) -> dict[tuple[float, ...], int]:
    return {tuple(place): cell for cell, place in enumerate(section.lattice.token_positions.tolist())}


def pairs_of_visible(sample: Sample) -> list[tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]]:
    """Return what each group's visible cells show, what is asked of the same cells, and what that weighs."""
    pairs = []
    for values, present, targets, weight in zip(
        sample.values, sample.present, sample.targets, sample.weight, strict=True
    ):
        n_visible = int(present.sum())
        pairs.append((values[:n_visible], targets[len(targets) - n_visible :], weight[len(weight) - n_visible :]))
    return pairs


# --- what lies in the corpus ---------------------------------------------------------------------------

CELLS = ([0], [17], [3, 4, 5], [0, 1, 9, 40, 41, 42, 228], range(229))


@pytest.mark.parametrize("cells", CELLS, ids=str)
def test_entries_are_those_of_the_dense_counts(training: TrainingSection, cells: list[int]) -> None:
    section, chosen = training.section, np.array(cells)
    columns = np.array([39, 2, 17, 0, 21])
    entries = Entries.of(section, chosen)
    whole = section.count_matrix().toarray()[chosen]
    np.testing.assert_array_equal(entries.dense(columns, section.n_genes), whole[:, columns])
    np.testing.assert_array_equal(entries.library_size, whole.sum(axis=1))


@pytest.mark.parametrize("cells", CELLS, ids=str)
def test_variances_are_those_of_the_dense_expression(training: TrainingSection, cells: list[int]) -> None:
    expression = log_expression(training.section.count_matrix()[np.array(cells)]).toarray()
    found = Entries.of(training.section, np.array(cells)).variance(training.section)
    np.testing.assert_allclose(found, expression.var(axis=0, dtype=np.float64), rtol=1e-4, atol=1e-4)


def test_cells_without_counts_have_no_expression(tmp_path: Path) -> None:
    counts = np.random.default_rng(0).poisson(3.0, (12, 5))
    counts[4] = 0
    pack_slides([slide_of(counts)], tmp_path / "corpus")
    (training,) = load_small_data(tmp_path / "corpus", min_spots=1).training
    entries = Entries.of(training.section, np.arange(12))
    expression = log_expression(training.section.count_matrix()).toarray()
    np.testing.assert_allclose(
        entries.variance(training.section), expression.var(axis=0, dtype=np.float64), rtol=1e-4, atol=1e-4
    )
    sample = show_all(training, np.array([4]), 5)
    column_of = dict(zip(training.ids.tolist(), training.columns.tolist(), strict=True))
    columns = [column_of[gene] for gene in sample.genes.tolist()]
    np.testing.assert_allclose(sample.values[0, 0], -expression.mean(axis=0)[columns], rtol=1e-4)


@pytest.mark.parametrize("share", [0.7, 0.5])
def test_every_molecule_is_kept_with_the_same_probability(share: float) -> None:
    counts = np.repeat(np.array([1.0, 2.0, 9.0], dtype=np.float32), 20_000)
    kept = thin_counts(counts, share, np.random.default_rng(0)).reshape(3, -1)
    for row, count in zip(kept, (1, 2, 9), strict=True):
        assert set(np.unique(row)) <= set(range(count + 1))
        spread = np.sqrt(count * share * (1 - share))
        assert row.mean() == pytest.approx(count * share, abs=5 * spread / np.sqrt(20_000))
        assert row.std() == pytest.approx(spread, rel=0.03)


# --- samples -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_sample_shows_its_visible_cells_and_asks_the_hidden_ones_first(
    training: TrainingSection, scheme: Scheme
) -> None:
    for sample in drawn(training, 10, crops=replace(CROPS, scheme=scheme)):
        n_groups, n_asked = sample.queries.shape[:2]
        assert sample.values.shape == (*sample.present.shape, 13)
        assert sample.positions.shape == (*sample.present.shape, 2)
        assert sample.targets.shape == sample.weight.shape == (n_groups, n_asked, 13)
        assert sample.genes.shape == sample.shown_precision.shape == (13,)
        for places, present, queries in zip(sample.positions, sample.present, sample.queries, strict=True):
            n_visible = int(present.sum())
            assert present[:n_visible].all()
            np.testing.assert_array_equal(queries[n_asked - n_visible :], places[:n_visible])
            hidden = {tuple(place) for place in queries[: n_asked - n_visible].tolist()}
            assert len(hidden) == n_asked - n_visible
            assert (not hidden) == (scheme == "spot")
            assert hidden.isdisjoint({tuple(place) for place in places[:n_visible].tolist()})


@pytest.mark.parametrize("scheme", SCHEMES)
def test_places_are_those_of_the_lattice(training: TrainingSection, scheme: Scheme) -> None:
    known = cell_at(training.section)
    for sample in drawn(training, 5, crops=replace(CROPS, scheme=scheme)):
        assert all(tuple(place) in known for place in sample.queries.reshape(-1, 2).tolist())


@pytest.mark.parametrize("scheme", SCHEMES)
def test_what_is_shown_whole_is_the_log_expression_less_the_section_s_mean(
    training: TrainingSection, scheme: Scheme
) -> None:
    known, whole = cell_at(training.section), deviation(training)
    sample = draw(training, 0, crops=replace(CROPS, scheme=scheme), masks=replace(MASKS, thin=0.0))
    cells = [known[tuple(place)] for place in sample.positions[sample.present].tolist()]
    np.testing.assert_allclose(sample.values[sample.present], whole[cells][:, sample.genes], rtol=1e-4, atol=1e-4)


def test_hidden_targets_are_the_full_log_expression_less_the_section_s_mean(training: TrainingSection) -> None:
    known, whole = cell_at(training.section), deviation(training)
    for scheme in ("patch", "neighbourhood", "slide"):
        for sample in drawn(training, 5, crops=replace(CROPS, scheme=scheme)):
            for queries, targets, present in zip(sample.queries, sample.targets, sample.present, strict=True):
                n_hidden = len(queries) - int(present.sum())
                cells = [known[tuple(place)] for place in queries[:n_hidden].tolist()]
                np.testing.assert_allclose(targets[:n_hidden], whole[cells][:, sample.genes], rtol=1e-4, atol=1e-4)


def test_genes_are_drawn_anew_for_each_sample(training: TrainingSection) -> None:
    first, second = drawn(training, 2)
    assert len(set(first.genes.tolist())) == 13
    assert set(first.genes.tolist()) != set(second.genes.tolist())


@pytest.mark.parametrize("scheme", SCHEMES)
def test_no_shown_value_is_ever_a_target(training: TrainingSection, scheme: Scheme) -> None:
    """Unless half of the molecules were kept back, nothing that was shown counts; the other half is other molecules."""
    n_zero = n_other_half = 0
    for sample in drawn(training, 30, crops=replace(CROPS, scheme=scheme, channel_rule="top-hvg")):
        shown = sample.shown_precision > 0
        values, targets, weight = (np.concatenate(part) for part in zip(*pairs_of_visible(sample), strict=True))
        counts = weight[:, shown] > 0
        assert counts.all() or not counts.any()
        if counts.any():
            n_other_half += 1
            assert not np.isclose(targets, values, atol=1e-5)[:, shown].all(axis=0).any()
        else:
            n_zero += 1
    assert min(n_zero, n_other_half) > 3


def test_hidden_cells_weigh_as_their_genes_precision_and_hidden_parts_of_visible_ones_less(
    training: TrainingSection,
) -> None:
    precision = precision_of(training.section.moments[1.0])[training.columns]
    seen = set()
    for sample in drawn(training, 40):
        n_hidden = sample.queries.shape[1] - sample.values.shape[1]
        np.testing.assert_allclose(sample.weight[0, :n_hidden], np.tile(precision[sample.genes], (n_hidden, 1)))
        for weight, gene, shown in zip(
            sample.weight[0, n_hidden:].T, sample.genes, sample.shown_precision > 0, strict=True
        ):
            (share,) = set((weight / precision[gene]).round(5).tolist())
            assert share in ((0, pytest.approx(0.3)) if shown else (pytest.approx(0.3),))
            seen.add((bool(shown), share > 0))
    assert seen == {(True, False), (True, True), (False, True)}


def test_at_half_of_the_counts_the_other_half_is_asked_of_visible_cells(training: TrainingSection) -> None:
    """Shown and asked values share their expectation but not their noise."""
    pairs = []
    masks = replace(MASKS, drop_genes=0.0, thin=1.0)
    for sample in drawn(training, 400, crops=replace(CROPS, channel_rule="top-hvg"), masks=masks):
        ((values, targets, weight),) = pairs_of_visible(sample)
        if (weight > 0).all():
            pairs.append((values, targets))
    assert 150 < len(pairs) < 250  # half of them; the others show 70 %
    shown, asked = (np.concatenate(part) for part in zip(*pairs, strict=True))
    assert abs(shown.mean() - asked.mean()) < 0.03
    assert shown.std() == pytest.approx(asked.std(), rel=0.05)
    assert 0.1 < np.corrcoef(shown.ravel(), asked.ravel())[0, 1] < 0.9


def test_dropped_genes_are_not_shown_in_any_cell_but_asked_in_all(training: TrainingSection) -> None:
    always = drawn(training, 30, masks=replace(MASKS, drop_genes=1.0))
    for sample in always:
        dropped = sample.shown_precision == 0
        assert dropped.mean() < 0.9
        assert (sample.weight[..., dropped] > 0).all()
    assert sum((sample.shown_precision == 0).any() for sample in always) > 20
    never = drawn(training, 20, masks=replace(MASKS, drop_genes=0.0))
    assert all((sample.shown_precision > 0).all() for sample in never)


def test_spots_that_stand_alone_are_never_hidden_but_lose_genes_whatever_the_share(training: TrainingSection) -> None:
    masks = replace(MASKS, drop_genes=0.0, thin=0.0)
    samples = drawn(training, 30, crops=replace(CROPS, scheme="spot"), masks=masks)
    for sample in samples:
        assert sample.values.shape[:2] == sample.queries.shape[:2] == (49, 1)
        assert sample.present.all()
        np.testing.assert_array_equal(sample.weight > 0, np.broadcast_to(sample.shown_precision == 0, (49, 1, 13)))
    assert sum((sample.shown_precision == 0).any() for sample in samples) > 20


@pytest.mark.parametrize(
    "change",
    [{"scattered": 0.0}, {"scattered": 1.0}, {"drop_genes": 1.0}, {"thin": 0.0}, {"visible_weight": 0.9}],
    ids=str,
)
def test_every_parameter_of_masks_changes_samples(training: TrainingSection, change: dict[str, Any]) -> None:
    assert not equal(drawn(training, 8), drawn(training, 8, masks=replace(MASKS, **change)))


@pytest.mark.parametrize(
    "change", [{"channels": 11}, {"channel_rule": "uniform"}, {"channel_rule": "top-hvg"}, {"scheme": "slide"}], ids=str
)
def test_every_parameter_of_crops_changes_samples(training: TrainingSection, change: dict[str, Any]) -> None:
    assert not equal(drawn(training, 5), drawn(training, 5, crops=replace(CROPS, **change)))


def test_the_number_of_neighbours_changes_neighbourhoods(training: TrainingSection) -> None:
    several = replace(CROPS, scheme="neighbourhood")
    assert not equal(drawn(training, 2, crops=several), drawn(training, 2, crops=replace(several, neighbours=5)))


@pytest.mark.parametrize("scheme", SCHEMES)
def test_equal_seeds_draw_equal_samples(training: TrainingSection, scheme: Scheme) -> None:
    crops = replace(CROPS, scheme=scheme)
    assert equal(drawn(training, 3, crops=crops), drawn(training, 3, crops=crops))
    assert not equal([draw(training, 1, crops=crops)], [draw(training, 2, crops=crops)])


def equal(samples: list[Sample], others: list[Sample]) -> bool:
    return all(
        np.array_equal(one, other)
        for sample, same in zip(samples, others, strict=True)
        for one, other in zip(sample, same, strict=True)
    )


def test_no_channels_are_refused(training: TrainingSection) -> None:
    with pytest.raises(InputError, match="expected at least 1 channel, found 0"):
        draw(training, 0, crops=replace(CROPS, channels=0))


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("n_spots", [1, 2, 3])
def test_sections_of_a_few_spots_give_samples(tmp_path: Path, scheme: Scheme, n_spots: int) -> None:
    counts = np.random.default_rng(0).poisson(4.0, (n_spots, 9)) + 1
    pack_slides([slide_of(counts)], tmp_path / "corpus")
    (training,) = load_small_data(tmp_path / "corpus", min_spots=1).training
    for sample in drawn(training, 8, crops=replace(CROPS, scheme=scheme), side=5):
        assert all(np.isfinite(array).all() for array in sample)
        assert sample.present.any(axis=1).all()
        alone = n_spots == 1 or scheme == "spot"
        assert (sample.present.sum(axis=1) < sample.queries.shape[1]).all() != alone or scheme == "patch"


# --- everything shown ----------------------------------------------------------------------------------


def test_showing_all_shows_the_most_variable_genes_whole_and_weighs_nothing(training: TrainingSection) -> None:
    cells = np.array([2, 3, 11, 60, 200])
    sample = show_all(training, cells, 9)
    variance = gene_moments(log_expression(training.section.count_matrix())).variance[training.columns]
    np.testing.assert_array_equal(sample.genes, np.sort(np.argsort(-variance)[:9]))
    np.testing.assert_allclose(sample.values[0], deviation(training)[cells][:, sample.genes], rtol=1e-4, atol=1e-4)
    np.testing.assert_array_equal(sample.targets, sample.values)
    np.testing.assert_array_equal(sample.positions[0], training.section.lattice.token_positions[cells])
    np.testing.assert_array_equal(sample.queries, sample.positions)
    assert sample.present.all()
    assert not sample.weight.any()
    assert (sample.shown_precision > 0).all()
