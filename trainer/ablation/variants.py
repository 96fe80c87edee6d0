"""One change of a recipe at a time."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from napari_stimg.errors import InputError
from trainer.config import Config, as_tree, config_from
from trainer.files import read_yaml

FIXED = ("run.folder", "run.devices", "run.nodes")
"""Settings of a run that are no part of a recipe."""

BASE = "base"
"""Name of the recipe as it is."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Variant:
    """A recipe with one setting changed.

    Parameters
    ----------
    name : str
        Of its folder: ``base``, or the setting and its value.
    axis, value : str
        The setting, ``section.key``, and its value in words; of the base both are empty.
    config : Config
        The run, in a folder of its own.
    """

    name: str
    axis: str
    value: str
    config: Config


def read_axes(path: Path) -> dict[str, list[Any]]:
    """Return the settings of a YAML file, ``section.key: [value, value, ...]``.

    Raises
    ------
    InputError
        If the file cannot be read or is laid out otherwise.
    """
    axes = read_yaml(path)
    if not isinstance(axes, dict) or not all("." in str(axis) and isinstance(axes[axis], list) for axis in axes):
        raise InputError(f"{path}: expected lines `section.key: [value, value]`, found another layout; correct it.")
    return {str(axis): values for axis, values in axes.items()}


def variants(base: Config, axes: Mapping[str, Sequence[Any]], folder: Path) -> list[Variant]:
    """Return the base, and it with each value of each axis that is not the base's own.

    Parameters
    ----------
    base : Config
        The recipe.
    axes : mapping of str to values
        As ``read_axes`` gives them.
    folder : Path
        In which every variant gets a folder.

    Raises
    ------
    InputError
        If a setting does not exist, or a value is not one that it can have.
    """
    found = [Variant(name=BASE, axis="", value="", config=_changed(base, folder / BASE))]
    before = as_tree(base)
    for axis, values in axes.items():
        section, _, key = axis.partition(".")
        if section == "data" or axis in FIXED:
            raise InputError(
                f"{axis}: expected a setting that leaves sections, folder and processes as they are, found this one; "
                "variants could not be compared."
            )
        for value in values:
            name = f"{axis}={_in_words(value)}"
            plain = re.sub(r"[^A-Za-z0-9.,=_-]", "_", name)
            config = _changed(base, folder / plain, section, key, value)
            if as_tree(config)[section][key] != before[section][key]:
                found.append(Variant(name=name, axis=axis, value=_in_words(value), config=config))
    return found


def _changed(base: Config, folder: Path, section: str = "run", key: str = "folder", value: Any = None) -> Config:
    """Return a configuration with one setting changed, and a folder of its own."""
    tree = as_tree(base)
    if (section, key) != ("run", "folder"):
        tree.setdefault(section, {})[key] = value
    tree["run"]["folder"] = str(folder)
    return config_from(tree)


def _in_words(value: Any) -> str:
    return ",".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
