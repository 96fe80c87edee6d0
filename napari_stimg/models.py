"""Which checkpoints there are: the bundled one, and those in a folder of the user's.

Listing reads no tensor and verifies nothing, so that it takes milliseconds; a checkpoint is verified when it is loaded.
"""

import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from platformdirs import user_data_path

from napari_stimg.checkpoint_file import bundled_path, read_checkpoint_file, read_texts
from napari_stimg.errors import InputError
from napari_stimg.whole_files import written_beside

FOLDER_VARIABLE = "STIMG_MODELS"
"""Environment variable that names another folder than the one of the platform."""

SUFFIX = ".safetensors"


@dataclass(frozen=True, kw_only=True, eq=False)
class ModelFile:
    """A checkpoint as it is listed, unverified.

    Parameters
    ----------
    name : str
        What the user calls it: the file's name without its ending.
    path : Path
        The file.
    card : mapping
        What it says of itself, see ``napari_stimg.model_card``; which keys there are depends on what wrote it.
    sizes : mapping
        The model's: ``n_genes``, ``width``, ...
    sha256 : str
        The checksum that it states.
    problem : str
        Why it cannot be used, in one sentence; empty if it can, as far as can be seen without reading it all.
    """

    name: str
    path: Path
    card: Mapping[str, Any] = field(default_factory=dict)
    sizes: Mapping[str, Any] = field(default_factory=dict)
    sha256: str = ""
    problem: str = ""


def models_folder() -> Path:
    """Return the user's folder of checkpoints, which need not exist: ``STIMG_MODELS``, or where the platform has it."""
    named = os.environ.get(FOLDER_VARIABLE)
    return Path(named).expanduser().absolute() if named else user_data_path("napari-stimg", appauthor=False) / "models"


def list_models() -> tuple[ModelFile, ...]:
    """Return the bundled checkpoint and, by name, those in the user's folder; what cannot be used says why."""
    bundled = bundled_path()
    found = sorted(path for path in models_folder().glob(f"*{SUFFIX}") if not path.name.startswith("."))
    names = [path.name if path.stem == bundled.stem else path.stem for path in found]
    listed = [describe(path, name=name) for path, name in zip(found, names, strict=True)]
    return (describe(bundled), *listed)


def describe(path: Path, *, name: str | None = None) -> ModelFile:
    """Return what a checkpoint says of itself; what is damaged or foreign has a ``problem``.

    Parameters
    ----------
    path : Path
        The file.
    name : str, optional
        What to call it; by default by the file's name.
    """
    name = path.stem if name is None else name
    try:
        texts = read_texts(path)
        card, sizes = (_mapping(texts, key, path) for key in ("card", "config"))
    except InputError as error:
        return ModelFile(name=name, path=path, problem=str(error))
    return ModelFile(name=name, path=path, card=card, sizes=sizes, sha256=texts.get("sha256", ""))


def find_model(given: str) -> Path:
    """Return the checkpoint that a user means: a file by its path, or a listed one by its name.

    Raises
    ------
    InputError
        If it is neither.
    """
    path = Path(given)
    if path.is_file():
        return path
    listed = {model.name: model.path for model in list_models()}
    if given not in listed:
        raise InputError(
            f"expected a checkpoint at {given}, found no file, nor a model of that name; "
            f"give the path of a {SUFFIX} file, or one of the names {', '.join(listed)}."
        )
    return listed[given]


def install_target(path: Path) -> Path:
    """Return where in the user's folder a checkpoint will lie.

    Raises
    ------
    InputError
        If the bundled checkpoint has its name.
    """
    if path.stem == bundled_path().stem:
        raise InputError(
            f"expected a name of its own for a model to install, found {path.stem}, the bundled one's; name it anew."
        )
    return models_folder() / f"{path.stem}{SUFFIX}"


def install_model(path: Path) -> Path:
    """Copy a checkpoint into the user's folder, in the place of an older one of its name, and return where it lies.

    It is written beside its place and renamed, so that no list ever shows half of it.

    Raises
    ------
    InputError
        If it is no checkpoint of this project, is damaged, or has the name of the bundled one.
    """
    target = install_target(path)
    read_checkpoint_file(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    if not (target.exists() and target.samefile(path)):
        with written_beside(target) as beside:
            shutil.copyfile(path, beside)
    return target


def _mapping(texts: Mapping[str, str], key: str, path: Path) -> dict[str, Any]:
    """Return one of the texts, which is to be a JSON object."""
    try:
        value = json.loads(texts[key])
    except (KeyError, ValueError) as error:
        raise InputError(_unreadable(key, path)) from error
    if not isinstance(value, dict):
        raise InputError(_unreadable(key, path))
    return value


def _unreadable(key: str, path: Path) -> str:
    return f"expected a {key} as JSON in {path.name}, found none that can be read; get the file again."
