"""Writes files for other programs off the GUI thread, one after the other."""

from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from napari.utils.notifications import show_info
from qtpy.QtCore import QObject

from napari_stimg._widgets.workers import Steps, TaskRunner
from napari_stimg.progress import Progress


class _Order(NamedTuple):
    """A file to write, and what makes the steps that write it."""

    target: Path
    make_steps: Callable[[], Steps]


class FileWriter(QObject):
    """Writes what it is asked to, and says where; a newer file waits for an older one.

    Parameters
    ----------
    runner : TaskRunner
        Runs what writes; cancelling it drops the file that is being written, and goes on with the next.
    """

    def __init__(self, runner: TaskRunner) -> None:
        super().__init__(runner)
        self._runner = runner
        self._waiting: deque[_Order] = deque()
        runner.ended.connect(self._write_next)

    def write(self, target: Path, write: Callable[[Path], object]) -> None:
        """Write a file in one step; see `write_in_steps`."""
        self.write_in_steps(target, lambda: _one_step(target, write))

    def write_in_steps(self, target: Path, make_steps: Callable[[], Steps]) -> None:
        """Write a file.

        Parameters
        ----------
        target : Path
            Where it will be.
        make_steps : callable
            Makes the generator that writes it. What the user changes meanwhile must not reach that.
        """
        self._waiting.append(_Order(target, make_steps))
        self._write_next()

    def stop(self) -> None:
        """Write nothing more."""
        self._waiting.clear()
        self._runner.cancel()

    def _write_next(self) -> None:
        if self._waiting and not self._runner.is_busy:
            target, make_steps = self._waiting.popleft()
            self._runner.start(f"Writing {target.name}", make_steps, lambda _: show_info(f"Exported to {target}."))


def _one_step(target: Path, write: Callable[[Path], object]) -> Steps:
    yield Progress(done=0, total=0, message=f"Writing {target.name}")
    write(target)
