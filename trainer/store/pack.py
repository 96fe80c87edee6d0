"""Packing: sections go into a corpus one after the other, each wholly or not at all."""

import hashlib
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from napari_stimg.errors import InputError
from napari_stimg.slide import Slide
from trainer.store.genes import UNUSED, GeneIndex
from trainer.store.journal import (
    JOURNAL,
    SHARDS,
    Entry,
    Source,
    append_line,
    drop_torn_line,
    entry_line,
    gene_index,
    header_line,
    read_journal,
    whole_lines,
)
from trainer.store.shard import Compression, Encoded, encode, with_ids

LONGEST_STEM = 80
"""Characters of a section's name that go into its shard's."""

_SHARD_NAME = re.compile(r".+-[0-9a-f]{8}\.npz(\.part)?")


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
        If the folder is something else, cannot be made, or holds a damaged corpus.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        _check_folder(folder)
        (folder / SHARDS).mkdir(parents=True, exist_ok=True)
        drop_torn_line(folder / JOURNAL)
        if not (folder / JOURNAL).is_file() or not whole_lines(folder / JOURNAL):
            append_line(folder / JOURNAL, header_line())
            _sync_folder(folder)
        self._entries = {entry.name: entry for entry in read_journal(folder)}
        self._genes: GeneIndex = gene_index(list(self._entries.values()))
        self.packed = Packed()

    def find(self, source: Source) -> Entry | None:
        """Return the section that came from a source, if it is in."""
        return next((entry for entry in self._entries.values() if entry.source == source), None)

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
        append_line(self._folder / JOURNAL, entry_line(entry))
        self._entries[entry.name] = entry
        self.packed.added.append(entry)

    def refuse(self, name: str, reason: str) -> None:
        """Note that a section is not packed, and why."""
        self.packed.refused.append(Refused(name=name, reason=reason))


def pack_slides(slides: Iterable[Slide], path: Path | str, *, compression: Compression = "lzma") -> Packed:
    """Pack slides that are in memory into a corpus, new or not, and return what became of them.

    Parameters
    ----------
    slides : iterable of Slide
        Sections; one is held at a time.
    path : Path or str
        The corpus.
    compression : {"lzma", "deflate"}
        LZMA is a fifth smaller, deflate ten times faster.

    Raises
    ------
    InputError
        If ``path`` is no corpus and cannot become one.
    """
    packer = Packer(Path(path))
    for slide in slides:
        source = Source(file="", section=None, sha256=fingerprint_of_slide(slide))
        try:
            packer.add(encode(slide, compression=compression), source)
        except InputError as error:
            packer.refuse(slide.name, str(error))
    return packer.packed


def fingerprint_of_slide(slide: Slide) -> str:
    """Return a checksum over a slide's counts, places and genes."""
    digest = hashlib.sha256()
    parts = (slide.counts.data, slide.counts.indices, slide.counts.indptr, slide.places, slide.gene_names)
    for array in parts:
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


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
