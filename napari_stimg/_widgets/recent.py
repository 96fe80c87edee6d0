"""The sections that were opened last, in a file of the user's own. Knows neither Qt nor napari."""

import json
from pathlib import Path

from napari_stimg._widgets.session_store import user_folder, write_whole

MAX_RECENT = 10
"""Files and folders that are remembered."""


def recent_paths() -> list[Path]:
    """Return the files and folders opened last that are still there, the newest first; none if the list is damaged."""
    return [path for path in _listed() if path.exists()]


def remember(path: Path) -> None:
    """Put a file or folder at the head of the list; where the list cannot be written, it stays as it is."""
    path = path.absolute()
    listed = [path, *(other for other in _listed() if other != path)][:MAX_RECENT]
    text = json.dumps([str(one) for one in listed])
    try:
        user_folder().mkdir(parents=True, exist_ok=True)
        write_whole(_list_file(), lambda file: file.write(text.encode()))
    except OSError:
        return  # a menu is no reason to disturb


def _list_file() -> Path:
    return user_folder() / "recent.json"


def _listed() -> list[Path]:
    try:
        listed = json.loads(_list_file().read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return []
    return [Path(one) for one in listed if isinstance(one, str)] if isinstance(listed, list) else []
