"""Files that are whole or not there at all."""

import os
from pathlib import Path


def write_text(path: Path, text: str) -> None:
    """Write a text beside its place, then rename it there."""
    beside = path.with_name(path.name + ".part")
    beside.write_text(text, encoding="utf-8")
    os.replace(beside, path)
