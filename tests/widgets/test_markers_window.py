"""The window of marker genes, asked for from the panel."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from qtpy.QtWidgets import QFileDialog

from napari_stimg._widgets.dock import StimgWidget
from napari_stimg._widgets.session import Domains
from napari_stimg.errors import InputError


@pytest.fixture
def panel(qtbot, viewer, section_path, settle):
    """Return a panel with the small section open, halved into two domains."""
    made = StimgWidget(viewer)
    qtbot.addWidget(made)
    made.sections.open_path(section_path)
    settle(made)
    session = made.workspace.session
    left = session.lattice.positions[:, 1] < np.median(session.lattice.positions[:, 1])
    session.domains = Domains(labels=left.astype(np.intp), names=("right", "left"), colors=("#ff0000", "#0000ff"))
    made.workspace.domains_changed.emit()
    made.domains_view.show_domains(("right", "left"), ("#ff0000", "#0000ff"), (1, 1), "")
    made.domains_view.markers.click()
    settle(made)
    return made


def test_a_domain_chosen_in_the_window_is_listed_best_marker_first(panel):
    window, domains = panel.markers.window, panel.workspace.session.domains
    assert window.isVisible()
    assert [window.domains.itemText(place) for place in range(2)] == list(domains.names)
    window.domains.setCurrentIndex(1)
    listed = window.listed[window.listed["domain"] == "left"]
    first = int(window.table.columns.order[0])
    assert str(panel.workspace.session.slide.gene_names[first]) == listed["gene"].iloc[0]
    assert len(window.figure.axes.get_yticks()) == 2


def test_a_gene_chosen_in_the_window_is_shown(panel):
    panel.markers.window.table.choose_first()
    assert panel.workspace.session.display.column == panel.markers.window.table.columns.order[0]


def test_the_table_is_saved_with_all_domains(panel, tmp_path):
    panel.markers.window.save(tmp_path / "markers.csv")
    saved = pd.read_csv(tmp_path / "markers.csv", keep_default_na=False)
    assert len(saved) == 2 * panel.workspace.session.slide.n_genes
    assert set(saved["domain"]) == {"left", "right"}


def test_a_table_that_cannot_be_written_says_so(panel, tmp_path):
    with pytest.raises(InputError, match="choose another place"):
        panel.markers.window.save(tmp_path / "nowhere" / "markers.csv")


def test_other_domains_close_the_window(panel):
    session = panel.workspace.session
    session.domains = replace(session.domains, names=("a", "b"))
    panel.workspace.domains_changed.emit()
    assert not panel.markers.window.isVisible()


def test_without_domains_there_is_nothing_to_compare(panel):
    panel.domains_view.clear_domains()
    assert not panel.domains_view.markers.isEnabled()


@pytest.mark.parametrize(
    ("button", "kind", "written"), [("table", "", "mine.csv"), ("figure", "SVG (*.svg)", "mine.svg")]
)
def test_a_name_without_an_ending_gets_that_of_the_kind(panel, settle, tmp_path, monkeypatch, button, kind, written):
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(tmp_path / "mine"), kind))
    window = panel.markers.window
    {"table": window.save_button, "figure": window.figure.save_button}[button].click()
    settle(panel)
    assert (tmp_path / written).stat().st_size > 0
