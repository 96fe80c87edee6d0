"""Writing text, so that a file is whole or not there."""

from pathlib import Path

from napari_stimg.errors import InputError
from napari_stimg.whole_files import written_beside


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
