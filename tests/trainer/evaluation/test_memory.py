"""Seconds and memory."""

import numpy as np
import pytest

from trainer.evaluation.memory import STATM, Usage


@pytest.mark.skipif(not STATM.exists(), reason="only Linux says how much memory a process has")
def test_memory_that_was_freed_again_is_in_the_peak() -> None:
    with Usage() as before:
        pass
    with Usage() as usage:
        for _ in range(20):
            np.ones((60, 1_000_000 // 8)).sum()
        values = np.random.default_rng(0).normal(size=(100, 250_000))  # 200 MB
        values.sort(axis=1)
        del values
    assert 150 < usage.peak_mb - before.peak_mb < 400
    assert usage.seconds > 0
