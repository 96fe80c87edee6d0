"""Domains merged, split and renamed in the panel, and all of it taken back."""

import anndata as ad
import numpy as np
import pytest
from qtpy.QtCore import QItemSelectionModel

from napari_stimg import keys
from napari_stimg._widgets.layers import Role
from napari_stimg._widgets.legend_table import NAME
from napari_stimg._widgets.session import Domains


def select(panel, rows):
    legend = panel.domains_view.legend
    legend.clearSelection()
    for row in rows:
        legend.selectionModel().select(
            legend.model().index(row, NAME),
            QItemSelectionModel.SelectionFlag.Select | QItemSelectionModel.SelectionFlag.Rows,
        )


@pytest.fixture
def thirds(panel, slide):
    """Return the panel with its section in three domains by its columns, with probabilities, saved."""
    session = panel.workspace.session
    labels = np.argsort(np.argsort(session.lattice.positions[:, 1], kind="stable"), kind="stable") * 3 // slide.n_spots
    panel.domains.put(
        session,
        Domains(
            labels=labels,
            names=("left", "middle", "right"),
            colors=("#ff0000", "#00ff00", "#0000ff"),
            probabilities=np.eye(3, dtype=np.float32)[labels],
            how={"found": "from scribbles"},
        ),
    )
    session.unsaved.clear()
    return panel


def test_selected_domains_become_one_and_the_others_keep_name_and_colour(thirds):
    session, before = thirds.workspace.session, thirds.workspace.session.domains
    assert not thirds.domains_view.edits.merge.isEnabled()
    select(thirds, [0, 2])
    thirds.domains_view.edits.merge.click()
    domains = session.domains
    assert domains.names == ("left", "middle")
    assert domains.colors == ("#ff0000", "#00ff00")
    np.testing.assert_array_equal(domains.labels == 1, before.labels == 1)
    assert domains.probabilities.shape == (session.slide.n_spots, 2)
    assert session.how["domains"]["edits"] == ["left, right merged as left"]
    assert session.unsaved == {"domains"}
    assert thirds.domains_view.legend.rowCount() == 2
    assert thirds.workspace.pictures.layers.get(Role.DOMAINS).data.max() == 2
    assert "then merged or split" in thirds.domains_view.domains_text


def test_a_domain_becomes_two_and_the_new_one_has_a_name_and_a_colour(thirds, settle, tmp_path):
    session, before = thirds.workspace.session, thirds.workspace.session.domains
    select(thirds, [1])
    assert not thirds.domains_view.edits.merge.isEnabled()
    thirds.domains_view.edits.split.click()
    settle(thirds)
    domains = session.domains
    assert domains.names == ("left", "middle", "right", "middle (2)")
    assert len(set(domains.colors)) == 4
    np.testing.assert_array_equal(np.isin(domains.labels, (1, 3)), before.labels == 1)
    assert (np.bincount(domains.labels)[[1, 3]] > 0).all()
    np.testing.assert_allclose(domains.probabilities.sum(axis=1), 1.0)
    assert "seed 0" in domains.how["edits"][0]
    thirds.saving.save_to(tmp_path / "split.h5ad")
    settle(thirds)
    written = ad.read_h5ad(tmp_path / "split.h5ad")
    assert list(written.obs[keys.DOMAIN].cat.categories) == list(domains.names)
    assert list(written.uns[keys.PROVENANCE]["domains"]["edits"]) == domains.how["edits"]


def test_every_change_is_taken_back_and_comes_again(thirds):
    session, edits = thirds.workspace.session, thirds.domains_view.edits
    states = [session.domains]
    assert not edits.undo.isEnabled()
    thirds.domains_view.legend.item(2, NAME).setText("white matter")
    states.append(session.domains)
    thirds.domains_view.domain_recolored.emit(0, "#abcdef")
    states.append(session.domains)
    select(thirds, [0, 1])
    edits.merge.click()
    states.append(session.domains)
    for state in reversed(states[:-1]):
        edits.undo.click()
        assert session.domains is state
    assert not edits.undo.isEnabled()
    assert thirds.domains_view.legend.item(2, NAME).text() == "right"
    for state in states[1:]:
        edits.redo.click()
        assert session.domains is state
    assert not edits.redo.isEnabled()


def test_domains_that_were_edited_are_had_back_after_others_are_found(thirds, settle):
    select(thirds, [0, 2])
    thirds.domains_view.edits.merge.click()
    edited = thirds.workspace.session.domains
    thirds.domains_view.cluster_requested.emit()
    settle(thirds)
    assert thirds.workspace.session.domains is not edited
    thirds.domains_view.edits.undo.click()
    assert thirds.workspace.session.domains is edited


def test_a_split_of_domains_that_have_gone_is_dropped(thirds, settle):
    select(thirds, [1])
    thirds.domains_view.edits.split.click()
    thirds.domains_view.domain_recolored.emit(0, "#abcdef")
    settle(thirds)
    assert len(thirds.workspace.session.domains.names) == 3
