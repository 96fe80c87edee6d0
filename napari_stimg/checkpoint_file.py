"""The file of a checkpoint: a safetensors file with texts beside its tensors, and one checksum over both.

Reading it takes no torch, so that what only asks for the vocabulary starts fast.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open

from napari_stimg.errors import InputError
from napari_stimg.vocabulary import Vocabulary

BUNDLED = "stimg-mae-1.safetensors"
FORMAT = "stimg-mae-1"


@dataclass(frozen=True, kw_only=True, eq=False)
class CheckpointFile:
    """What a checkpoint's file holds, verified.

    Parameters
    ----------
    tensors : dict of str to float16 array
        The model's weights by name.
    texts : dict of str to str
        ``format``, ``config``, ``symbols``, ``aliases``, ``card``: JSON, but for the first and the third.
    sha256 : str
        Hexadecimal checksum of both.
    """

    tensors: Mapping[str, NDArray[Any]]
    texts: Mapping[str, str]
    sha256: str

    @property
    def vocabulary(self) -> Vocabulary:
        """The genes that the model knows."""
        symbols = tuple(self.texts["symbols"].split("\n"))
        return Vocabulary(symbols=symbols, aliases=json.loads(self.texts["aliases"]))


def bundled_path() -> Path:
    """Return where the checkpoint that comes with napari-stimg lies."""
    return Path(str(files("napari_stimg"))) / "checkpoints" / BUNDLED


def read_checkpoint_file(path: Path | None = None) -> CheckpointFile:
    """Return what a checkpoint's file holds; None for the bundled one.

    Raises
    ------
    InputError
        If the file is missing, is no checkpoint of this project, or does not match its checksum.
    """
    path = bundled_path() if path is None else Path(path)
    with _opened(path) as file:
        texts = _texts_of(file, path)
        tensors = {name: file.get_tensor(name) for name in file.keys()}
    stated = texts.pop("sha256", "none")
    sha256 = checksum(tensors, texts)
    if sha256 != stated or any(tensor.dtype != np.float16 for tensor in tensors.values()):
        raise InputError(
            f"expected the checksum {stated[:12]} of {path.name}, found {sha256[:12]}; "
            "the file is corrupted, get it again."
        )
    return CheckpointFile(tensors=tensors, texts=texts, sha256=sha256)


def read_texts(path: Path) -> dict[str, str]:
    """Return the texts of a checkpoint's file, ``sha256`` among them; nothing is verified, no tensor is read.

    Raises
    ------
    InputError
        If the file is missing, or is no checkpoint of this project.
    """
    with _opened(path) as file:
        return _texts_of(file, path)


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    if not path.is_file():
        raise InputError(f"expected a checkpoint at {path}, found no file; give the path of a .safetensors file.")
    try:
        with safe_open(path, framework="numpy") as file:
            yield file
    except (SafetensorError, OSError) as error:
        raise InputError(
            f"expected a safetensors checkpoint, found {path.name}, which cannot be read ({error}); get it again."
        ) from error


def _texts_of(file: Any, path: Path) -> dict[str, str]:
    texts: dict[str, str] = file.metadata() or {}
    if texts.get("format") != FORMAT:
        raise InputError(
            f"expected a checkpoint of the format {FORMAT}, found {texts.get('format', 'another')} in {path.name}; "
            "give one that `stimg-train` wrote."
        )
    return texts


def checksum(tensors: Mapping[str, NDArray[Any]], texts: Mapping[str, str]) -> str:
    """Return the hexadecimal sha256 of tensors (name, shape, bytes) and texts."""
    digest = hashlib.sha256()
    for name in sorted(tensors):
        digest.update(f"{name}{tuple(tensors[name].shape)}".encode())
        digest.update(np.ascontiguousarray(tensors[name]).tobytes())
    for key in sorted(texts):
        digest.update(f"{key}{texts[key]}".encode())
    return digest.hexdigest()
