"""From files to sections that are ready to be packed: what a worker does."""

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from napari_stimg.errors import InputError
from napari_stimg.slide import Slide
from trainer.store.journal import Source
from trainer.store.packer import Refused
from trainer.store.shard import Compression, Encoded, encode


@dataclass(frozen=True, kw_only=True, eq=False)
class Ready:
    """A section that can be packed.

    Parameters
    ----------
    encoded : Encoded
        The section.
    source : Source
        Where it came from.
    """

    encoded: Encoded
    source: Source


Outcome = Ready | Source | Refused
"""A section is ready to be packed, known to be packed, or refused."""


def read_sections(path: Path, known: frozenset[Source], compression: Compression) -> list[Outcome]:
    """Return what becomes of each section of a file; one that is broken is refused in its own words.

    Parameters
    ----------
    path : Path
        A section, or several, in any format that ``read_slide`` knows.
    known : frozenset of Source
        Sections of files of that name that need not be read.
    compression : {"lzma", "deflate"}
        Of the shards.
    """
    from napari_stimg.io import SeveralSectionsError, read_slide

    def section_of(whole: Source, section: str | None) -> Outcome:
        source = replace(whole, section=section)
        if source in known:
            return source
        slide = read_slide(path, section=section)
        return Ready(encoded=encode(slide, compression=compression), source=source)

    def sections() -> Iterator[Outcome]:
        sha256 = fingerprint_of_file(path) if path.exists() else ""
        whole = Source(file=file_name(path), section=None, sha256=sha256)
        try:
            yield section_of(whole, None)
        except SeveralSectionsError as several:
            for section in several.sections:
                try:
                    yield section_of(whole, section)
                except (InputError, OSError, MemoryError) as error:
                    yield _refused(f"{whole.file} {section}", error)

    try:
        return list(sections())
    except (InputError, OSError, MemoryError) as error:
        return [_refused(file_name(path), error)]


def read_slide_in_memory(slide: Slide, compression: Compression) -> Outcome:
    """Return what becomes of a slide."""
    try:
        encoded = encode(slide, compression=compression)
    except InputError as error:
        return _refused(slide.name, error)
    return Ready(encoded=encoded, source=Source(file="", section=None, sha256=fingerprint_of_slide(slide)))


def file_name(path: Path) -> str:
    """Return the name of a file or folder, however the path was written."""
    return os.path.basename(os.path.abspath(path))


def fingerprint_of_file(path: Path) -> str:
    """Return the checksum of a file; of a folder, which may be vast, that of its files' names and sizes."""
    if path.is_file():
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    files = sorted(found for found in path.rglob("*") if found.is_file())
    listing = "\n".join(f"{found.relative_to(path).as_posix()}\t{found.stat().st_size}" for found in files)
    return hashlib.sha256(listing.encode()).hexdigest()


def fingerprint_of_slide(slide: Slide) -> str:
    """Return a checksum over a slide's counts, places and genes."""
    digest = hashlib.sha256()
    parts = (slide.counts.data, slide.counts.indices, slide.counts.indptr, slide.places, slide.gene_names)
    for array in parts:
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def _refused(name: str, error: Exception) -> Refused:
    reason = " ".join(str(error).split()) or type(error).__name__
    return Refused(name=name, reason=reason if isinstance(error, InputError) else f"{name}: {reason}")
