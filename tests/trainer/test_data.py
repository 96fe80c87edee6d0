from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from napari_stimg.errors import InputError
from napari_stimg.expression import log_expression
from napari_stimg.lattice import find_lattice
from napari_stimg.tokens import token_table
from napari_stimg.vocabulary import Vocabulary
from tests.known_slides import slide_of
from tests.small_corpus import load_small_data, small_config, small_slides
from trainer.config import DataConfig
from trainer.data import Data, choose_names, load_data, token_tables
from trainer.store import open_corpus, pack_slides


def names_of(corpus: Path, **settings: Any) -> tuple[list[str], list[str]]:
    return choose_names(open_corpus(corpus), DataConfig(corpus=str(corpus), **settings))


# --- sections ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "training", "validation"),
    [
        ({}, "012", ""),
        ({"validation": ("simulated1",)}, "02", "1"),
        ({"validation": ("*1", "*2")}, "0", "12"),
        ({"training": ("*[01]",), "validation": ("*2",)}, "01", "2"),
        ({"left_out": ("simulated?",), "training": ("*",)}, None, None),
        ({"left_out": ("*0",)}, "12", ""),
        ({"left_out": ("*0",), "validation": ("*0", "*1")}, "2", "1"),
        ({"training": ("*2", "*0")}, "02", ""),
        ({"training": ("*0",), "validation": ("*",)}, None, None),
    ],
    ids=str,
)
def test_patterns_choose_sections_and_none_is_in_both(
    corpus: Path, settings: dict[str, Any], training: str | None, validation: str | None
) -> None:
    if training is None:
        with pytest.raises(
            InputError, match=r"data\.training: expected sections of .* to train on, found all of them in"
        ):
            names_of(corpus, **settings)
    else:
        assert names_of(corpus, **settings) == (
            [f"simulated{number}" for number in training],
            [f"simulated{number}" for number in validation or ""],
        )


@pytest.mark.parametrize("key", ["training", "validation", "left_out"])
def test_patterns_that_match_nothing_are_refused(corpus: Path, key: str) -> None:
    with pytest.raises(
        InputError, match=rf"data\.{key}: expected a pattern of .* \(such as simulated0\), found 'Simulated\*', which"
    ):
        names_of(corpus, **{key: ("*", "Simulated*")} if key == "training" else {key: ("Simulated*",)})


def test_sections_are_those_of_the_slides(data: Data) -> None:
    assert data.training.names == ("simulated0", "simulated1", "simulated2")
    for training, slide in zip(data.training, small_slides(), strict=True):
        order = np.argsort(find_lattice(slide).token_of_spot)  # no spot shares a cell
        whole = slide.counts.toarray()[order]
        symbols = [data.vocabulary.symbols[gene] for gene in training.ids]
        columns = [slide.gene_names.tolist().index(symbol) for symbol in symbols]
        counts = training.section.count_matrix().toarray()[:, training.columns]
        np.testing.assert_array_equal(counts, whole[:, columns])
        np.testing.assert_array_equal(training.section.library_size, whole.sum(axis=1))
        assert (np.diff(training.columns) > 0).all()


# --- genes ---------------------------------------------------------------------------------------------


def spots_with(data: Data) -> dict[str, int]:
    """Return in how many spots of the training sections each of the corpus' genes was counted."""
    found: dict[str, int] = {}
    for slide in small_slides():
        if slide.name in data.training.names:
            for name, n_spots in zip(slide.gene_names.tolist(), slide.counts.getnnz(axis=0), strict=True):
                found[name] = found.get(name, 0) + int(n_spots)
    return found


@pytest.mark.parametrize("min_spots", [1, 150, 300])
def test_genes_are_those_counted_in_enough_spots_of_the_training_sections(corpus: Path, min_spots: int) -> None:
    data = load_small_data(corpus, min_spots=min_spots, validation=["simulated2"])
    expected = {name for name, n_spots in spots_with(data).items() if n_spots >= min_spots}
    assert set(data.vocabulary.symbols) == expected
    for training in (*data.training, *data.validation):
        assert training.ids.max() < len(expected)
        assert np.unique(training.ids).size == training.ids.size


def test_no_genes_are_refused(corpus: Path) -> None:
    with pytest.raises(
        InputError, match=r"data\.min_spots: expected genes counted in at least 100,000 spots, found none; lower it"
    ):
        load_small_data(corpus, min_spots=100_000)


def test_sections_without_any_gene_of_the_model_are_refused_before_training_starts(tmp_path: Path) -> None:
    slides = [
        slide_of(np.full((12, 3), 4), name="known"),
        slide_of(np.full((40, 2), 4), name="foreign", gene_names=np.array(["X1", "X2"])),
    ]
    pack_slides(slides, tmp_path / "corpus")
    match = r"^foreign: expected genes that the model learns, found none among its 2; name it in data\.left_out, or"
    with pytest.raises(InputError, match=match):
        load_small_data(tmp_path / "corpus", validation=["foreign"])
    assert len(load_small_data(tmp_path / "corpus", left_out=["foreign"]).training) == 1


def test_training_further_on_genes_that_the_model_does_not_know_is_refused(corpus: Path) -> None:
    known = Vocabulary(symbols=("UNMEASURED",), aliases={})
    config = small_config(corpus, Path("unused")).data
    with pytest.raises(InputError, match=r"data\.training: expected sections with genes that the model knows"):
        load_data(open_corpus(corpus), config, known=known)


def test_sections_of_few_cells_are_no_validation(tmp_path: Path) -> None:
    pack_slides([slide_of(np.full((40, 3), 4), name="a"), slide_of(np.full((9, 3), 4), name="b")], tmp_path / "corpus")
    with pytest.raises(InputError, match=r"data\.validation: expected sections of at least 32 cells, found 9 in b"):
        load_small_data(tmp_path / "corpus", validation=["b"])


def test_sections_that_are_left_out_validate_nothing(corpus: Path) -> None:
    with pytest.raises(InputError, match=r"data\.validation: expected sections to validate on, found all of them in"):
        load_small_data(corpus, validation=["simulated2"], left_out=["simulated2"])


def test_known_genes_keep_their_ids_and_new_ones_come_last(corpus: Path, data: Data) -> None:
    symbols = ("UNMEASURED", *data.vocabulary.symbols[10:25][::-1])
    known = Vocabulary(symbols=symbols, aliases={"OLD NAME": 3})
    found = load_data(open_corpus(corpus), DataConfig(corpus=str(corpus)), known=known)
    assert found.vocabulary.symbols[:16] == symbols
    assert set(found.vocabulary.symbols[16:]) == set(data.vocabulary.symbols) - set(symbols)
    assert found.vocabulary.aliases["OLD NAME"] == 3
    for training, same in zip(found.training, data.training, strict=True):
        assert [found.vocabulary.symbols[gene] for gene in training.ids] == [
            data.vocabulary.symbols[gene] for gene in same.ids
        ]


def test_rare_genes_are_kept_if_the_model_knows_them(corpus: Path) -> None:
    known = Vocabulary(symbols=("MBP", "FA2H"), aliases={})
    config = DataConfig(corpus=str(corpus), min_spots=100_000)
    assert load_data(open_corpus(corpus), config, known=known).vocabulary.symbols == known.symbols


def test_genes_are_known_by_their_aliases_and_of_two_for_one_gene_the_first_counts(tmp_path: Path) -> None:
    ids = np.array(["ENSG00000000001", "ENSG00000000002", "ENSG00000000003"])
    slide = slide_of(
        np.arange(1, 37).reshape(12, 3), gene_names=np.array(["OLD", "NEW", "THIRD"]), gene_ids=ids, name="two"
    )
    pack_slides([slide], tmp_path / "corpus")
    known = Vocabulary(symbols=("NEW",), aliases={"ENSG00000000001": 0})
    corpus = open_corpus(tmp_path / "corpus")
    data = load_data(corpus, DataConfig(corpus=str(tmp_path / "corpus")), known=known)
    assert data.vocabulary.symbols == ("NEW", "THIRD")
    assert data.vocabulary.id_of("ENSG00000000003") == 1
    (training,) = data.training
    assert sorted(training.ids.tolist()) == [0, 1]
    assert corpus.vocabulary.symbols[training.section.ids[training.columns[training.ids.tolist().index(0)]]] in (
        "OLD",
        "NEW",
    )


# --- tables for loadings -------------------------------------------------------------------------------


def test_token_tables_of_a_small_corpus_are_those_of_the_slides(data: Data) -> None:
    tables = token_tables(data.training, max_cells=100_000, rng=np.random.default_rng(0))
    for table, slide in zip(tables, small_slides(), strict=True):
        expected = token_table(slide, find_lattice(slide), data.vocabulary)
        own, other = np.argsort(table.ids), np.argsort(expected.ids)
        np.testing.assert_array_equal(table.ids[own], expected.ids[other])
        np.testing.assert_allclose(
            table.expression.toarray()[:, own], expected.expression.toarray()[:, other], rtol=1e-5
        )
        np.testing.assert_allclose(table.mean[own], expected.mean[other], rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(table.precision[own], expected.precision[other], rtol=1e-3)
        np.testing.assert_allclose(table.positions, expected.positions)


def test_token_tables_of_a_large_corpus_are_squares_of_random_sections(tmp_path: Path) -> None:
    indices = np.indices((16, 14)).reshape(2, -1).T
    rng = np.random.default_rng(0)
    slides = [
        slide_of(
            rng.poisson(3.0, (224, 5)), name=f"s{number}", places=indices.astype(np.float64), array_indices=indices
        )
        for number in range(30)
    ]
    pack_slides(slides, tmp_path / "corpus")
    sections = load_small_data(tmp_path / "corpus").training
    tables = token_tables(sections, max_cells=500, rng=np.random.default_rng(0))
    sizes = [len(table.positions) for table in tables]
    assert len(tables) < 30
    assert max(sizes) <= 60
    assert 500 <= sum(sizes) < 560
    corners = set()
    for table in tables:
        least, most = table.positions.min(axis=0), table.positions.max(axis=0)
        assert np.ptp(most - least) <= 1
        assert np.prod(most - least + 1) == len(table.positions)
        corners.add(tuple(least.tolist()))
    assert len(corners) > 3
    again, other = (
        token_tables(sections, max_cells=500, rng=np.random.default_rng(seed))[0].expression for seed in (0, 1)
    )
    assert (again != tables[0].expression).nnz == 0
    assert other.shape != again.shape or (other != again).nnz


def test_expression_of_a_square_is_that_of_its_cells(data: Data) -> None:
    tables = token_tables(data.training, max_cells=300, rng=np.random.default_rng(2))
    known = {
        tuple(place): row
        for training in data.training
        for place, row in zip(
            training.section.lattice.token_positions.tolist(),
            log_expression(training.section.count_matrix()).toarray()[:, training.columns],
            strict=True,
        )
        if len(training.columns) == len(tables[0].ids) and (training.ids == tables[0].ids).all()
    }
    for place, row in zip(tables[0].positions.tolist(), tables[0].expression.toarray(), strict=True):
        np.testing.assert_allclose(row, known[tuple(place)], rtol=1e-5)


def test_left_out_sections_are_neither_read_nor_learned(corpus: Path, data: Data) -> None:
    part = load_data(open_corpus(corpus), replace(DataConfig(corpus=str(corpus)), left_out=("simulated2",)))
    assert part.training.names == ("simulated0", "simulated1")
    assert len(part.vocabulary) < len(data.vocabulary)


def test_small_sections_of_a_large_corpus_are_taken_whole(data: Data) -> None:
    small = data.training[1:2]  # 151 cells
    whole = token_tables(small * 15, max_cells=2000, rng=np.random.default_rng(0))
    assert {len(table.positions) for table in whole} == {151}
    parts = token_tables(small * 9, max_cells=1200, rng=np.random.default_rng(0))
    assert max(len(table.positions) for table in parts) < 151
