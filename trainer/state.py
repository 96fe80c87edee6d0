"""The state of a run on disk: written beside its place and renamed, so that a kill at any moment leaves a whole one."""

import os
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from lightning.fabric import Fabric

from napari_stimg.errors import InputError

State = dict[str, Any]
"""``objective``, ``average``, ``optimiser`` with their weights; ``step``; ``best``: the least validation loss."""

UNREADABLE = (UnpicklingError, EOFError, KeyError, RuntimeError, ValueError, OSError, TypeError, AttributeError)
"""What torch raises on damaged files, and on files that hold something else."""


def save_state(fabric: Fabric, path: Path, state: State) -> None:
    """Write a state, on all processes together."""
    beside = path.with_name(path.name + ".part")
    fabric.save(beside, state)
    if fabric.is_global_zero:
        with beside.open("r+b") as file:
            os.fsync(file.fileno())
        os.replace(beside, path)
    fabric.barrier()


def load_state(fabric: Fabric, path: Path, state: State) -> None:
    """Load what was saved into the modules and the optimiser of ``state``, and its plain values into ``state``.

    Raises
    ------
    InputError
        If the file is damaged, or is the state of a model of other sizes.
    """
    try:
        fabric.load(path, state)
    except torch.OutOfMemoryError:  # the file is whole
        raise
    except UNREADABLE as error:
        reason = " ".join(str(error).split())[:200]
        raise InputError(
            f"expected the state of an interrupted run of these sections and sizes, found {path}, which cannot be "
            f"loaded ({reason}); remove it to start anew, or name another run.folder."
        ) from error


def average_weights(path: Path) -> tuple[dict[str, torch.Tensor], int]:
    """Return the averaged weights of the model in a state, by name, and the steps behind it.

    Raises
    ------
    InputError
        If there is no state, or it is damaged.
    """
    if not path.is_file():
        raise InputError(f"expected a run's state at {path}, found none; give the folder of a run that has saved one.")
    try:
        state = torch.load(path, weights_only=True, map_location="cpu")
        weights = {name.removeprefix("model."): tensor for name, tensor in state["average"].items()}
        return weights, int(state["step"])
    except UNREADABLE as error:
        raise InputError(f"expected a run's state, found {path}, which cannot be read; fit again.") from error
