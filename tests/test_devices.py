"""Where a model runs."""

import pytest
import torch

from napari_stimg import InputError
from napari_stimg.devices import device_named


def test_the_cpu_is_always_there() -> None:
    assert device_named("cpu") == "cpu"


def test_automatic_is_a_cuda_device_where_there_is_one() -> None:
    assert device_named() == device_named("auto") == ("cuda" if torch.cuda.is_available() else "cpu")


def test_a_device_that_is_not_there_is_refused() -> None:
    with pytest.raises(InputError, match=r"expected a device of this machine \(cpu.*\), found cuda:99; choose one"):
        device_named("cuda:99")
