import pickle

import numpy as np
import pytest

from trainer import sections as sections_module
from trainer.data import Data
from trainer.sections import Sections, cells_of


def test_sections_are_opened_when_they_are_asked_for_and_stay_open(data: Data) -> None:
    training = data.training
    assert len(training) == 3
    assert [part.section.name for part in training] == list(training.names)
    assert training[1] is training[1]
    assert training[-1] is training[2]
    assert training[1:] == [training[1], training[2]]
    with pytest.raises(IndexError):
        training[3]


def test_sizes_are_known_without_opening_anything(data: Data) -> None:
    np.testing.assert_array_equal(data.training.n_cells, [229, 151, 300])
    np.testing.assert_array_equal(cells_of(data.training), [229, 151, 300])
    np.testing.assert_array_equal(cells_of(data.training[1:]), [151, 300])


def test_of_many_sections_those_asked_for_last_stay_open(data: Data, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sections_module, "OPEN_AT_ONCE", 2)
    training: Sections = pickle.loads(pickle.dumps(data.training))
    first, second = training[0], training[1]
    assert training[0] is first
    third = training[2]  # the second was asked for longest ago
    assert training[0] is first
    assert training[2] is third
    assert training[1] is not second
    np.testing.assert_array_equal(training[1].section.counts, second.section.counts)


def test_workers_are_sent_no_arrays_and_map_the_same(data: Data) -> None:
    opened = data.training[0]
    sent = pickle.dumps(data.training)
    assert len(sent) < opened.section.counts.nbytes + 20_000
    again: Sections = pickle.loads(sent)
    assert isinstance(again[0].section.counts, np.memmap)
    np.testing.assert_array_equal(again[0].ids, opened.ids)
    np.testing.assert_array_equal(again[0].columns, opened.columns)
