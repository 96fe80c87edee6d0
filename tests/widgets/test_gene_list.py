"""The genes are listed by variance, by their pattern in space, or by how they mark a domain."""

from dataclasses import replace

import numpy as np
import pytest
from qtpy.QtCore import Qt

from napari_stimg._widgets.listings import PATTERN, VARIANCE, ListBy, Listing
from napari_stimg._widgets.session import Domains
from napari_stimg.expression import log_expression
from napari_stimg.markers import find_markers
from napari_stimg.progress import run
from napari_stimg.spatial_statistics import spatial_patterns


def choose(panel, settle, text):
    by = panel.genes_view.genes.by
    by.setCurrentIndex(by.findText(text))
    by.activated.emit(by.currentIndex())
    settle(panel)


def titles(panel):
    columns = panel.genes_view.table.columns
    return [columns.headerData(place, Qt.Orientation.Horizontal) for place in range(columns.columnCount())]


@pytest.fixture
def halved(panel):
    """Return the panel with two domains."""
    session = panel.workspace.session
    left = session.lattice.positions[:, 1] < np.median(session.lattice.positions[:, 1])
    session.domains = Domains(labels=left.astype(np.intp), names=("right", "left"), colors=("#ff0000", "#0000ff"))
    panel.workspace.domains_changed.emit()
    return panel


def test_the_gene_with_the_clearest_pattern_comes_first(panel, settle):
    choose(panel, settle, "Spatial pattern (Moran's I)")
    session = panel.workspace.session
    known = run(spatial_patterns(session.slide.counts, session.lattice))
    assert panel.genes_view.table.columns.order[0] == np.nanargmax(known)
    assert "Moran's I" in titles(panel)
    np.testing.assert_array_equal(session.listings.pattern, known)
    choose(panel, settle, "Variance")
    variance = log_expression(session.slide.counts).toarray().var(axis=0)
    assert panel.genes_view.table.columns.order[0] == np.argmax(variance)
    assert "Moran's I" not in titles(panel)


def test_the_search_and_the_chosen_gene_stay_when_the_list_changes(panel, settle):
    panel.genes.show_gene(9)
    name = str(panel.workspace.session.slide.gene_names[9])
    panel.genes_view.search.setText(name)
    choose(panel, settle, "Spatial pattern (Moran's I)")
    assert panel.genes_view.search.text() == name
    table = panel.genes_view.table
    assert [table.columns.order[index.row()] for index in table.selectionModel().selectedRows()] == [9]


def test_a_pattern_is_computed_once(panel, settle):
    choose(panel, settle, "Spatial pattern (Moran's I)")
    found = panel.workspace.session.listings.pattern
    choose(panel, settle, "Variance")
    panel.gene_list.list_by(PATTERN)
    assert not panel.is_busy
    assert panel.workspace.session.listings.pattern is found
    assert "Moran's I" in titles(panel)


def test_a_search_for_patterns_that_is_cancelled_leaves_the_list_as_it_was(panel):
    panel.gene_list.list_by(PATTERN)
    assert panel.genes_view.genes.by.currentText() == "Spatial pattern (Moran's I)"
    panel.runners["pattern"].cancel()
    assert panel.genes_view.genes.by.currentText() == "Variance"
    assert panel.workspace.session.listings.chosen == VARIANCE


def test_each_section_is_listed_by_what_was_chosen_for_it(panel, settle):
    choose(panel, settle, "Spatial pattern (Moran's I)")
    panel.sections.open_sample()
    settle(panel)
    assert panel.genes_view.genes.by.currentText() == "Variance"
    panel.workspace.choose(0)
    assert panel.genes_view.genes.by.currentText() == "Spatial pattern (Moran's I)"
    assert "Moran's I" in titles(panel)


def test_the_markers_of_a_domain_come_first(halved, settle):
    choose(halved, settle, "Markers of left")
    session = halved.workspace.session
    known = run(find_markers(session.slide.counts, session.domains.labels))
    assert halved.genes_view.table.columns.order[0] == np.argmax(known.z[1])
    assert titles(halved)[-2:] == ["z", "log2 fold"]
    halved.gene_list.list_by(Listing(ListBy.MARKERS, 0))
    assert not halved.is_busy
    assert halved.genes_view.table.columns.order[0] == np.argmax(known.z[0])


def test_domains_with_other_names_keep_the_list_and_others_are_listed_anew(halved, settle):
    choose(halved, settle, "Markers of left")
    session = halved.workspace.session
    session.domains = replace(session.domains, names=("east", "west"))
    halved.workspace.domains_changed.emit()
    assert halved.genes_view.genes.by.currentText() == "Markers of west"
    session.domains = replace(session.domains, labels=1 - session.domains.labels)
    halved.workspace.domains_changed.emit()
    assert halved.genes_view.genes.by.currentText() == "Variance"
    assert titles(halved)[-1] == "Variance"


def test_the_window_of_markers_and_the_list_share_what_was_compared(halved, settle):
    choose(halved, settle, "Markers of left")
    halved.markers.find()
    assert not halved.is_busy
    assert halved.markers.window.isVisible()
    halved.markers.close()


def test_one_domain_has_no_markers_and_the_list_stays(halved, settle):
    session = halved.workspace.session
    session.domains = replace(session.domains, labels=np.zeros_like(session.domains.labels))
    halved.workspace.domains_changed.emit()
    choose(halved, settle, "Markers of right")
    assert halved.genes_view.genes.by.currentText() == "Variance"
