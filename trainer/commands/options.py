"""Options that several commands have, and what all of them do first."""

from collections.abc import Generator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from napari_stimg.console import Parser, whole_number
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


def read_slides(paths: Sequence[Path]) -> Generator[Progress, None, "list[Slide]"]:
    """Yield progress, and return the sections in the order given.

    Raises
    ------
    InputError
        If a file is no section.
    """
    from napari_stimg.io import read_slide

    slides = []
    for done, path in enumerate(paths):
        yield Progress(done=done, total=len(paths), message="Reading sections")
        slides.append(read_slide(path))
    yield Progress(done=len(paths), total=len(paths), message="Reading sections")
    return slides
