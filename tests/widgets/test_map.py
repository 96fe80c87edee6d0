"""The Map tab, on a viewer without a window: dots chosen there are outlined on the tissue, and the other way round."""

import sys

import numpy as np
import pytest
from matplotlib.backend_bases import MouseButton, MouseEvent
from qtpy.QtWidgets import QApplication

from napari_stimg._widgets.layers import Role
from napari_stimg._widgets.map_view import MapView
from napari_stimg._widgets.tasks import Model
from napari_stimg.checkpoint import load_checkpoint, save_checkpoint
from napari_stimg.embedding_map import embedding_map


@pytest.fixture
def mapped(panel, settle):
    """Return the panel with a map of its section."""
    panel.map_view.draw_button.click()
    settle(panel)
    return panel


@pytest.fixture
def other_model(model_path, tmp_path):
    """Return a model with other weights."""
    checkpoint = load_checkpoint(model_path)
    save_checkpoint(checkpoint.model, checkpoint.vocabulary, {"note": "another"}, tmp_path / "another.safetensors")
    return Model(tmp_path / "another.safetensors")


def drag_around(canvas, low, high):
    """Draw a lasso around the dots between two places (x, y) of the map, with the mouse."""
    corners = [(low[0], low[1]), (high[0], low[1]), (high[0], high[1]), (low[0], high[1]), (low[0], low[1])]
    figure = canvas.canvas
    figure.draw()  # it is only then that the axes have their place
    pixels = canvas.axes.transData.transform(corners)
    for kind, at in (
        ("button_press_event", pixels[:1]), ("motion_notify_event", pixels), ("button_release_event", pixels[-1:])
    ):  # fmt: skip
        for x, y in at:
            held = {"buttons": [MouseButton.LEFT]} if kind == "motion_notify_event" else {}
            event = MouseEvent(kind, figure, x, y, MouseButton.LEFT, **held)
            figure.callbacks.process(kind, event)


def is_chosen(panel, spots):
    return np.array_equal(panel.workspace.session.chosen, spots)


def test_the_map_shows_the_two_directions_in_which_the_embedding_varies_most(mapped):
    session, canvas = mapped.workspace.session, mapped.map_view.canvas
    np.testing.assert_array_equal(session.mapped.places, embedding_map(session.embedding.values))
    drawn = canvas.axes.collections[0].get_offsets()
    np.testing.assert_allclose(drawn, session.mapped.places, rtol=1e-6)
    assert canvas.axes.get_xlabel() == "Component 1"
    assert mapped.map_view.has_map


def test_dots_in_a_lasso_are_chosen_and_outlined_on_the_tissue(mapped):
    session, canvas = mapped.workspace.session, mapped.map_view.canvas
    places = session.mapped.places
    low, high = np.percentile(places, 20, axis=0), np.percentile(places, 70, axis=0)
    drag_around(canvas, low, high)
    inside = ((places > low) & (places < high)).all(axis=1)
    assert 0 < inside.sum() < len(places)
    assert is_chosen(mapped, inside)
    layer = mapped.workspace.pictures.layers.get(Role.CHOSEN)
    np.testing.assert_array_equal(layer.data, session.raster.paint_labels(inside))
    assert layer.contour > 0
    colors = canvas.dot_colors
    assert colors[inside, 3].min() > 5 * colors[~inside, 3].max()
    assert mapped.map_view.count_text.startswith(f"{inside.sum():,} of {len(places):,} spots")


def test_a_click_on_the_map_chooses_none(mapped):
    mapped.mapping.choose(np.arange(mapped.workspace.session.slide.n_spots) < 5)
    drag_around(
        mapped.map_view.canvas, mapped.workspace.session.mapped.places[3], mapped.workspace.session.mapped.places[3]
    )
    assert not mapped.workspace.session.chosen.any()
    assert Role.CHOSEN not in mapped.workspace.pictures.layers
    assert not mapped.map_view.hide_button.isEnabled()


def test_spots_in_a_lasso_on_the_tissue_are_chosen_on_the_map(qtbot, mapped):
    session, layers = mapped.workspace.session, mapped.workspace.pictures.layers
    mapped.map_view.outline_requested.emit(True)
    layer = layers.get(Role.CHOOSING)
    assert layer.mode == "add_polygon_lasso"
    centres = session.raster.centres
    low, high = np.percentile(centres, 20, axis=0) + 0.1, np.percentile(centres, 60, axis=0) + 0.1
    layer.add_rectangles(np.array([low, high]))
    inside = ((centres > low) & (centres < high)).all(axis=1)
    qtbot.waitUntil(lambda: is_chosen(mapped, inside))
    assert len(layer.data) == 0
    assert mapped.map_view.canvas.dot_colors[inside, 3].min() == 1


def test_hidden_spots_and_a_domain_can_be_chosen(mapped, settle):
    session = mapped.workspace.session
    session.hide(np.arange(session.slide.n_spots) % 7 == 0)
    mapped.map_view.hidden_chosen.emit()
    assert is_chosen(mapped, session.hidden)
    mapped.domains_view.cluster_requested.emit()
    settle(mapped)
    mapped.map_view.domain_chosen.emit(1)
    assert is_chosen(mapped, session.domains.labels == 1)


def test_chosen_spots_are_hidden_besides_those_that_are_and_this_can_be_undone(mapped):
    session = mapped.workspace.session
    number = np.arange(session.slide.n_spots)
    session.hide(number < 3)
    mapped.mapping.choose((number > 5) & (number < 9))
    mapped.map_view.hide_button.click()
    assert np.flatnonzero(session.hidden).tolist() == [0, 1, 2, 6, 7, 8]
    assert mapped.workspace.pictures.layers.get(Role.HIDDEN).visible
    mapped.hide_view.undo_requested.emit()
    assert np.flatnonzero(session.hidden).tolist() == [0, 1, 2]


def test_chosen_spots_are_scribbled_with_the_current_class_and_other_scribbles_stay(mapped):
    session = mapped.workspace.session
    number = np.arange(session.slide.n_spots)
    mapped.mapping.choose(number < 3)
    mapped.map_view.scribble_button.click()
    assert session.classes == ["Class 1"]
    mapped.scribbles.add_class()
    mapped.mapping.choose(number == 9)
    mapped.map_view.scribble_button.click()
    assert session.scribbles[[0, 1, 2, 9]].tolist() == [0, 0, 0, 1]
    assert np.count_nonzero(session.scribbles >= 0) == 4
    session.scribble_history.undo()
    assert np.flatnonzero(session.scribbles >= 0).tolist() == [0, 1, 2]


def test_dots_are_coloured_by_the_gene_the_domains_and_labels_of_the_file(mapped, settle):
    session, view = mapped.workspace.session, mapped.map_view
    by_counts = view.canvas.dot_colors
    mapped.genes_view.gene_requested.emit(4)
    expression = session.planes.expression(4)
    assert not np.array_equal(view.canvas.dot_colors, by_counts)
    green = view.canvas.dot_colors[:, 1]  # viridis' green rises from end to end
    assert green[expression.argmax()] > green[expression.argmin()]
    mapped.domains_view.cluster_requested.emit()
    settle(mapped)
    view.coloring_requested.emit(view.colorings.index("Domains"))
    colors, labels = view.canvas.dot_colors, session.domains.labels
    assert len(np.unique(colors, axis=0)) == len(session.domains.names)
    assert (colors[labels == 1] == colors[labels == 1][0]).all()
    mapped.domains_view.legend.recolored.emit(1, "#ff0000")
    np.testing.assert_allclose(view.canvas.dot_colors[labels == 1][0], [1, 0, 0, 1])


def test_each_section_has_its_own_map(mapped, settle):
    mapped.sections.open_sample()
    settle(mapped)
    assert not mapped.map_view.has_map
    mapped.workspace.choose(0)
    QApplication.processEvents()
    assert mapped.map_view.has_map


def test_a_map_of_another_models_embedding_says_so_until_it_is_drawn_anew(mapped, other_model, settle):
    assert mapped.map_view.stale_text == ""
    former = mapped.workspace.model.path.name
    mapped.models.choose(other_model.path)
    settle(mapped)
    assert mapped.map_view.stale_text.startswith(f"The embedding was made with {former}, which is not the model")
    mapped.map_view.draw_button.click()
    settle(mapped)
    assert mapped.map_view.stale_text == ""


@pytest.mark.parametrize("installed", [True, False])
def test_umap_is_offered_only_where_it_is_installed(qtbot, monkeypatch, installed):
    if not installed:
        monkeypatch.setitem(sys.modules, "umap", None)
    view = MapView()
    qtbot.addWidget(view)
    assert view._method.model().item(1).isEnabled() == installed
    assert ("pip install 'napari-stimg[umap]'" in view._method.toolTip()) != installed


def test_a_low_window_shows_the_whole_tab(qtbot, mapped):
    mapped.resize(438, 735)
    mapped.show()
    mapped.tabs.setCurrentWidget(mapped._tab_of[mapped.map_view])
    area = mapped._tab_of[mapped.map_view]
    qtbot.waitUntil(lambda: area.verticalScrollBar().maximum() == 0)
    assert mapped.map_view.canvas.height() >= 240
    mapped.resize(438, 1000)
    qtbot.waitUntil(lambda: mapped.map_view.canvas.height() > 400)
