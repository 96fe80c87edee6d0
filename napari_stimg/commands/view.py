"""``stimg view``: a section in napari, with the panel docked."""

import os
import sys
from collections.abc import Generator
from pathlib import Path

from napari_stimg._reader import layer_data
from napari_stimg.errors import InputError
from napari_stimg.io import read_slide
from napari_stimg.progress import Progress
from napari_stimg.slide import Slide

DISPLAY_VARIABLES = ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")
"""Environment variables of which Linux has at least one where windows can be opened."""


def view(file: Path | None = None, *, section: str | None = None) -> Generator[Progress, None, None]:
    """Yield progress, show a section until the window is closed.

    Parameters
    ----------
    file : Path or None
        A section in any format that ``read_slide`` knows; None for generated layered tissue.
    section : str or None
        Which section, where the file holds several.

    Raises
    ------
    InputError
        If napari or a display is missing, or the section cannot be read.
    """
    if sys.platform == "linux" and not any(os.environ.get(name) for name in DISPLAY_VARIABLES):
        raise InputError(
            "expected a display to open a window on, found none; log in with one, or use `stimg info`, `embed`, "
            "`reconstruct` and `domains`, which need none."
        )
    yield Progress(done=0, total=0, message="Growing the sample" if file is None else f"Reading {file.name}")
    layers = layer_data(_sample() if file is None else read_slide(file, section=section))
    yield Progress(done=0, total=0, message="Starting napari")
    try:
        from napari_stimg._widgets.launch import open_viewer
    except ImportError as error:
        raise InputError(
            f"expected napari and a Qt binding for the viewer, found them missing ({error}); "
            'install them: pip install "napari-stimg[gui]" "napari[pyqt6]".'
        ) from error
    open_viewer(layers)


def _sample() -> Slide:
    from sample_data.sections import layered_hexagonal

    return layered_hexagonal()
