"""The writer of a corpus: sections go in one after the other, each wholly or not at all."""

import hashlib
import os
import re
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from napari_stimg.errors import InputError
from trainer.store.genes import UNUSED
from trainer.store.journal import JOURNAL, SHARDS, Entry, JournalWriter, Source, gene_index, read_journal
from trainer.store.shard import Encoded, with_ids

LONGEST_STEM = 80
"""Characters of a section's name that go into its shard's."""

_SHARD_NAME = re.compile(r".*-[0-9a-f]{8}\.npz(\.part)?")


@dataclass(frozen=True, kw_only=True)
class Refused:
    """A section that was not packed.

    Parameters
    ----------
    name : str
        Of the slide or its file.
    reason : str
        One sentence.
    """

    name: str
    reason: str


@dataclass(kw_only=True)
class Packed:
    """What became of the sections that were to be packed.

    Parameters
    ----------
    added : list of Entry
        Those that are new in the corpus.
    known : list of Entry
        Those that were in it.
    refused : list of Refused
        The others.
    """

    added: list[Entry] = field(default_factory=list)
    known: list[Entry] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)


class Packer:
    """The one writer of a corpus; opens it or makes a new one, and drops what a killed writer left.

    Parameters
    ----------
    folder : Path
        The corpus.

    Raises
    ------
    InputError
        If the folder is something else, cannot be made, holds a damaged corpus, or another process packs into it.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        _check_folder(folder)
        self._is_new = not folder.exists()
        (folder / SHARDS).mkdir(parents=True, exist_ok=True)
        self._journal = JournalWriter(folder / JOURNAL)
        try:
            _sync_folder(folder)
            self._entries = {entry.name: entry for entry in read_journal(folder)}
            self._genes = gene_index(list(self._entries.values()))
            _drop_strays(folder / SHARDS, {entry.shard for entry in self._entries.values()})
        except BaseException:
            self._journal.close()
            raise
        self.packed = Packed()

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Let others write; a folder that was made in vain goes again."""
        self._journal.close()
        if self._is_new and not self._entries:
            with suppress(OSError):  # what a full disk left of a shard keeps the folder; the next writer drops it
                (self._folder / SHARDS).rmdir()
                (self._folder / JOURNAL).unlink()
                self._folder.rmdir()

    def sources_of(self, file: str) -> frozenset[Source]:
        """Return which sections the corpus has of files of this name."""
        return frozenset(entry.source for entry in self._entries.values() if entry.source.file == file)

    def keep(self, source: Source) -> None:
        """Note that a section need not be packed, since it is in."""
        self.packed.known.append(next(entry for entry in self._entries.values() if entry.source == source))

    def add(self, encoded: Encoded, source: Source) -> None:
        """Put a section in, unless it is in, or another one has its name."""
        there = self._entries.get(encoded.name)
        if there is not None:
            if there.source == source:
                self.packed.known.append(there)
            else:
                self.refuse(encoded.name, _name_taken(encoded.name, there.source))
            return
        genes = self._genes.add(encoded.gene_names, encoded.ensembl_ids)
        content = with_ids(encoded, genes.ids)
        sha256 = hashlib.sha256(content).hexdigest()
        entry = Entry(
            name=encoded.name,
            shard=f"{_stem(encoded.name)}-{sha256[:8]}.npz",
            sha256=sha256,
            bytes=len(content),
            source=source,
            **encoded.lattice,
            spots=encoded.spots,
            cells=encoded.cells,
            genes=len(genes.ids),
            unused=int((genes.ids == UNUSED).sum()),
            nnz=encoded.nnz,
            counts=encoded.counts,
            labels=encoded.labels,
            notes=encoded.notes,
            new_genes=genes.symbols,
            new_aliases=genes.aliases,
        )
        _write_whole(self._folder / SHARDS / entry.shard, content)
        self._journal.append(entry.to_json())
        self._entries[entry.name] = entry
        self.packed.added.append(entry)

    def refuse(self, name: str, reason: str) -> None:
        """Note that a section is not packed, and why."""
        self.packed.refused.append(Refused(name=name, reason=reason))


def _check_folder(folder: Path) -> None:
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder}: expected a folder for the corpus, found a file; choose another name.")
    if folder.is_dir() and not (folder / JOURNAL).is_file():
        found = sorted(path.name for path in folder.iterdir() if path.name != SHARDS)
        if found:
            raise InputError(
                f"{folder}: expected a corpus or an empty folder, found {', '.join(found[:5])}; choose another name."
            )
    if not folder.is_dir() and (not folder.parent.is_dir() or not os.access(folder.parent, os.W_OK)):
        raise InputError(
            f"{folder}: expected a folder that can be written to, found none at {folder.parent}; make it first."
        )


def _name_taken(name: str, other: Source) -> str:
    origin = f"file {other.file}" if other.file else "slide in memory"
    return (
        f"{name}: expected a name that no section of the corpus has, found it taken by one from another {origin}; "
        "rename the file, or pack it into another corpus."
    )


def _stem(name: str) -> str:
    """Return a section's name as part of a file's."""
    return re.sub(r"[^A-Za-z0-9._-]+", "_", name).lstrip(".")[:LONGEST_STEM]


def _write_whole(path: Path, content: bytes) -> None:
    """Write a file beside, wait until the disk has it, and put it in its place."""
    part = path.with_name(f"{path.name}.part")
    with part.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    """Wait until the disk has the names in a folder, where the system can."""
    if os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _drop_strays(shards: Path, known: set[str]) -> None:
    """Remove shards that a killed writer left before they came into the journal."""
    for path in shards.iterdir():
        if path.name not in known and _SHARD_NAME.fullmatch(path.name):
            path.unlink()
