"""Files that are whole or not there at all: written beside their place, then renamed."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from napari_stimg.errors import InputError


@contextmanager
def written_beside(target: Path) -> Iterator[Path]:
    """Give a path beside a file; what is written there takes the file's place once the block is left.

    If the block fails, nothing is left behind and an older file stays as it was.

    Parameters
    ----------
    target : Path
        The file; its folder is there.

    Raises
    ------
    OSError
        If it cannot be renamed.
    """
    beside = target.with_name(f".{target.name}.{os.getpid()}-{threading.get_native_id()}.part")
    try:
        yield beside
        os.replace(beside, target)
    finally:
        with suppress(OSError):  # there is none, or its name is too long for one
            beside.unlink()


def write_text(target: Path, text: str) -> None:
    """Write a text file, UTF-8; an older one is replaced once the new one is whole.

    Raises
    ------
    InputError
        If it cannot be written.
    """
    try:
        with written_beside(target) as beside:
            beside.write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        raise InputError(
            f"{target}: expected to write a file there, found that it cannot be done ({error.strerror or error}); "
            "choose another place."
        ) from error
