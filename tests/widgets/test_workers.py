"""Tasks run off the GUI thread; the newest wins; errors are shown once; closing during work is safe."""

import itertools
import threading

import pytest
from napari.utils.notifications import notification_manager
from qtpy.QtWidgets import QWidget

from napari_stimg._widgets.workers import TaskRunner, Turns
from napari_stimg.errors import InputError
from napari_stimg.progress import Progress


@pytest.fixture
def panel(qtbot):
    widget = QWidget()
    qtbot.addWidget(widget)
    return widget


@pytest.fixture
def runner(panel):
    return TaskRunner(panel)


class Gate:
    """A generator that stops after its first step until it is let through, and remembers how it ended."""

    def __init__(self, result):
        self.result = result
        self.open = threading.Event()
        self.closed = threading.Event()
        self.thread = None

    def steps(self):
        self.thread = threading.current_thread()
        try:
            yield Progress(done=0, total=2, message="waiting")
            assert self.open.wait(timeout=10)
            yield Progress(done=1, total=2, message="let through")
            return self.result
        finally:
            self.closed.set()


def count(n):
    for done in range(n):
        yield Progress(done=done, total=n, message="counting")
    return n


def broken(error):
    yield Progress(done=0, total=1, message="about to fail")
    raise error


def test_a_task_runs_in_another_thread_and_its_result_arrives_in_this_one(qtbot, runner):
    gate, arrived = Gate(5), []
    gate.open.set()
    with qtbot.waitSignal(runner.ended):
        runner.start("Five", gate.steps, lambda result: arrived.append((result, threading.current_thread())))
    qtbot.waitUntil(lambda: bool(arrived))
    assert arrived == [(5, threading.main_thread())]
    assert gate.thread is not threading.main_thread()


def test_every_step_is_reported_in_order(qtbot, runner):
    seen = []
    runner.progressed.connect(lambda progress: seen.append(progress.done))
    with qtbot.waitSignal(runner.ended):
        runner.start("Count", lambda: count(7), lambda result: None)
    assert seen == list(range(7))


def test_a_newer_task_cancels_the_older_whose_result_is_dropped(qtbot, runner):
    old, arrived = Gate("old"), []
    with qtbot.waitSignal(runner.progressed):
        runner.start("Old", old.steps, arrived.append)
    runner.start("New", lambda: count(2), arrived.append)
    old.open.set()
    qtbot.waitUntil(lambda: bool(arrived) and old.closed.is_set())
    assert arrived == [2]
    assert not runner.is_busy


def test_cancelling_closes_the_generator_and_says_nothing_more(qtbot, runner):
    gate, arrived, said = Gate("late"), [], []
    with qtbot.waitSignal(runner.progressed):
        runner.start("Late", gate.steps, arrived.append)
    with qtbot.waitSignal(runner.ended):
        runner.cancel()
    runner.progressed.connect(said.append)
    gate.open.set()
    qtbot.waitUntil(gate.closed.is_set)
    qtbot.waitUntil(lambda: not runner._unfinished)
    assert arrived == []
    assert said == []


@pytest.mark.parametrize("error", [InputError("expected a mask, found none; draw one."), KeyError("of ours")])
def test_an_error_is_shown_once_and_the_next_task_runs(qtbot, runner, error):
    shown, arrived = len(notification_manager.records), []
    with qtbot.waitSignal(runner.failed) as failed:
        runner.start("Broken", lambda: broken(error), arrived.append)
    assert failed.args == [error]
    assert len(notification_manager.records) == shown + 1
    assert str(error) in notification_manager.records[-1].message
    with qtbot.waitSignal(runner.ended):
        runner.start("Whole", lambda: count(1), arrived.append)
    qtbot.waitUntil(lambda: arrived == [1])


def test_an_error_of_a_cancelled_task_is_not_shown(qtbot, runner):
    held, shown = threading.Event(), len(notification_manager.records)

    def steps():
        yield Progress(done=0, total=1, message="waiting")
        assert held.wait(timeout=10)
        raise InputError("too late")

    with qtbot.waitSignal(runner.progressed):
        runner.start("Doomed", steps, lambda result: None)
    runner.cancel()
    held.set()
    qtbot.waitUntil(lambda: not runner._unfinished)
    assert len(notification_manager.records) == shown


def test_a_result_that_cannot_be_shown_is_reported_as_an_error(qtbot, runner):
    def refuse(result):
        raise InputError(f"expected 3, found {result}; count again.")

    with qtbot.waitSignal(runner.failed):
        runner.start("Count", lambda: count(2), refuse)
    assert "expected 3, found 2" in notification_manager.records[-1].message


def test_closing_the_panel_during_work_stops_the_work(qtbot):
    parent = QWidget()
    gate, arrived = Gate("nobody wants this"), []
    runner = TaskRunner(parent)
    with qtbot.waitSignal(runner.progressed):
        runner.start("Orphan", gate.steps, arrived.append)
    with qtbot.waitSignal(parent.destroyed):
        parent.deleteLater()
    gate.open.set()
    qtbot.waitUntil(gate.closed.is_set)
    assert arrived == []


def test_turns_do_a_step_at_a_time_and_newer_work_replaces_older(qtbot, panel):
    done, turns = [], Turns(panel)
    turns.start(done.append("old") for _ in itertools.count())
    qtbot.waitUntil(lambda: len(done) > 2)
    turns.start(done.append("new") for _ in range(2))
    qtbot.waitUntil(lambda: not turns.is_busy)
    assert done[-3:] == ["old", "new", "new"]


def test_turns_that_are_cancelled_stop(qtbot, panel):
    done, turns = [], Turns(panel)
    turns.start(done.append(step) for step in range(3))
    turns.cancel()
    assert not turns.is_busy
    assert done == []
