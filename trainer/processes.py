"""The processes of a run, one a device: here, under ``torchrun``, or on several machines."""

import os

import torch
from lightning.fabric import Fabric
from lightning.fabric.strategies.ddp import DDPStrategy

from napari_stimg.errors import InputError
from trainer.config import RunConfig


def launch(config: RunConfig) -> Fabric:
    """Return the processes of a run, started.

    Raises
    ------
    InputError
        If this machine lacks the accelerator, or as many devices.
    """
    devices, nodes = process_counts(config)
    accelerator = _accelerator(config, devices)
    torch.manual_seed(config.seed)
    if accelerator == "cpu":
        torch.set_num_threads(config.threads)
    fabric = Fabric(
        accelerator=accelerator,
        devices=devices,
        num_nodes=nodes,
        strategy=DDPStrategy(gradient_as_bucket_view=True) if devices * nodes > 1 else "auto",
        precision=config.precision,
    )
    fabric.launch()
    return fabric


def device_name(device: torch.device) -> str:
    """Return what a device is called: a GPU by its model."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type


def is_first() -> bool:
    """Say whether this is the process that talks, before or after its fellows were started."""
    return os.environ.get("RANK", os.environ.get("LOCAL_RANK", "0")) == "0" and os.environ.get("NODE_RANK", "0") == "0"


def stop() -> None:
    """End what the processes share; without it some abort as they exit."""
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()


def process_counts(config: RunConfig) -> tuple[int, int]:
    """Return the number of processes on each machine, and of machines: as ``torchrun`` has it, where that is used."""
    on_each = int(os.environ.get("LOCAL_WORLD_SIZE", "0"))  # only torchrun sets it
    return (on_each, int(os.environ["WORLD_SIZE"]) // on_each) if on_each else (config.devices, config.nodes)


def _accelerator(config: RunConfig, devices: int) -> str:
    there = {
        "cpu": os.cpu_count() or 1,
        "cuda": torch.cuda.device_count(),
        "mps": int(torch.backends.mps.is_available()),
    }
    chosen = config.accelerator
    if chosen == "auto":
        chosen = "cuda" if there["cuda"] else "cpu"
    if not there[chosen]:
        raise InputError(f"run.accelerator: expected one that this machine has, found {chosen}; take auto or cpu.")
    if there[chosen] < devices:
        raise InputError(
            f"run.devices: expected at most the {there[chosen]} of {chosen} on this machine, found {devices}; "
            "change run.devices or run.accelerator."
        )
    return chosen
