"""``stimg-train corpus`` on the command line."""

import os
import re
from pathlib import Path

import pytest

from tests.corpus_slides import corpus_slide, write_slide
from trainer.cli import main
from trainer.store import open_corpus


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Go to a folder with two sections and a broken one."""
    write_slide(corpus_slide("a"), tmp_path)
    write_slide(corpus_slide("b", seed=1, genes=("Mbp", "X"), shape=(6, 3)), tmp_path)
    (tmp_path / "broken.h5ad").write_text("broken")
    monkeypatch.chdir(tmp_path)


def corpus_command(*arguments: str) -> int:
    return main(["corpus", *arguments])


@pytest.mark.usefixtures("files")
def test_packing_says_what_was_packed_and_what_was_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    assert corpus_command("a.h5ad", "broken.h5ad", "b.h5ad", "-o", "corpus") == 0
    printed = capsys.readouterr()
    header, first, second, counts, total = printed.out.splitlines()
    assert header.split() == ["section", "lattice", "cells", "spots", "genes", "counted", "counts", "MB", "labels"]
    assert re.match(r"a +square 7 x 5 +32 +32 +4 +\d+ +[\d,]+ +0\.00  layer$", first)
    assert re.match(r"b +square 6 x 3 +15 +15 +2 ", second)
    assert counts == "packed: 2; in already: 0; left out: 1"
    assert re.match(r"corpus: 2 sections, 47 spots in 47 cells, 5 genes, 0\.0 million entries, 0\.0\d MB$", total)
    *steps, left_out = printed.err.splitlines()
    assert steps == [f"Packing sections: {done} of 3" for done in range(4)]
    assert left_out.startswith("stimg-train corpus: left out: broken.h5ad: expected an AnnData file (.h5ad)")


@pytest.mark.usefixtures("files")
def test_packing_more_adds_to_the_corpus_and_shows_what_is_new(capsys: pytest.CaptureFixture[str]) -> None:
    assert corpus_command("a.h5ad", "-o", "corpus") == 0
    capsys.readouterr()
    assert corpus_command("a.h5ad", "b.h5ad", "-o", "corpus", "--workers", "2", "--compression", "deflate") == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["section", "b", "packed:", "corpus:"]
    assert lines[2] == "packed: 1; in already: 1; left out: 0"
    assert corpus_command("a.h5ad", "b.h5ad", "-o", "corpus") == 0
    assert capsys.readouterr().out.splitlines()[0] == "packed: 0; in already: 2; left out: 0"


@pytest.mark.usefixtures("files")
def test_info_shows_all_and_says_each_note_once(capsys: pytest.CaptureFixture[str]) -> None:
    assert corpus_command("a.h5ad", "b.h5ad", "-o", "corpus") == 0
    shown = capsys.readouterr().out.splitlines()
    assert corpus_command("--info", "corpus") == 0
    assert capsys.readouterr().out.splitlines() == [*shown[:3], shown[-1]]


@pytest.mark.usefixtures("files")
def test_verify_says_that_all_is_as_packed_or_what_is_not(capsys: pytest.CaptureFixture[str]) -> None:
    assert corpus_command("a.h5ad", "-o", "corpus", "--verify") == 0
    assert capsys.readouterr().out.splitlines()[-1].endswith("MB; all as packed")
    assert corpus_command("--info", "corpus", "--verify") == 0
    (Path("corpus") / "shards" / open_corpus("corpus").entries[0].shard).write_bytes(b"damaged")
    assert corpus_command("--info", "corpus") == 0
    capsys.readouterr()
    assert corpus_command("--info", "corpus", "--verify") == 2
    assert "the shard is damaged: copy the corpus again" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        (["-o", "corpus"], "expected sections to pack, found none; name files, or ask what a corpus holds with --info"),
        (["a.h5ad", "--info", "corpus"], "expected no sections beside --info, found 1; name the corpus to pack into"),
        (["broken.h5ad", "none.h5ad", "-o", "corpus"], "corpus: expected at least one section that can be packed, fou"),
        (["--info", "nothing"], "nothing: expected a corpus (a folder with corpus.jsonl), found none; pack one with"),
        (["a.h5ad", "-o", "a.h5ad"], "a.h5ad: expected a folder for the corpus, found a file; choose another name."),
        (
            ["a.h5ad", "-o", "corpus", "--dask", "tcp:/x"],
            "expected a Dask scheduler at tcp:/x, found none that answers",
        ),
    ],
)
@pytest.mark.usefixtures("files")
def test_what_cannot_be_done_is_said_in_a_sentence(
    arguments: list[str], match: str, capsys: pytest.CaptureFixture[str]
) -> None:
    before = sorted(os.listdir())
    assert corpus_command(*arguments) == 2
    sentence = capsys.readouterr().err.splitlines()[-1]
    assert sentence.startswith(f"stimg-train corpus: {match}")
    assert sorted(os.listdir()) == before


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        (["a.h5ad"], "one of the arguments -o/--output --info is required"),
        (["a.h5ad", "-o", "c", "--info", "c"], "--info: not allowed with argument -o/--output"),
        (["a.h5ad", "-o", "c", "--workers", "0"], "expected a whole number >= 1, found '0'"),
        (["a.h5ad", "-o", "c", "--workers", "2", "--dask", "tcp://x"], "--dask: not allowed with argument --workers"),
        (["a.h5ad", "-o", "c", "--compression", "zip"], "invalid choice: 'zip'"),
    ],
)
def test_wrong_options_are_refused_in_one_line(
    arguments: list[str], match: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        corpus_command(*arguments)
    (line,) = capsys.readouterr().err.splitlines()
    assert match in line
