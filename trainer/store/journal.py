"""The journal of a corpus: one line of JSON a section, appended when the section is safely in."""

import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from napari_stimg.errors import InputError
from trainer.files import lock
from trainer.store.genes import GeneIndex

JOURNAL = "corpus.jsonl"
SHARDS = "shards"

FORMAT = "stimg-corpus-1"
"""The header's ``format``; a corpus of another one is refused."""


@dataclass(frozen=True, kw_only=True)
class Source:
    """Which section of which file, by content.

    Parameters
    ----------
    file : str
        Name of the file or folder, without where it lay; empty for a slide in memory.
    section : str or None
        Which of its sections, where it holds several.
    sha256 : str
        Checksum of the file; of a folder, of its files' names and sizes; of a slide in memory, of its arrays.
    """

    file: str
    section: str | None
    sha256: str


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A section's line in the journal: all that is to be known of it without opening its shard.

    Parameters
    ----------
    name : str
        Of the slide, none twice in a corpus.
    shard : str
        Its file in the folder ``shards``.
    sha256, bytes : str, int
        Checksum and size of that file.
    source : Source
        Where it came from.
    kind, shape, pitch, pitch_um, found_by
        Of its lattice, as in ``Lattice``.
    spots, cells, genes : int
        S, K, and columns of its counts; of these ``unused`` name a gene twice.
    unused : int
        Columns that count in library sizes alone.
    nnz, counts : int
        Entries > 0 of (S, G) counts, and their sum.
    labels : tuple of str
        Label columns that it has.
    notes : tuple of str
        What a user should know: one sentence each.
    new_genes : tuple of str
        Genes that no section before it had; they take the next ids.
    new_aliases : dict of str to int
        Names that no section before it had, and the ids they stand for.
    """

    name: str
    shard: str
    sha256: str
    bytes: int
    source: Source
    kind: str
    shape: tuple[int, int]
    pitch: float
    pitch_um: float | None
    found_by: str
    spots: int
    cells: int
    genes: int
    unused: int
    nnz: int
    counts: int
    labels: tuple[str, ...]
    notes: tuple[str, ...]
    new_genes: tuple[str, ...]
    new_aliases: dict[str, int]

    def to_json(self) -> dict[str, Any]:
        """Return the section's line of the journal."""
        return asdict(self)

    @classmethod
    def from_json(cls, line: dict[str, Any]) -> "Entry":
        """Return the entry of a line of the journal."""
        tuples = {key: tuple(line[key]) for key in ("shape", "labels", "notes", "new_genes")}
        return cls(**line | tuples | {"source": Source(**line["source"])})


def read_journal(folder: Path) -> list[Entry]:
    """Return the sections of a corpus, in the order they were packed; a last line that was cut short is left out.

    Raises
    ------
    InputError
        If there is no corpus, it is of another format, or its journal is damaged.
    """
    path = folder / JOURNAL
    if not path.is_file():
        raise InputError(
            f"{folder}: expected a corpus (a folder with {JOURNAL}), found none; "
            "pack one with `stimg-train corpus SLIDES -o CORPUS`."
        )
    lines = path.read_bytes().split(b"\n")[:-1]
    if not lines:
        raise InputError(f"{path}: expected the header of a corpus, found none; pack its sections again.")
    header = _parsed(lines[0], path=path, number=1)
    if header.get("format") != FORMAT:
        raise InputError(
            f"{path}: expected a corpus of the format {FORMAT}, found {header.get('format')!r}; "
            "pack its sections anew with this version."
        )
    return [_entry(line, path=path, number=number) for number, line in enumerate(lines[1:], start=2)]


class JournalWriter:
    """The one writer of a journal: makes it if there is none, and drops what a killed writer left of a line.

    Parameters
    ----------
    path : Path
        The journal.

    Raises
    ------
    InputError
        If another process writes to it.
    """

    def __init__(self, path: Path) -> None:
        self._file = path.open("a+b")
        try:
            lock(
                self._file.fileno(),
                busy=f"{path.parent}: expected no other process to pack into this corpus, found one at work; "
                "wait until it is done.",
            )
            self._file.seek(0)
            n_whole = self._file.read().rfind(b"\n") + 1
            self._file.truncate(n_whole)
            if not n_whole:
                self.append({"format": FORMAT})
        except BaseException:
            self.close()
            raise

    def append(self, line: dict[str, Any]) -> None:
        """Append one line of JSON, and wait until the disk has it."""
        text = json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n"
        self._file.write(text.encode())
        self._file.flush()
        os.fsync(self._file.fileno())

    def close(self) -> None:
        """Let others write."""
        self._file.close()


def gene_index(entries: Sequence[Entry]) -> GeneIndex:
    """Return the genes that these sections brought, in their order."""
    index = GeneIndex()
    for entry in entries:
        index.replay(entry.new_genes, entry.new_aliases)
    return index


def _parsed(line: bytes, *, path: Path, number: int) -> dict[str, Any]:
    try:
        parsed: dict[str, Any] = json.loads(line)
    except ValueError as error:
        raise _damaged(path, number) from error
    if not isinstance(parsed, dict):
        raise _damaged(path, number)
    return parsed


def _entry(line: bytes, *, path: Path, number: int) -> Entry:
    try:
        return Entry.from_json(_parsed(line, path=path, number=number))
    except (KeyError, TypeError) as error:
        raise _damaged(path, number) from error


def _damaged(path: Path, number: int) -> InputError:
    return InputError(
        f"{path}: expected a section in line {number}, found something else; the journal is damaged: "
        "copy the corpus again, or pack its sections anew."
    )
