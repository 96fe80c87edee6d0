"""How a run does, line by line of its log."""

import time
from collections.abc import Iterator
from typing import Any, cast

import torch
from lightning.fabric import Fabric
from torch import Tensor

from napari_stimg.model import MAEConfig
from trainer.batches import Batch
from trainer.flops import model_flops, peak_flops
from trainer.objective import mean_loss
from trainer.processes import device_name


class Meter:
    """Losses and speed since the last line of the log.

    Parameters
    ----------
    fabric : Fabric
        The run's processes.
    sizes : MAEConfig
        The model's, which tell how much arithmetic a batch is.
    precision : str
        Of its products, as in ``RunConfig``.
    before_s : float
        Seconds that the run took before it was interrupted.
    """

    def __init__(self, fabric: Fabric, sizes: MAEConfig, *, precision: str, before_s: float) -> None:
        self._fabric = fabric
        self._sizes = sizes
        self._peak = peak_flops(fabric.device, precision)
        self._losses: list[Tensor] = []
        self.message = "Training"
        self._began_at = time.monotonic() - before_s
        self.restart()

    def restart(self) -> None:
        """Begin anew: what was logged, validated and saved since does not count."""
        self._losses.clear()
        self._samples = 0
        self._flops = 0.0
        self._waited_s = 0.0
        self._started_at = time.monotonic()

    def wait_for(self, stream: Iterator[Batch]) -> Batch:
        """Return the next batch, noting how long that took."""
        asked_at = time.monotonic()
        batch = next(stream)
        self._waited_s += time.monotonic() - asked_at
        return batch

    def add(self, loss: Tensor, batch: Batch) -> None:
        """Take up a batch that was trained on."""
        self._losses.append(torch.stack([loss.detach().float(), mean_loss(batch)]))
        self._samples += len(batch.values)
        self._flops += model_flops(self._sizes, batch)

    def settle(self, step: int) -> dict[str, Any]:
        """Return the line of the log, over all processes."""
        losses = torch.stack(self._losses).mean(dim=0)
        loss, mean = cast(Tensor, self._fabric.all_reduce(losses, reduce_op="mean")).tolist()
        took_s = max(time.monotonic() - self._started_at, 1e-9)
        entry = {
            "step": step,
            "loss": loss,
            "mean_loss": mean,
            "crops_per_s": round(self._samples * self._fabric.world_size / took_s, 2),
            "utilisation": round(self._flops / took_s / self._peak, 4),
            "loader_share": round(self._waited_s / took_s, 4),
            "elapsed_s": round(time.monotonic() - self._began_at, 1),
            "devices": f"{self._fabric.world_size} x {device_name(self._fabric.device)}",
        }
        self.message = (
            f"Training, loss {loss:.4f} (means {mean:.4f}), {entry['crops_per_s']:.0f} crops/s, "
            f"{100 * entry['utilisation']:.0f} % of peak"
        )
        return entry
