"""The most memory that this process has held."""

import resource
import sys
from pathlib import Path

STATUS = Path("/proc/self/status")
"""Linux: among much else, the high water mark of this program's memory (``VmHWM``, proc(5))."""


def peak_mb(status: Path = STATUS) -> float:
    """Return the most memory that this process has held, in MB of 2**20 bytes.

    Where Linux tells it, only the program that runs now is counted: what ``getrusage`` says begins with the peak of the
    process that started it.

    Parameters
    ----------
    status : Path
        Where Linux tells it.
    """
    if status.exists():
        peak_kb = next(line.split()[1] for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
        return int(peak_kb) / 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # bytes on macOS, else kibibytes (getrusage(2))
    return peak / (2**20 if sys.platform == "darwin" else 1024)
