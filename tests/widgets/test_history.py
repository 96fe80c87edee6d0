"""Undo and redo of what is drawn."""

import numpy as np
import pytest

from napari_stimg._widgets.history import MAX_STEPS, History, Past


@pytest.fixture
def history():
    return History(np.array([0, 0, 0]))


def test_states_go_back_and_come_again(history):
    for state in ([1, 0, 0], [1, 1, 0]):
        assert history.change(np.array(state))
    assert history.undo()
    assert history.state.tolist() == [1, 0, 0]
    assert history.undo()
    assert not history.undo()
    assert history.state.tolist() == [0, 0, 0]
    assert history.redo()
    assert history.redo()
    assert not history.redo()
    assert history.state.tolist() == [1, 1, 0]


def test_a_change_forgets_what_was_undone(history):
    history.change(np.array([1, 0, 0]))
    history.undo()
    history.change(np.array([0, 0, 1]))
    assert not history.can_redo


def test_the_same_state_again_is_no_step(history):
    assert not history.change(np.array([0, 0, 0]))
    assert not history.can_undo


def test_a_state_does_not_change_with_the_array_it_came_from(history):
    drawn = np.array([1, 0, 0])
    history.change(drawn)
    drawn[:] = 7
    assert history.state.tolist() == [1, 0, 0]


def test_only_so_many_steps_are_kept(history):
    for step in range(1, MAX_STEPS + 5):
        history.change(np.array([step, 0, 0]))
    n_steps = 0
    while history.undo():
        n_steps += 1
    assert n_steps == MAX_STEPS


def test_what_was_before_is_had_back_and_what_was_undone_comes_again():
    past = Past(max_steps=2)
    for before in ("a", "b", "c"):
        past.note(before)
    assert past.undo("d") == "c"
    assert past.undo("c") == "b"
    assert not past.can_undo  # of "a" it knows no more
    assert past.undo("b") == "b"
    assert past.redo("b") == "c"
    past.note("c")
    assert not past.can_redo
    assert past.redo("e") == "e"
