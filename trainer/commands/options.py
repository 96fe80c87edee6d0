"""Options that several commands have, and what all of them do first."""

from collections.abc import Generator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from napari_stimg.console import Parser, whole_number
from napari_stimg.errors import InputError
from napari_stimg.progress import Progress

if TYPE_CHECKING:
    from argparse import _SubParsersAction

    from napari_stimg.slide import Slide

    Commands = _SubParsersAction[Parser]
else:
    Commands = object


def add_seed(parser: Parser, what: str) -> None:
    """Add ``--seed``, 0 by default."""
    parser.add_argument("--seed", metavar="N", type=whole_number(0, 2**31 - 1), default=0, help=f"{what} (default 0)")


def add_device(parser: Parser) -> None:
    """Add ``--device``, automatic by default."""
    parser.add_argument(
        "--device", default="auto", help="cpu, cuda, mps, or auto: cuda where there is one, else cpu (default)"
    )


def read_slides(
    paths: Sequence[Path], *, sections: Sequence[str] | None = None
) -> Generator[Progress, None, "list[Slide]"]:
    """Yield progress, and return the sections in the order given.

    Parameters
    ----------
    paths : sequence of Path
        Files or folders that ``stimg`` reads; or folders of a corpus, for which nothing but the corpus is imported.
    sections : sequence of str, optional
        Sections that are taken of a corpus; all of it if None.

    Raises
    ------
    InputError
        If a file is no section, a corpus lacks a section or is damaged, or sections are named and there is no corpus.
    """
    corpora = [is_corpus(path) for path in paths]
    if sections is not None and not any(corpora):
        raise InputError(
            "expected the folder of a corpus to choose sections from, found none; "
            "leave out --sections, or give a corpus."
        )
    slides = []
    for done, (path, packed) in enumerate(zip(paths, corpora, strict=True)):
        yield Progress(done=done, total=len(paths), message="Reading sections")
        slides += _sections_of(path, sections) if packed else [_slide(path)]
    yield Progress(done=len(paths), total=len(paths), message="Reading sections")
    return slides


def is_corpus(path: Path) -> bool:
    """Say whether a path is the folder of a corpus."""
    from trainer.store.journal import JOURNAL

    return (path / JOURNAL).is_file()


def _slide(path: Path) -> "Slide":
    from napari_stimg.io import read_slide

    return read_slide(path)


def _sections_of(path: Path, sections: Sequence[str] | None) -> "list[Slide]":
    from trainer.store import open_corpus

    corpus = open_corpus(path)
    return [corpus.slide(name) for name in (corpus.names if sections is None else sections)]
