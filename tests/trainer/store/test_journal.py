"""The journal, whole, torn and damaged."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from napari_stimg.errors import InputError
from tests.corpus_slides import corpus_slide, files_of
from trainer.store import open_corpus, pack_slides
from trainer.store.journal import Entry, read_journal

TWO = [corpus_slide("a"), corpus_slide("b", seed=1, genes=("Mbp", "X"))]

HOLD_THE_LOCK = """
import sys
from pathlib import Path
from trainer.store.packer import Packer
with Packer(Path(sys.argv[1])):
    print("packing", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    pack_slides(TWO, tmp_path / "corpus")
    return tmp_path / "corpus"


def damage(corpus: Path, number: int, line: bytes) -> None:
    """Replace a line of the journal, counted from 1."""
    path = corpus / "corpus.jsonl"
    lines = path.read_bytes().splitlines()
    lines[number - 1] = line
    path.write_bytes(b"".join(line + b"\n" for line in lines))


def test_a_line_says_what_there_is_to_know(corpus: Path) -> None:
    entry = read_journal(corpus)[1]
    slide = TWO[1]
    assert (entry.name, entry.kind, entry.shape, entry.found_by) == ("b", "square", (7, 5), "array indices")
    assert entry.pitch == pytest.approx(90)
    assert entry.pitch_um == pytest.approx(99)
    assert (entry.spots, entry.cells, entry.genes, entry.unused) == (32, 32, 2, 0)
    assert (entry.nnz, entry.counts) == (slide.counts.count_nonzero(), slide.counts.sum())
    assert (entry.labels, entry.new_genes, entry.new_aliases) == (("layer",), ("X",), {})
    assert (corpus / "shards" / entry.shard).stat().st_size == entry.bytes
    assert entry.shard == f"b-{entry.sha256[:8]}.npz"


def test_an_entry_comes_back_from_json(corpus: Path) -> None:
    for entry in read_journal(corpus):
        assert Entry.from_json(json.loads(json.dumps(entry.to_json()))) == entry


def test_a_journal_torn_anywhere_in_its_last_line_is_read_without_it_and_mended(corpus: Path) -> None:
    whole = files_of(corpus)
    journal = whole["corpus.jsonl"]
    last = journal[:-1].rfind(b"\n") + 1
    for length in (last, last + 1, (last + len(journal)) // 2, len(journal) - 1):
        (corpus / "corpus.jsonl").write_bytes(journal[:length])
        assert open_corpus(corpus).names == ("a",)
        packed = pack_slides(TWO, corpus)
        assert [entry.name for entry in packed.known] == ["a"]
        assert [entry.name for entry in packed.added] == ["b"]
        assert files_of(corpus) == whole


def test_a_journal_torn_in_its_header_is_begun_anew(corpus: Path) -> None:
    whole = files_of(corpus)
    (corpus / "corpus.jsonl").write_bytes(b'{"form')
    with pytest.raises(InputError, match=r"corpus\.jsonl: expected the header of a corpus, found none; pack its"):
        open_corpus(corpus)
    assert len(pack_slides(TWO, corpus).added) == 2
    assert files_of(corpus) == whole


def test_where_there_is_no_corpus_none_is_opened(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"expected a corpus \(a folder with corpus.jsonl\), found none; pack one"):
        open_corpus(tmp_path / "nothing")


def test_another_format_is_refused(corpus: Path) -> None:
    damage(corpus, 1, b'{"format":"stimg-corpus-9"}')
    match = r"expected a corpus of the format stimg-corpus-1, found 'stimg-corpus-9'; pack its sections anew"
    with pytest.raises(InputError, match=match):
        open_corpus(corpus)
    with pytest.raises(InputError, match=match):
        pack_slides(TWO, corpus)


@pytest.mark.parametrize("line", [b"{", b"[]", b'{"name":"a"}', b"\xff"])
def test_a_damaged_line_is_refused_by_its_number(line: bytes, corpus: Path) -> None:
    damage(corpus, 2, line)
    with pytest.raises(InputError, match=r"expected a section in line 2, found something else; the journal is damag"):
        open_corpus(corpus)


@pytest.mark.skipif(sys.platform == "win32", reason="files are not locked on Windows")
def test_two_processes_do_not_pack_into_one_corpus_at_once(corpus: Path) -> None:
    command = [sys.executable, "-c", HOLD_THE_LOCK, str(corpus)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "packing\n"
        with pytest.raises(InputError, match=r"corpus: expected no other process to pack into this corpus, found one"):
            pack_slides(TWO, corpus)
        assert open_corpus(corpus).names == ("a", "b")  # reading is always possible
        other.kill()
    assert len(pack_slides(TWO, corpus).known) == 2
