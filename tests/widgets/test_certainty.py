"""How certain painted domains are, and where to label next."""

import numpy as np
import pytest

from napari_stimg._widgets.layers import Role
from napari_stimg._widgets.pictures import Stage
from napari_stimg.next_labels import N_SPOTS


def layer_of(panel, role):
    return panel.workspace.pictures.layers.get(role)


def scribble(panel, number, spots):
    chosen = np.zeros(panel.workspace.session.slide.n_spots, dtype=np.bool_)
    chosen[spots] = True
    panel.domains_view.classes.choose(number)
    panel.scribbles.scribble(chosen)


@pytest.fixture
def painted(panel, settle):
    """Return the panel with its section painted from two strokes."""
    assert not panel.domains_view.certainty.certainty.isEnabled()
    assert not panel.domains_view.certainty.next.isEnabled()
    panel.domains_view.class_added.emit()
    panel.domains_view.class_added.emit()
    scribble(panel, 0, [0, 1, 2])
    scribble(panel, 1, [200, 201, 202])
    panel.domains_view.paint.click()
    settle(panel)
    return panel


def test_the_probability_of_the_winning_class_is_a_layer(painted):
    session, buttons = painted.workspace.session, painted.domains_view.certainty
    buttons.certainty.click()
    layer = layer_of(painted, Role.CERTAINTY)
    assert layer.visible
    assert not layer_of(painted, Role.DOMAINS).visible
    assert painted.workspace.stage is Stage.CERTAINTY
    expected = session.raster.paint(session.domains.probabilities.max(axis=1))
    np.testing.assert_array_equal(layer.data, expected)
    assert tuple(layer.contrast_limits) == (0.0, 1.0)
    buttons.certainty.click()
    assert painted.workspace.stage is Stage.DOMAINS
    assert not layer.visible


def test_uncertain_spots_are_ringed_and_the_rings_follow_the_painting(painted, settle):
    session, button = painted.workspace.session, painted.domains_view.certainty.next
    button.click()
    layer = layer_of(painted, Role.NEXT)
    assert layer.visible
    assert 1 <= layer.data.max() <= N_SPOTS
    before = layer.data.copy()
    painted.domains_view.set_live(True)
    scribble(painted, 0, np.flatnonzero(session.raster.spots_in_mask(layer.data == 1)))
    settle(painted)
    assert button.isChecked()
    assert not np.array_equal(layer_of(painted, Role.NEXT).data, before)
    button.click()
    assert layer_of(painted, Role.NEXT) is None


def test_domains_found_without_labels_have_no_certainty(painted, settle):
    buttons = painted.domains_view.certainty
    buttons.certainty.click()
    buttons.next.click()
    painted.domains_view.cluster_requested.emit()
    settle(painted)
    assert layer_of(painted, Role.CERTAINTY) is None
    assert layer_of(painted, Role.NEXT) is None
    for button in (buttons.certainty, buttons.next):
        assert not button.isEnabled()
        assert not button.isChecked()


def test_neighbours_and_logistic_regression_are_offered_and_paint_alike_where_labels_are(painted, settle):
    form, session = painted.domains_view._paint_form, painted.workspace.session
    assert form.method.choices == ("blend", "knn", "logistic")
    by_neighbours = session.domains
    form.method.value = "logistic"
    painted.domains_view.paint.click()
    settle(painted)
    assert session.how["domains"]["method"] == "logistic"
    assert not np.array_equal(session.domains.probabilities, by_neighbours.probabilities)
    np.testing.assert_array_equal(session.domains.labels[session.scribbles >= 0], [0, 0, 0, 1, 1, 1])
