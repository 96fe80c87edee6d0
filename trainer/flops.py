"""How much arithmetic a step is, and how much the device could do: their ratio is the utilisation."""

import time

import torch

from napari_stimg.model import MAEConfig
from trainer.batches import Batch

PEAK_TFLOPS = {"H100": 989.4, "H200": 989.4, "A100": 311.9, "L40S": 362.1, "V100": 125.0}
"""Dense 16-bit matrix products a second of a card by its name, 1e12 (NVIDIA's data sheets, SXM where there are two)."""

PROBE_SIDE = 1024
"""Side of the matrices by whose product another device is measured."""


def model_flops(config: MAEConfig, batch: Batch) -> float:
    """Return the floating point operations of one training step on a batch: forward, and twice that backward.

    Matrix products and attention alone count, padding included, a product of (a, b) and (b, c) as 2abc. What it
    takes to solve for the tokens is left out.
    """
    n_samples, n_groups, n_visible, n_channels = batch.values.shape
    n_asked = batch.targets.shape[2]
    width, n_groups = config.width, n_samples * n_groups
    visible, asked = n_groups * n_visible, n_groups * n_asked
    tokens = 2 * n_samples * n_channels * width**2 + 2 * visible * n_channels * width
    mlp = 4 * config.mlp_ratio * width**2

    def layer(states: int, context: int, pairs: int) -> float:
        return states * (4 * width**2 + mlp) + context * 4 * width**2 + 4 * pairs * width

    encoder = config.n_encoder_layers * layer(visible, visible, visible * n_visible)
    decoder = config.n_decoder_layers * layer(asked, visible, asked * n_visible)
    n_scales = len(config.scales) if config.positions == "relative" else 0
    query = 2 * n_scales * asked * (n_visible * width + width**2)
    read_out = 2 * asked * width * n_channels
    return 3.0 * (tokens + encoder + decoder + query + read_out)


def peak_flops(device: torch.device, precision: str) -> float:
    """Return the matrix-product operations that a device does in a second.

    Of a known card in 16 bits it is what its maker states; of any other device, what it does on a product of square
    matrices right now, the best of five.
    """
    if device.type == "cuda" and precision != "32-true":
        name = torch.cuda.get_device_name(device)
        for card, teraflops in PEAK_TFLOPS.items():
            if card in name:
                return teraflops * 1e12
    dtype = torch.float32 if precision == "32-true" else torch.bfloat16
    square = torch.ones(PROBE_SIDE, PROBE_SIDE, device=device, dtype=dtype)
    fastest_s = min(_product_s(square) for _ in range(5))
    return float(2 * PROBE_SIDE**3 / fastest_s)


def _product_s(square: torch.Tensor) -> float:
    """Return the seconds of one product, its end awaited by reading a value of it."""
    started_at = time.perf_counter()
    float((square @ square)[0, 0])
    return time.perf_counter() - started_at
