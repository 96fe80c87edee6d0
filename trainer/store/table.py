"""What a corpus holds, as text."""

from collections.abc import Iterable, Sequence

from trainer.store.corpus import Corpus
from trainer.store.journal import Entry

_HEADER = ("section", "lattice", "cells", "spots", "genes", "counted", "counts", "MB", "labels")
_N_LEFT = 2
"""Columns of text before the numbers."""


def table_of(entries: Iterable[Entry]) -> str:
    """Return one line a section: lattice and its raster, cells, spots, genes, entries > 0, their sum, size, labels."""
    rows = [_HEADER, *(_row(entry) for entry in entries)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(_line(row, widths) for row in rows)


def summary_of(corpus: Corpus) -> str:
    """Return one line: how much of everything there is."""
    entries = corpus.entries
    return (
        f"{corpus.path}: {_many(len(entries), 'section')}, {sum(entry.spots for entry in entries):,} spots in "
        f"{sum(entry.cells for entry in entries):,} cells, {len(corpus.vocabulary):,} genes, "
        f"{sum(entry.nnz for entry in entries) / 1e6:,.1f} million entries, {_mb(sum(e.bytes for e in entries))} MB"
    )


def notes_of(entries: Iterable[Entry]) -> list[str]:
    """Return what a user should know of the sections, one line a note; one that many sections have is said once."""
    sections: dict[str, list[str]] = {}
    for entry in entries:
        for note in entry.notes:
            sections.setdefault(note, []).append(entry.name)
    return [f"{names[0]}{_others(names)}: {note}" for note, names in sections.items()]


def _others(names: Sequence[str]) -> str:
    return f" and {_many(len(names) - 1, 'other')}" if len(names) > 1 else ""


def _many(number: int, thing: str) -> str:
    return f"{number:,} {thing}{'' if number == 1 else 's'}"


def _row(entry: Entry) -> tuple[str, ...]:
    height, width = entry.shape
    return (
        entry.name,
        f"{entry.kind} {height} x {width}",
        f"{entry.cells:,}",
        f"{entry.spots:,}",
        f"{entry.genes:,}",
        f"{entry.nnz:,}",
        f"{entry.counts:,}",
        _mb(entry.bytes),
        ", ".join(entry.labels),
    )


def _mb(n_bytes: int) -> str:
    return f"{n_bytes / 1e6:,.2f}"


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    cells = [
        cell.rjust(width) if _N_LEFT <= number < len(row) - 1 else cell.ljust(width)
        for number, (cell, width) in enumerate(zip(row, widths, strict=True))
    ]
    return "  ".join(cells).rstrip()
