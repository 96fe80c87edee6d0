"""How long the window's event loop is held up: the gaps between beats of a timer."""

from collections.abc import Callable, Iterator
from time import perf_counter, process_time

import numpy as np
from qtpy.QtCore import QEventLoop, Qt, QTimer

BEAT_MS = 5
"""Of the timer; a gap is what lies between two beats beyond that."""

QUIET_BEATS = 10
"""Beats after the last step in which whatever it set off may still be drawn."""


class Gaps:
    """What was measured of one action.

    Parameters
    ----------
    gaps_ms : (N,) float
        Milliseconds between beats, beyond ``BEAT_MS``.
    elapsed_s, cpu_s : float
        From the first step until what was waited for was there; processor time of all threads.
    """

    def __init__(self, gaps_ms: list[float], *, elapsed_s: float, cpu_s: float) -> None:
        self.gaps_ms = np.array(gaps_ms)
        self.elapsed_s, self.cpu_s = elapsed_s, cpu_s

    @property
    def median_ms(self) -> float:
        """The median gap."""
        return float(np.median(self.gaps_ms))

    @property
    def worst_ms(self) -> float:
        """The longest gap."""
        return float(self.gaps_ms.max())


def measure(steps: Iterator[object], done: Callable[[], bool], *, patience_s: float = 900.0) -> Gaps:
    """Do one step in each beat, wait until it is done, and return how long the event loop was held up.

    Parameters
    ----------
    steps : iterator
        What a user does, one movement after another.
    done : callable
        Whether what was asked for is there.
    patience_s : float
        How long to wait for that.

    Raises
    ------
    TimeoutError
        If it takes longer.
    """
    return _Heartbeat(steps, done, patience_s).run()


class _Heartbeat:
    """Beats until the steps are done and everything is quiet."""

    def __init__(self, steps: Iterator[object], done: Callable[[], bool], patience_s: float) -> None:
        self._steps, self._done, self._patience_s = steps, done, patience_s
        self._loop = QEventLoop()
        self._gaps_ms: list[float] = []
        self._quiet = 0
        self._failed: BaseException | None = None

    def run(self) -> Gaps:
        timer = QTimer()
        timer.setTimerType(Qt.TimerType.PreciseTimer)
        timer.setInterval(BEAT_MS)
        timer.timeout.connect(self._on_beat)
        self._started_at = self._beat_at = self._ended_at = perf_counter()
        self._cpu_started_at = self._cpu_ended_at = process_time()
        timer.start()
        self._loop.exec()
        timer.stop()
        if self._failed is not None:
            raise self._failed
        return Gaps(
            self._gaps_ms,
            elapsed_s=self._ended_at - self._started_at,
            cpu_s=self._cpu_ended_at - self._cpu_started_at,
        )

    def _on_beat(self) -> None:
        now = perf_counter()
        self._gaps_ms.append(max(0.0, 1000 * (now - self._beat_at) - BEAT_MS))
        self._beat_at = now  # what a step itself takes is a gap too
        try:
            if self._quiet == 0:
                self._step(now)
            else:
                self._quiet += 1
        except Exception as error:  # raised again where it can be seen
            self._failed = error
        if self._failed is not None or self._quiet > QUIET_BEATS:
            self._loop.quit()

    def _step(self, now: float) -> None:
        if next(self._steps, self) is self and self._done():
            self._quiet = 1
            self._ended_at, self._cpu_ended_at = perf_counter(), process_time()
        elif now - self._started_at > self._patience_s:
            raise TimeoutError(f"expected an end within {self._patience_s:.0f} s, found none; give it more time.")
