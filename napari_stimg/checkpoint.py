"""A trained model as one self-contained, checksummed safetensors file."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.numpy import save

import napari_stimg
from napari_stimg.checkpoint_file import FORMAT, CheckpointFile, bundled_path, checksum, read_checkpoint_file
from napari_stimg.errors import InputError
from napari_stimg.model import MAEConfig, MaskedAutoencoder
from napari_stimg.vocabulary import Vocabulary
from napari_stimg.whole_files import written_beside


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


def save_checkpoint(model: MaskedAutoencoder, vocabulary: Vocabulary, card: Mapping[str, Any], target: Path) -> str:
    """Write a checkpoint (tensors as float16) beside its place, rename it there, and return its sha256."""
    tensors, texts = _contents(model, vocabulary, card)
    sha256 = checksum(tensors, texts)
    with written_beside(target) as beside:
        # save_file's file is for its owner alone
        beside.write_bytes(save(tensors, metadata=texts | {"sha256": sha256}))
    return sha256


def identity(model: MaskedAutoencoder, vocabulary: Vocabulary, card: Mapping[str, Any]) -> str:
    """Return the sha256 that a checkpoint would have if it were saved."""
    return checksum(*_contents(model, vocabulary, card))


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
        If the file is missing, is no checkpoint of this project or of a model that this version does not know, or
        does not match its checksum.
    """
    path = bundled_path() if path is None else Path(path)
    file = read_checkpoint_file(path)
    return Checkpoint(
        model=_model_of(file, path).to(device).eval(),
        vocabulary=file.vocabulary,
        card=json.loads(file.texts["card"]),
        sha256=file.sha256,
        path=path,
    )


def _contents(
    model: MaskedAutoencoder, vocabulary: Vocabulary, card: Mapping[str, Any]
) -> tuple[dict[str, NDArray[np.float16]], dict[str, str]]:
    """Return the tensors, as float16, and the texts of a checkpoint's file."""
    tensors = {name: tensor.detach().to("cpu", torch.float16).numpy() for name, tensor in model.state_dict().items()}
    texts = {
        "format": FORMAT,
        "config": json.dumps(asdict(model.config)),
        "symbols": "\n".join(vocabulary.symbols),
        "aliases": json.dumps(vocabulary.aliases, separators=(",", ":")),
        "card": json.dumps(dict(card)),
    }
    return tensors, texts


def _model_of(file: CheckpointFile, path: Path) -> MaskedAutoencoder:
    config = json.loads(file.texts["config"])
    try:
        model = MaskedAutoencoder(MAEConfig(**config | {"scales": tuple(config["scales"])}))
        model.load_state_dict({name: torch.from_numpy(tensor).float() for name, tensor in file.tensors.items()})
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise InputError(
            f"expected a model that napari-stimg {napari_stimg.__version__} can build, found another in {path.name} "
            f"({' '.join(str(error).split())[:200]}); update napari-stimg, or choose another model."
        ) from error
    return model
