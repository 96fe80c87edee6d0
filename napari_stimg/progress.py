"""Long work as generators: they yield progress, return a result, and stop when they are closed."""

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import TypeVar

Result = TypeVar("Result")


@dataclass(frozen=True, kw_only=True)
class Progress:
    """How far a piece of work is.

    Parameters
    ----------
    done, total : int
        Steps done, of how many; ``0 <= done <= total``.
    message : str
        What is being done, for a progress bar.
    """

    done: int
    total: int
    message: str


def run(task: Generator[Progress, None, Result], on_progress: Callable[[Progress], None] | None = None) -> Result:
    """Run a task to its end and return its result.

    Parameters
    ----------
    task : generator
        What yields ``Progress`` and returns the result.
    on_progress : callable, optional
        Called with each ``Progress``.
    """
    while True:
        try:
            progress = next(task)
        except StopIteration as finished:
            result: Result = finished.value
            return result
        if on_progress is not None:
            on_progress(progress)
