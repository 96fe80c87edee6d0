"""Seconds and memory of a piece of work."""

import ctypes
import gc
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Self

STATM = Path("/proc/self/statm")
"""Linux: pages of the process, the second number those that are resident (proc(5))."""

PAGE_BYTES = 4096
"""Of the platforms that have ``STATM`` and that we know of; ``resource.getpagesize`` does not exist everywhere."""

STEP_S = 0.01
"""Seconds between two looks."""


class Usage:
    """Measures seconds and the highest resident memory of the whole process while its block runs.

    The memory is that of the process, with libraries, model and sections, looked up every hundredth of a second by a
    thread: a shorter peak is missed, and memory on a GPU does not count. NaN where the system has no ``STATM``. What
    was freed before is given back to the system first, so that it is not counted again.
    """

    seconds: float = 0.0
    peak_mb: float = float("nan")

    def __enter__(self) -> Self:
        """Begin."""
        _give_back()
        self._started_at = time.perf_counter()
        self._finished = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self.peak_mb = _resident_mb()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """End."""
        self.seconds = time.perf_counter() - self._started_at
        self._finished.set()
        self._thread.join()
        self.peak_mb = max(self.peak_mb, _resident_mb())

    def _watch(self) -> None:
        while not self._finished.wait(STEP_S):
            self.peak_mb = max(self.peak_mb, _resident_mb())


def _give_back() -> None:
    """Give freed memory back to the system, where the C library can (glibc's malloc_trim)."""
    gc.collect()
    if STATM.exists():
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if trim is not None:
            trim(0)


def _resident_mb() -> float:
    """Return the process' resident memory in MB, NaN where the system does not say."""
    if not STATM.exists():
        return float("nan")
    return int(STATM.read_text().split()[1]) * PAGE_BYTES / 1e6
