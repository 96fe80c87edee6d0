"""A number of domains suggested in the panel."""

import numpy as np

from napari_stimg._widgets.session import Embedded


def planted(session, n_domains):
    """Return an embedding of the section with so many kinds of spots."""
    rng = np.random.default_rng(0)
    kind = np.arange(session.slide.n_spots) % n_domains
    values = 4 * np.eye(n_domains, 25)[kind] + 0.3 * rng.standard_normal((kind.size, 25))
    return Embedded(values=values.astype(np.float32), how={})


def test_the_number_suggested_is_set_and_its_criterion_shown(panel, settle, tmp_path):
    panel.workspace.session.embedding = planted(panel.workspace.session, 5)
    panel.domains_view.suggest.click()
    settle(panel)
    assert panel.domains_view.cluster_parameters.n_domains == 5
    window = panel.suggestions.window
    assert window.isVisible()
    assert "at 5" in window.figure.axes.get_title()
    window.figure.save(tmp_path / "criterion.png")
    assert (tmp_path / "criterion.png").stat().st_size > 1000
    assert panel.workspace.session.domains is None  # nothing is found until it is asked for


def test_a_suggestion_that_is_cancelled_sets_nothing(panel, settle):
    panel.workspace.session.embedding = planted(panel.workspace.session, 5)
    before = panel.domains_view.cluster_parameters
    panel.domains_view.suggest.click()
    panel.runners["group"].cancel()
    settle(panel)
    assert panel.domains_view.cluster_parameters == before
    assert panel.suggestions.window is None


def test_closing_the_section_closes_the_window(panel, settle):
    panel.workspace.session.embedding = planted(panel.workspace.session, 3)
    panel.domains_view.suggest.click()
    settle(panel)
    panel.workspace.close(0)
    assert not panel.suggestions.window.isVisible()
