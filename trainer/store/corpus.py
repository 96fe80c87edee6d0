"""A corpus, opened."""

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from napari_stimg.errors import InputError
from napari_stimg.lattice import ARRAY_STEPS, CHECKERBOARD_EXTENT, LatticeKind
from napari_stimg.progress import Progress
from napari_stimg.slide import Slide
from napari_stimg.vocabulary import Vocabulary
from trainer.store.genes import ENSEMBL_ID, UNUSED
from trainer.store.journal import Entry, gene_index, read_journal
from trainer.store.section import Section, read_section
from trainer.store.shard import Shard, decode
from trainer.store.unpack import read_shard, unpack

UNPACKED = "unpacked"


@dataclass(frozen=True, kw_only=True, eq=False)
class Corpus:
    """Any number of sections on disk; nothing of them is read before it is asked for.

    Parameters
    ----------
    path : Path
        Its folder.
    entries : tuple of Entry
        What is known of each section, in the order they were packed.
    unpacked : Path
        Folder for the arrays that training maps into memory.
    """

    path: Path
    entries: tuple[Entry, ...]
    unpacked: Path

    @property
    def names(self) -> tuple[str, ...]:
        """The sections, in the order they were packed."""
        return tuple(entry.name for entry in self.entries)

    @cached_property
    def vocabulary(self) -> Vocabulary:
        """All genes of all sections; a gene's id is where it stands."""
        return gene_index(self.entries).vocabulary()

    @cached_property
    def _by_name(self) -> dict[str, Entry]:
        return {entry.name: entry for entry in self.entries}

    def entry(self, name: str) -> Entry:
        """Return what is known of a section.

        Raises
        ------
        InputError
            If the corpus has no section of that name.
        """
        if name not in self._by_name:
            shown = ", ".join(self.names[:5]) + (", …" if len(self.names) > 5 else "")
            raise InputError(
                f"{self.path}: expected one of its {len(self.names):,} sections ({shown}), found {name!r}; "
                "choose one of those, or pack it."
            )
        return self._by_name[name]

    def section(self, name: str) -> Section:
        """Return a section for training, its arrays mapped from disk; it is verified and unpacked on first use.

        Raises
        ------
        InputError
            If there is no such section, or its shard is missing or damaged.
        """
        entry = self.entry(name)
        return read_section(unpack(self.path, entry, self.unpacked), entry)

    def slide(self, name: str) -> Slide:
        """Return a section as a slide, for evaluation: spots in the order of their cells, places in pitches.

        Its lattice is that of the section. Genes have the vocabulary's names; a gene that the file had twice is there
        once.

        Raises
        ------
        InputError
            As of :meth:`section`.
        """
        entry = self.entry(name)
        return _slide(entry, decode(read_shard(self.path, entry)), self)

    @cached_property
    def _ensembl_ids(self) -> dict[int, str]:
        """An Ensembl id of each gene that has one."""
        aliases = reversed(self.vocabulary.aliases.items())
        return {gene: name for name, gene in aliases if ENSEMBL_ID.fullmatch(name)}

    def unpack(self, names: Sequence[str] | None = None) -> Generator[Progress, None, None]:
        """Yield progress, having verified and unpacked each of the named sections (default: all).

        Raises
        ------
        InputError
            As of :meth:`section`.
        """
        entries = self.entries if names is None else [self.entry(name) for name in names]
        for done, entry in enumerate(entries):
            yield Progress(done=done, total=len(entries), message="Opening sections")
            unpack(self.path, entry, self.unpacked)
        yield Progress(done=len(entries), total=len(entries), message="Opening sections")

    def verify(self) -> Generator[Progress, None, None]:
        """Yield progress, having compared each shard with its checksum.

        Raises
        ------
        InputError
            At the first shard that is missing or damaged.
        """
        for done, entry in enumerate(self.entries):
            yield Progress(done=done, total=len(self.entries), message="Verifying sections")
            read_shard(self.path, entry)
        yield Progress(done=len(self.entries), total=len(self.entries), message="Verifying sections")


def open_corpus(path: Path | str, *, unpacked: Path | str | None = None) -> Corpus:
    """Return a corpus, having read its journal and nothing else.

    Parameters
    ----------
    path : Path or str
        The folder that ``stimg-train corpus`` wrote.
    unpacked : Path, str or None
        Folder for unpacked sections, which need not exist; by default ``unpacked`` in the corpus.

    Raises
    ------
    InputError
        If there is no corpus, it is of another format, or its journal is damaged.
    """
    path = Path(path)
    return Corpus(
        path=path,
        entries=tuple(read_journal(path)),
        unpacked=path / UNPACKED if unpacked is None else Path(unpacked),
    )


def _slide(entry: Entry, shard: Shard, corpus: Corpus) -> Slide:
    used = np.flatnonzero(shard.ids != UNUSED)
    ids = shard.ids[used].tolist()
    kind = LatticeKind(entry.kind)
    spot_names = np.array([f"spot{number}" for number in range(entry.spots)])
    indices = None
    if kind is not LatticeKind.IRREGULAR:
        indices = np.rint(shard.positions / ARRAY_STEPS[kind]).astype(np.int64)
        if kind is LatticeKind.HEXAGONAL:  # a single row says by its numbers alone that it is no checkerboard
            indices += [0, 2 * CHECKERBOARD_EXTENT]
    return Slide(
        name=entry.name,
        counts=shard.counts[:, used],
        places=shard.positions,
        spot_names=spot_names,
        gene_names=np.array([corpus.vocabulary.symbols[gene] for gene in ids]),
        gene_ids=np.array([corpus._ensembl_ids.get(gene, "") for gene in ids]),
        array_indices=indices,
        obs=pd.DataFrame(shard.labels, index=spot_names),
        um_per_place=entry.pitch_um,
        counts_from=f"corpus {corpus.path.name}",
        notes=entry.notes,
    )
