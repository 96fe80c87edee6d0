"""Writing text: beside the target first, then renamed, so that a file is whole or not there."""

import os
from pathlib import Path

from napari_stimg.errors import InputError


def write_text(target: Path, text: str) -> None:
    """Write a text file, UTF-8; an older one is replaced once the new one is whole.

    Raises
    ------
    InputError
        If it cannot be written.
    """
    beside = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        beside.write_text(text, encoding="utf-8", newline="\n")
        os.replace(beside, target)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise InputError(
            f"{target}: expected to write a file there, found that it cannot be done ({error.strerror or error}); "
            "choose another place."
        ) from error
