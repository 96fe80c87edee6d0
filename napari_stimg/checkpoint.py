"""A trained model as one self-contained, checksummed safetensors file."""

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from napari_stimg.errors import InputError
from napari_stimg.model import MAEConfig, MaskedAutoencoder
from napari_stimg.vocabulary import Vocabulary

BUNDLED = "stimg-mae-1.safetensors"
FORMAT = "stimg-mae-1"


@dataclass(frozen=True, kw_only=True, eq=False)
class Checkpoint:
    """A model ready to use.

    Parameters
    ----------
    model : MaskedAutoencoder
        In evaluation mode, float32.
    vocabulary : Vocabulary
        The genes that it knows.
    card : dict
        How it was trained: sections, steps, seeds, parameters, scores.
    sha256 : str
        Hexadecimal checksum of its tensors and vocabulary.
    path : Path
        The file.
    """

    model: MaskedAutoencoder
    vocabulary: Vocabulary
    card: Mapping[str, Any]
    sha256: str
    path: Path


def bundled_path() -> Path:
    """Return where the checkpoint that comes with napari-stimg lies."""
    return Path(str(files("napari_stimg"))) / "checkpoints" / BUNDLED


def save_checkpoint(model: MaskedAutoencoder, vocabulary: Vocabulary, card: Mapping[str, Any], target: Path) -> str:
    """Write a checkpoint (tensors as float16) beside its place, rename it there, and return its sha256."""
    tensors = {name: tensor.detach().to("cpu", torch.float16).contiguous() for name, tensor in model.state_dict().items()}
    described = {
        "format": FORMAT,
        "config": json.dumps(asdict(model.config)),
        "symbols": "\n".join(vocabulary.symbols),
        "aliases": json.dumps(vocabulary.aliases, separators=(",", ":")),
        "card": json.dumps(dict(card)),
    }
    sha256 = _checksum(tensors, described)
    beside = target.with_name(target.name + ".part")
    save_file(tensors, beside, metadata=described | {"sha256": sha256})
    os.replace(beside, target)
    return sha256


def load_checkpoint(path: Path | None = None, *, device: str = "cpu") -> Checkpoint:
    """Return a checkpoint, verified against its checksum.

    Parameters
    ----------
    path : Path, optional
        A file that ``save_checkpoint`` wrote; None for the bundled one.
    device : str
        Where the model shall run: ``cpu``, ``cuda``, ``mps``.

    Raises
    ------
    InputError
        If the file is missing, is no checkpoint of this project, or does not match its checksum.
    """
    path = bundled_path() if path is None else Path(path)
    if not path.is_file():
        raise InputError(f"expected a checkpoint at {path}, found no file; give the path of a .safetensors file.")
    try:
        with safe_open(path, framework="pt") as file:
            described = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}
    except (SafetensorError, OSError) as error:
        raise InputError(
            f"expected a safetensors checkpoint, found {path.name}, which cannot be read ({error}); get it again."
        ) from error
    if described.get("format") != FORMAT:
        raise InputError(
            f"expected a checkpoint of the format {FORMAT}, found {described.get('format', 'another')} in {path.name}; "
            "give one that `stimg-train` wrote."
        )
    sha256 = _checksum(tensors, {key: value for key, value in described.items() if key != "sha256"})
    if sha256 != described.get("sha256"):
        raise InputError(
            f"expected the checksum {described.get('sha256', 'none')[:12]} of {path.name}, found {sha256[:12]}; "
            "the file is corrupted, get it again."
        )
    config = json.loads(described["config"])
    model = MaskedAutoencoder(MAEConfig(**config | {"scales": tuple(config["scales"])}))
    model.load_state_dict({name: tensor.float() for name, tensor in tensors.items()})
    return Checkpoint(
        model=model.to(device).eval(),
        vocabulary=Vocabulary(
            symbols=tuple(described["symbols"].split("\n")), aliases=json.loads(described["aliases"])
        ),
        card=json.loads(described["card"]),
        sha256=sha256,
        path=path,
    )


def _checksum(tensors: Mapping[str, Tensor], described: Mapping[str, str]) -> str:
    """Return the hexadecimal sha256 of tensors (name, shape, bytes) and texts."""
    digest = hashlib.sha256()
    for name in sorted(tensors):
        digest.update(f"{name}{tuple(tensors[name].shape)}".encode())
        digest.update(tensors[name].numpy().tobytes())
    for key in sorted(described):
        digest.update(f"{key}{described[key]}".encode())
    return digest.hexdigest()
