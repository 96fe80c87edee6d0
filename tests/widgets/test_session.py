"""What is known of an open section: mask with undo and redo, results, what is unsaved."""

from pathlib import Path

import numpy as np
import pytest

from napari_stimg._widgets.session import Domains
from napari_stimg.inference import Reconstruction


@pytest.fixture
def hidden(session):
    return np.arange(session.slide.n_spots) < 7


def reconstruction_of(spots, columns=(3, 1)):
    expected = np.arange(len(spots) * len(columns), dtype=np.float32).reshape(len(spots), -1)
    return Reconstruction(
        spots=np.asarray(spots), columns=np.array(columns), expected=expected, sd=expected / 10, elapsed_s=0.1
    )


def test_a_section_opens_with_everything_visible_and_nothing_to_save(session):
    assert not session.hidden.any()
    assert session.unsaved == set()
    assert session.planes.expression(0).shape == (session.slide.n_spots,)


def test_the_mask_goes_back_and_forward_again_and_is_unsaved_again(session, hidden):
    session.hide(hidden)
    session.hide(~hidden)
    session.unsaved.clear()
    session.undo_mask()
    np.testing.assert_array_equal(session.hidden, hidden)
    assert session.unsaved == {"mask"}
    session.unsaved.clear()
    session.redo_mask()
    np.testing.assert_array_equal(session.hidden, ~hidden)
    assert session.unsaved == {"mask"}


def test_undo_and_redo_without_history_change_nothing(session):
    session.undo_mask()
    session.redo_mask()
    assert session.unsaved == set()


def test_the_model_saw_nothing_of_a_hidden_spot(session):
    session.reconstruction = reconstruction_of([2, 5])
    seen = session.seen(3)
    assert np.flatnonzero(np.isnan(seen)).tolist() == [2, 5]
    np.testing.assert_array_equal(session.expected(3), [0, 2])
    np.testing.assert_allclose(session.uncertainty(1), [0.1, 0.3], rtol=1e-6)


def test_a_gene_that_was_not_reconstructed_has_no_reconstruction(session):
    assert session.expected(3) is None
    session.reconstruction = reconstruction_of([2, 5])
    assert session.expected(0) is None
    assert session.uncertainty(0) is None


def test_a_reconstruction_of_another_mask_is_not_written(session, hidden):
    session.hide(hidden)
    session.reconstruction = reconstruction_of(np.flatnonzero(hidden))
    session.how = {"reconstruction": {"checkpoint": "abc"}, "domains": {"method": "gmm"}}
    assert session.results().reconstruction is session.reconstruction
    session.hide(~hidden)
    results = session.results()
    assert results.reconstruction is None
    np.testing.assert_array_equal(results.mask, ~hidden)
    assert set(results.provenance) == {"version", "domains"}


def test_results_hold_domains_with_their_names_colours_and_probabilities(session):
    labels = np.zeros(session.slide.n_spots, dtype=np.intp)
    probabilities = np.ones((session.slide.n_spots, 1), dtype=np.float32)
    session.domains = Domains(labels=labels, names=("all",), colors=("#112233",), probabilities=probabilities)
    results = session.results()
    assert results.mask is None
    assert (results.domain_names, results.domain_colors) == (("all",), ("#112233",))
    assert results.domain_probabilities is probabilities


def test_domains_are_counted_without_the_spots_that_have_none():
    domains = Domains(labels=np.array([0, 2, 2, -1]), names=("a", "b", "c"), colors=("#000000",) * 3)
    assert domains.sizes.tolist() == [1, 0, 2]
    assert "without labels" in domains.summary


def test_what_changes_while_a_file_is_written_stays_unsaved(session):
    calls = []
    session.on_saved = lambda: calls.append(1)
    session.unsaved = {"mask", "domains"}
    session.note_saved(Path("a.h5ad"), {"mask"})
    assert session.unsaved == {"domains"}
    session.note_saved(Path("b.h5ad"))
    assert session.unsaved == set()
    assert session.saved_to == Path("b.h5ad")
    assert calls == [1, 1]
