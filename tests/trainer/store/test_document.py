"""What docs/corpus.md says holds."""

import json
import re
from contextlib import chdir
from pathlib import Path

import numpy as np
import pytest

from napari_stimg.lattice import find_lattice
from tests.corpus_slides import corpus_slide
from tests.test_readme import blocks, rows_of_tables, sentences_in
from trainer.store import open_corpus, pack_slides

SLIDES = [
    corpus_slide("first", largest=2000),
    corpus_slide("second", genes=("X", *(f"G{i}" for i in range(700)), "x", "Mbp"), seed=1),
]


@pytest.fixture
def document(repository: Path) -> Path:
    return repository / "docs" / "corpus.md"


def test_numpy_alone_reads_what_was_packed(document: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pack_slides(SLIDES, tmp_path / "corpus")
    names: dict[str, object] = {}
    with chdir(tmp_path):
        for number, block in enumerate(blocks(document, "python"), start=1):
            exec(compile(block, f"corpus.md, block {number}", "exec"), names)
    vocabulary = open_corpus(tmp_path / "corpus").vocabulary
    assert (tuple(names["symbols"]), names["aliases"]) == (vocabulary.symbols, vocabulary.aliases)
    slide = SLIDES[1]  # the block that replays the journal ends with the last section
    order = np.argsort(find_lattice(slide).token_of_spot)
    dense = np.zeros((slide.n_spots, slide.n_genes))
    rows = np.repeat(np.arange(slide.n_spots), np.diff(names["indptr"]))
    dense[rows, names["columns"]] = names["counts"]
    assert names["genes"].count(None) == 1
    expected = slide.counts.toarray()[order]
    for column, gene in enumerate(names["genes"]):
        if gene is not None:
            named = [str(name).upper() for name in slide.gene_names].index(gene)
            np.testing.assert_array_equal(dense[:, column], expected[:, named])
    np.testing.assert_array_equal(dense.sum(axis=1), expected.sum(axis=1))
    assert capsys.readouterr().out.startswith("{")


def test_the_example_from_python_runs(document: Path, tmp_path: Path) -> None:
    (block,) = blocks(document, "py")
    names: dict[str, object] = {"slides": SLIDES}
    with chdir(tmp_path):
        exec(compile(block, "corpus.md", "exec"), names)
    assert names["section"].name == names["slide"].name == "first"


def test_every_refusal_in_the_document_is_said_by_the_code(document: Path, repository: Path) -> None:
    quoted = [cells[-1].strip("`") for cells in rows_of_tables(document) if re.search("expected .*, found", cells[-1])]
    patterns = sentences_in(repository / "trainer")
    assert len(quoted) > 10
    assert [sentence for sentence in quoted if not any(p.fullmatch(sentence) for p in patterns)] == []


def test_every_key_of_the_journal_and_every_array_is_named(document: Path, tmp_path: Path) -> None:
    pack_slides(SLIDES, tmp_path / "corpus")
    corpus = open_corpus(tmp_path / "corpus")
    corpus.section("first")
    text = document.read_text(encoding="utf-8").replace("_KEY`", "_layer`")
    line = json.loads((tmp_path / "corpus" / "corpus.jsonl").read_text().splitlines()[1])
    with np.load(tmp_path / "corpus" / "shards" / corpus.entries[0].shard) as shard:
        arrays = set(shard.files)
    unpacked = {path.stem for path in corpus.unpacked.glob("first-*/*.npy")}
    assert len(unpacked) == 10
    assert [name for name in {*line, *line["source"], *arrays, *unpacked} if f"`{name}`" not in text] == []
