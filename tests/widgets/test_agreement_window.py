"""The window that compares domains with labels of the file."""

import numpy as np
import pytest
from napari.utils.notifications import notification_manager

from napari_stimg._widgets.session import Domains
from napari_stimg.labels import label_columns, labels_of


@pytest.fixture
def compared(panel):
    """Return the panel with the file's own layers as domains, each number one higher, and the window open."""
    session = panel.workspace.session
    layers = labels_of(session.slide, "layer")
    n_layers = len(layers.names)
    domains = Domains(
        labels=(layers.codes + 1) % n_layers,
        names=tuple(f"Domain {number}" for number in range(n_layers)),
        colors=("#ff0000",) * n_layers,
    )
    assert not panel.domains_view.agreement.isEnabled()
    panel.domains.put(session, domains)
    panel.domains_view.agreement.click()
    return panel


def test_the_same_division_agrees_fully(compared):
    window = compared.agreement.window
    assert window.isVisible()
    offered = [window.columns.itemText(place) for place in range(window.columns.count())]
    assert offered == [labels.key for labels in label_columns(compared.workspace.session.slide)]
    window.columns.setCurrentText("layer")
    assert window.scores_text.startswith("ARI 1.00 · NMI 1.00")
    shares = np.asarray(window.figure.axes.images[0].get_array())
    np.testing.assert_array_equal(shares, np.eye(len(shares)))


def test_the_window_follows_the_domains(compared):
    session, window = compared.workspace.session, compared.agreement.window
    compared.domains_view.legend.selectAll()
    compared.domains_view.edits.merge.click()
    assert len(session.domains.names) == 1
    assert window.isVisible()
    assert window.scores_text.startswith("ARI 0.00 · NMI 0.00")


def test_the_figure_is_saved(compared, tmp_path):
    compared.agreement.window.figure.save(tmp_path / "agreement.png")
    assert (tmp_path / "agreement.png").stat().st_size > 1000


def test_spots_without_domains_are_told(compared):
    session = compared.workspace.session
    nowhere = Domains(labels=np.full(session.slide.n_spots, -1), names=("a",), colors=("#ff0000",))
    compared.domains.put(session, nowhere)
    assert "both a label and a domain" in compared.agreement.window.scores_text


def test_a_section_without_labels_is_told(panel):
    session = panel.workspace.session
    session.labels = []
    panel.domains.put(session, Domains(labels=np.zeros(session.slide.n_spots, int), names=("a",), colors=("#ff0000",)))
    panel.domains_view.agreement.click()
    assert panel.agreement.window is None
    assert "no column of labels" in notification_manager.records[-1].message
