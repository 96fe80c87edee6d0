"""Asks where a file is to be written."""

from pathlib import Path

from qtpy.QtWidgets import QFileDialog, QWidget


def ask_target(parent: QWidget, title: str, suggested: str, filters: str) -> Path | None:
    """Return where the user wants a file, or None if nowhere.

    Parameters
    ----------
    filters : str
        Kinds of files, as Qt writes them: ``PNG (*.png);;SVG (*.svg)``. A name without an ending gets that of the kind
        that was chosen, or of the first.
    """
    chosen, kind = QFileDialog.getSaveFileName(parent, title, suggested, filters)
    if not chosen:
        return None
    return Path(chosen) if Path(chosen).suffix else Path(chosen + (first_ending(kind) or first_ending(filters)))


def first_ending(filters: str) -> str:
    """Return the first file ending that a file dialog's filters name, such as ``.csv``."""
    return filters.partition("*")[2].partition(")")[0]
