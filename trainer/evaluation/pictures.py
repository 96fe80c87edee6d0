"""Pictures of an evaluation, as PNG files."""

import os
import re
from pathlib import Path

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

DPI = 200
"""Dots in an inch: enough for print at the size they are made for."""


def file_name(section: str, what: str) -> str:
    """Return the name of a section's picture, of letters that every system takes."""
    return f"{re.sub(r'[^A-Za-z0-9._-]+', '_', section)}-{what}.png"


def write_figure(figure: Figure, path: Path) -> None:
    """Draw a figure without a display, write it beside its place, and rename it there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(path.name + ".part")
    FigureCanvasAgg(figure)
    figure.savefig(beside, format="png", dpi=DPI, metadata={"Software": None})
    os.replace(beside, path)
