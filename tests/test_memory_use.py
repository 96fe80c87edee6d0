"""What a process takes of memory, measured on itself."""

import numpy as np

from napari_stimg.memory_use import STATM, in_words, memory_use


def test_what_is_allocated_shows():
    before = memory_use()
    block = np.ones(100_000_000, dtype=np.uint8)
    after = memory_use()
    grown = after.resident_bytes - before.resident_bytes
    assert after.is_peak == (not STATM.exists())
    if not after.is_peak:
        assert 0.9 * block.nbytes < grown < 1.5 * block.nbytes


def test_without_the_file_of_linux_the_most_ever_held_is_told(tmp_path):
    most = memory_use(tmp_path / "none")
    assert most.is_peak
    assert 1.02 * most.resident_bytes > memory_use().resident_bytes > 1e7


def test_bytes_are_said_in_the_unit_that_suits_them():
    assert [in_words(n) for n in (0, 979_600_000, 1_240_000_000, 1.5e12)] == ["0 MB", "980 MB", "1.2 GB", "1,500.0 GB"]
