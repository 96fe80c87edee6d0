"""Where a model runs."""

import torch

from napari_stimg.errors import InputError

AUTOMATIC = "auto"
"""A CUDA device where there is one, else the CPU."""


def device_named(name: str = AUTOMATIC) -> str:
    """Return torch's name of a device that is there.

    Parameters
    ----------
    name : str
        ``auto``, ``cpu``, ``cuda``, ``cuda:1``, ``mps``.

    Raises
    ------
    InputError
        If there is no such device on this machine.
    """
    there = _devices()
    if name == AUTOMATIC:
        return "cuda" if "cuda" in there else "cpu"
    if name not in there:
        raise InputError(f"expected a device of this machine ({', '.join(there)}), found {name}; choose one of these.")
    return name


def _devices() -> list[str]:
    devices = ["cpu"]
    if torch.cuda.is_available():
        devices += ["cuda", *(f"cuda:{number}" for number in range(torch.cuda.device_count()))]
    if torch.backends.mps.is_available():
        devices.append("mps")
    return devices
