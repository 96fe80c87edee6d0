"""One ratio, and the machine that it was measured on."""

import os
import platform
from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter

import numpy as np
import torch


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line of the table.

    Parameters
    ----------
    what : str
        What is measured, with its unit.
    ours, other : float
        By the project, and by what it is held against.
    against : str
        What that is.
    ratio : float
        What the goal is about.
    goal : str
        In words; empty if there is none.
    """

    what: str
    ours: float
    other: float
    against: str
    ratio: float
    goal: str = ""


def median_s(work: Callable[[], object], *, seconds: float = 3.0, least: int = 5) -> float:
    """Return the median seconds that some work takes, after one call that is not timed.

    Parameters
    ----------
    work : callable
        What is timed.
    seconds : float
        How long to repeat it.
    least : int
        Repeats at least.
    """
    work()
    taken: list[float] = []
    while len(taken) < least or sum(taken) < seconds:
        started_at = perf_counter()
        work()
        taken.append(perf_counter() - started_at)
    return float(np.median(taken))


def machine() -> str:
    """Return what the figures depend on."""
    gpu = f", {torch.cuda.get_device_name()}" if torch.cuda.is_available() else ", no GPU"
    return (
        f"{_processor()}, {os.cpu_count()} cores, {torch.get_num_threads()} torch threads{gpu}; "
        f"Python {platform.python_version()}, torch {torch.__version__}, numpy {np.__version__}"
    )


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            return next(line.split(":")[1].strip() for line in file if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()
