"""Writing matplotlib figures as files."""

from pathlib import Path
from typing import TYPE_CHECKING

from napari_stimg.errors import InputError
from napari_stimg.whole_files import written_beside

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DPI = 300
"""Pixels in an inch of a PNG."""

ENDINGS = (".png", ".svg", ".pdf")


def save_figure(figure: "Figure", target: Path) -> None:
    """Write a figure on white as PNG, SVG or PDF, by the target's ending; text of an SVG stays text.

    Raises
    ------
    InputError
        If the ending is another one, or the file cannot be written.
    """
    from matplotlib import rc_context

    ending = target.suffix.lower()
    if ending not in ENDINGS:
        raise InputError(
            f"{target.name}: expected a name that ends in .png, .svg or .pdf, found {target.suffix or 'no ending'}; "
            "choose one of these."
        )
    try:
        with rc_context({"svg.fonttype": "none"}), written_beside(target) as beside:
            figure.savefig(beside, format=ending[1:], dpi=DPI, bbox_inches="tight")
    except OSError as error:
        raise InputError(
            f"{target}: expected a place to write to, found none ({error.strerror or error}); choose another place."
        ) from error
