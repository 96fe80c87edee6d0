"""How long the event loop is held up, where that is known."""

from collections.abc import Iterator
from time import perf_counter

import pytest
from pytestqt.qtbot import QtBot

from benchmarks.heartbeat import measure


def busy(seconds: float) -> Iterator[None]:
    """Hold the event loop up once."""
    until = perf_counter() + seconds
    while perf_counter() < until:
        pass
    yield


def test_the_worst_gap_is_as_long_as_the_event_loop_was_held_up(qtbot: QtBot) -> None:
    gaps = measure(busy(0.2), lambda: True)
    assert 190 <= gaps.worst_ms < 1000
    assert gaps.median_ms < 100
    assert gaps.elapsed_s >= 0.2


def test_it_waits_until_what_was_asked_for_is_there(qtbot: QtBot) -> None:
    asked: list[None] = []
    measure(iter(()), lambda: asked.append(None) is None and len(asked) > 20)
    assert len(asked) == 21


def test_what_never_comes_is_not_waited_for_forever(qtbot: QtBot) -> None:
    with pytest.raises(TimeoutError, match=r"expected an end within 0 s"):
        measure(iter(()), lambda: False, patience_s=0.05)


def test_an_error_in_a_step_is_raised(qtbot: QtBot) -> None:
    with pytest.raises(ZeroDivisionError):
        measure((1 // 0 for _ in range(1)), lambda: True)
