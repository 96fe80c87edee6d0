"""Files that are whole or not there at all, that one process writes at a time, and files of settings."""

import os
import sys
from collections.abc import Hashable
from pathlib import Path
from typing import Any

import yaml

from napari_stimg.errors import InputError

if sys.platform != "win32":
    import fcntl


def write_text(path: Path, text: str) -> None:
    """Write a text beside its place, then rename it there."""
    beside = path.with_name(path.name + ".part")
    beside.write_text(text, encoding="utf-8")
    os.replace(beside, path)


def lock(file: int, *, busy: str) -> None:
    """Keep others out until a file is closed, be it by a kill; not on Windows, nor where no disk can lock.

    Parameters
    ----------
    file : int
        Descriptor of an open file; others lock the same one.
    busy : str
        What to say if another process has it.

    Raises
    ------
    InputError
        If another process has it.
    """
    if sys.platform != "win32":
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise InputError(busy) from error
        except OSError:  # file systems of clusters may know no locks
            pass


def read_yaml(path: Path) -> Any:
    """Return what a YAML file of settings holds.

    Raises
    ------
    InputError
        If it cannot be read, is no YAML, or names a key twice.
    """
    try:
        return yaml.load(path.read_text(encoding="utf-8"), Loader=_Unambiguous)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        reason = " ".join(str(error).split())
        raise InputError(f"{path}: expected a YAML file of settings, found {reason}; correct it.") from error


class _Unambiguous(yaml.SafeLoader):
    """YAML in which a mapping has every key once; by its own rules the last would count."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        names: set[Hashable] = set()
        for key, _ in node.value:
            if key.value in names:
                line = key.start_mark.line + 1
                raise yaml.YAMLError(f"the key {key.value!r} for the second time on line {line}")
            names.add(key.value)
        return super().construct_mapping(node, deep=deep)
