"""The peak of a process's memory, where that is known."""

import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.peak_memory import STATUS, peak_mb

CHILD = "from benchmarks.peak_memory import peak_mb; print(peak_mb())"
PARENT = f"import subprocess, sys; held = b'x' * (400 * 2**20); subprocess.run([sys.executable, '-c', {CHILD!r}])"


def test_memory_that_was_given_back_counts() -> None:
    before = peak_mb()
    held = b"x" * (int(before + 100) * 2**20)
    del held
    assert peak_mb() > before + 50


@pytest.mark.skipif(not STATUS.exists(), reason="only Linux tells the program's own peak")
def test_the_peak_of_the_process_that_started_this_one_does_not() -> None:
    said = subprocess.run([sys.executable, "-c", PARENT], capture_output=True, text=True, check=True)
    assert 0 < float(said.stdout) < 200


def test_elsewhere_the_system_says_what_it_knows(tmp_path: Path) -> None:
    assert peak_mb(tmp_path / "none") > 10
