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


def gpu_memory(device: str) -> tuple[int, int] | None:
    """Return the bytes that this process holds on a CUDA device, and those that it has in all; None for others.

    Parameters
    ----------
    device : str
        ``cpu``, ``cuda``, ``cuda:1``, ``mps``.
    """
    if torch.device(device).type != "cuda":
        return None
    return torch.cuda.memory_reserved(device), torch.cuda.get_device_properties(device).total_memory


def _devices() -> list[str]:
    devices = ["cpu"]
    if torch.cuda.is_available():
        devices += ["cuda", *(f"cuda:{number}" for number in range(torch.cuda.device_count()))]
    if torch.backends.mps.is_available():
        devices.append("mps")
    return devices
