"""How much memory this process takes, as far as the platform tells it cheaply."""

import sys
from dataclasses import dataclass
from pathlib import Path

STATM = Path("/proc/self/statm")
"""Linux: pages of the process, the second number those that are resident (proc(5))."""


@dataclass(frozen=True, kw_only=True)
class MemoryUse:
    """Memory of this process.

    Parameters
    ----------
    resident_bytes : int
        What it holds in RAM, libraries included.
    is_peak : bool
        Whether that is the most it ever held, not what it holds now.
    """

    resident_bytes: int
    is_peak: bool


def memory_use(statm: Path = STATM) -> MemoryUse | None:
    """Return what this process takes now, or at most took where only that is known; None where neither is.

    Parameters
    ----------
    statm : Path
        Where Linux tells it.
    """
    try:
        import resource
    except ImportError:  # Windows
        return None
    if statm.exists():
        n_pages = int(statm.read_text().split()[1])
        return MemoryUse(resident_bytes=n_pages * resource.getpagesize(), is_peak=False)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # bytes on macOS, else kibibytes (getrusage(2))
    return MemoryUse(resident_bytes=peak if sys.platform == "darwin" else peak * 1024, is_peak=True)


def in_words(n_bytes: float) -> str:
    """Return a number of bytes as people read it: ``980 MB``, ``1.2 GB``."""
    return f"{n_bytes / 1e6:,.0f} MB" if n_bytes < 1e9 else f"{n_bytes / 1e9:,.1f} GB"
