"""Runs the core's generators off the GUI thread, one newest request at a time.

A core generator yields `Progress` and returns its result. A `TaskRunner` drives one in Qt's thread pool, reports its
progress and its end as signals of the GUI thread, and cancels it by closing it between two steps. A newer request
cancels the older one, whose result, progress and errors are then dropped.
"""

import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from typing import Any

from napari.utils.notifications import ErrorNotification, notification_manager, show_error
from qtpy.QtCore import QObject, QThreadPool, QTimer, Signal, Slot
from superqt.utils import FunctionWorker, create_worker

from napari_stimg.errors import InputError
from napari_stimg.progress import Progress

Steps = Generator[Progress, None, Any]
"""What every long function of the core is: a generator of progress that returns a result."""


LEAST_THREADS = 8
"""Tasks that may be under way at once, however few cores there are: a new one never waits for those being cancelled."""


def show_failure(error: Exception) -> None:
    """Show an error as one notification: the sentence of an `InputError`, else the error with its traceback."""
    if isinstance(error, InputError):
        show_error(str(error))
    else:
        notification_manager.dispatch(ErrorNotification(error))


class TaskRunner(QObject):
    """Runs one task at a time off the GUI thread.

    Signals
    -------
    started : str
        A task began; its title.
    progressed : Progress
        The task that runs made a step.
    failed : Exception
        The task that ran raised this. It has been shown as a notification.
    ended
        The task is over: done, failed or cancelled.
    """

    started = Signal(str)
    progressed = Signal(object)
    failed = Signal(object)
    ended = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        pool = QThreadPool.globalInstance()
        pool.setMaxThreadCount(max(LEAST_THREADS, pool.maxThreadCount()))
        self._current: _Task | None = None
        self._unfinished: set[_Task] = set()
        self._last_finished: _Task | None = None

    @property
    def is_busy(self) -> bool:
        """Whether a task runs whose result is still wanted."""
        return self._current is not None

    def start(self, title: str, make_steps: Callable[[], Steps], on_result: Callable[[Any], None]) -> None:
        """Run a generator off the GUI thread, after cancelling the task that runs.

        Parameters
        ----------
        title : str
            What the task does, for the progress bar.
        make_steps : callable
            Makes the generator. It is called in the worker's thread, so it may import and load what it needs.
        on_result : callable
            Takes what the generator returns, in the GUI thread. Not called if the task fails or is cancelled.
        """
        self.cancel()
        task = _Task(make_steps, on_result, self)
        self._current = task
        self._unfinished.add(task)
        self.started.emit(title)
        task.start()

    def cancel(self) -> None:
        """Stop the task that runs, if any: nothing more is heard of it."""
        task, self._current = self._current, None
        if task is not None:
            task.cancel()
            self.ended.emit()

    def _on_progressed(self, task: "_Task", progress: Progress) -> None:
        if task is self._current:
            self.progressed.emit(progress)

    def _on_returned(self, task: "_Task", result: Any) -> None:
        if task is not self._current:
            return
        self._current = None
        self.ended.emit()
        try:
            task.on_result(result)
        except InputError as error:
            show_failure(error)
            self.failed.emit(error)

    def _on_errored(self, task: "_Task", error: Exception) -> None:
        if task is not self._current:
            return
        self._current = None
        self.ended.emit()
        show_failure(error)
        self.failed.emit(error)

    def _on_finished(self, task: "_Task") -> None:
        self._unfinished.discard(task)
        # Its thread may still be on its way out, and must not be the one that frees Qt objects of this thread.
        self._last_finished = task
        task.deleteLater()


class Turns(QObject):
    """Does one step of some work in each turn of the event loop, for work that the GUI thread itself has to do."""

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._steps: Iterator[object] = iter(())
        self._timer = QTimer(self)
        self._timer.setInterval(0)
        self._timer.timeout.connect(self._on_turn)

    @property
    def is_busy(self) -> bool:
        """Whether there is something left to do."""
        return self._timer.isActive()

    def start(self, steps: Iterator[object]) -> None:
        """Do these steps; what is left of older ones is dropped."""
        self._steps = steps
        self._timer.start()

    def cancel(self) -> None:
        """Drop what is left."""
        self._timer.stop()

    def _on_turn(self) -> None:
        try:
            next(self._steps)
        except StopIteration:
            self._timer.stop()


class _Relay(QObject):
    """Carries progress out of the worker's thread; owned by the running call, so it outlives a closed panel."""

    progressed = Signal(object)


class _Task(QObject):
    """One generator on its way through a worker. Its slots run in the GUI thread, and die with the panel."""

    def __init__(self, make_steps: Callable[[], Steps], on_result: Callable[[Any], None], runner: TaskRunner) -> None:
        super().__init__(runner)
        self.on_result = on_result
        self._runner = runner
        self._cancelled = threading.Event()
        relay = _Relay()
        relay.progressed.connect(self._on_progressed)
        self._worker: FunctionWorker[Any] = create_worker(
            _drive, make_steps, self._cancelled, relay, _start_thread=False, _ignore_errors=True
        )
        self._worker.returned.connect(self._on_returned)
        self._worker.errored.connect(self._on_errored)
        self._worker.finished.connect(self._on_finished)
        # A panel that goes away takes its tasks with it: the worker stops at its next step.
        self.destroyed.connect(self._cancelled.set)

    def start(self) -> None:
        self._worker.start()

    def cancel(self) -> None:
        self._cancelled.set()
        self._worker.quit()

    @Slot(object)
    def _on_progressed(self, progress: Progress) -> None:
        self._runner._on_progressed(self, progress)

    @Slot(object)
    def _on_returned(self, result: Any) -> None:
        self._runner._on_returned(self, result)

    @Slot(object)
    def _on_errored(self, error: Exception) -> None:
        self._runner._on_errored(self, error)

    @Slot()
    def _on_finished(self) -> None:
        self._runner._on_finished(self)


def _drive(make_steps: Callable[[], Steps], cancelled: threading.Event, relay: _Relay) -> Any:
    """Step through the generator until it returns or is cancelled; close it here, in the thread that ran it."""
    with closing(make_steps()) as steps:
        while not cancelled.is_set():
            try:
                progress = next(steps)
            except StopIteration as stop:
                return stop.value
            relay.progressed.emit(progress)
    return None
