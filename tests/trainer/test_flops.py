from typing import get_args

import pytest
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from napari_stimg.model import MAEConfig, MaskedAutoencoder, Positions
from trainer.batches import draw_batch
from trainer.config import CropConfig, MaskConfig, Scheme
from trainer.data import Data
from trainer.flops import model_flops, peak_flops
from trainer.objective import Objective


@pytest.mark.parametrize("scheme", get_args(Scheme))
@pytest.mark.parametrize("positions", get_args(Positions))
def test_the_operations_of_a_step_are_those_that_torch_counts(data: Data, positions: Positions, scheme: Scheme) -> None:
    config = MAEConfig(n_genes=46, width=32, n_heads=4, n_encoder_layers=1, n_decoder_layers=3, positions=positions)
    crops = CropConfig(sides=(9,), tokens=300, channels=31, scheme=scheme)
    batch = draw_batch(data.training, crops, MaskConfig(), seed=0, number=0)
    objective = Objective(MaskedAutoencoder(config))
    # torch counts nothing of the fused attention of CPUs, so attention is taken apart here
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        loss, _ = objective(batch)
        forward = counter.get_total_flops()
        loss.backward()
    assert model_flops(config, batch) == pytest.approx(3 * forward, rel=0.005)
    assert model_flops(config, batch) == pytest.approx(counter.get_total_flops(), rel=0.02)


def test_the_peak_of_a_device_without_a_data_sheet_is_measured() -> None:
    assert 1e8 < peak_flops(torch.device("cpu"), "32-true") < 1e14
