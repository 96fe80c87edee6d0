"""Layers of a section: in their place, reused, and true to the spots. A viewer's model is enough; no window opens."""

from dataclasses import replace

import numpy as np
import pytest

from napari_stimg._reader import SESSION_KEY, SLIDE_KEY, layer_data
from napari_stimg._widgets.layers import CHANNELS, COMPARED, Role, SectionLayers
from napari_stimg._widgets.pictures import SectionPictures, Stage
from napari_stimg._widgets.session import Channel, Domains, open_session
from napari_stimg.inference import Reconstruction
from napari_stimg.progress import run
from napari_stimg.slide import Histology


@pytest.fixture
def pictures(viewer, session):
    pictures = SectionPictures(SectionLayers(viewer, session))
    pictures.show_gene()
    return pictures


@pytest.fixture
def layers(pictures):
    return pictures.layers


def values_at_spots(layer, session):
    """Return what a layer shows at the centre of each spot, asked in world coordinates."""
    um = session.lattice.pitch_um / session.lattice.pitch
    pixels = np.array([layer.world_to_data(place * um) for place in session.raster.centres])
    return np.asarray(layer.data)[tuple(np.rint(pixels).astype(int).T)]


def reconstruct(session, spots, columns):
    spots, columns = np.asarray(spots), np.asarray(columns)
    expected = np.full((spots.size, columns.size), 2.5, dtype=np.float32)
    session.reconstruction = Reconstruction(spots=spots, columns=columns, expected=expected, sd=expected, elapsed_s=0.0)


def test_a_gene_is_drawn_where_its_spots_are_in_microns(pictures, session):
    session.display.column = 4
    pictures.show_gene()
    layer = pictures.layers.get(Role.GENE)
    np.testing.assert_allclose(values_at_spots(layer, session), session.planes.expression(4))
    assert [str(unit) for unit in layer.units] == ["micrometer"] * 2


def test_another_gene_reuses_the_layer(viewer, pictures, session):
    first = pictures.layers.get(Role.GENE)
    session.display.column, session.display.colormap = 2, "magma"
    pictures.show_gene()
    assert len(viewer.layers) == 1
    assert pictures.layers.get(Role.GENE) is first
    assert first.name.startswith(session.slide.gene_names[2])
    assert first.colormap.name == "magma"


def test_contrast_follows_the_clipped_share(pictures, session):
    session.display.column = int(np.argmax(session.planes.variance))
    session.display.clip_percent = 0.0
    pictures.show_gene()
    widest = pictures.layers.get(Role.GENE).contrast_limits
    session.display.clip_percent = 20.0
    pictures.show_gene()
    assert np.ptp(pictures.layers.get(Role.GENE).contrast_limits) < np.ptp(widest)


def test_a_deleted_layer_comes_back_when_it_is_needed(viewer, pictures):
    viewer.layers.clear()
    assert Role.GENE not in pictures.layers
    pictures.show_gene()
    assert Role.GENE in pictures.layers


def test_deleted_domains_come_back_when_one_looks_at_them(viewer, pictures, session):
    labels = np.arange(session.slide.n_spots) % 2
    session.domains = Domains(labels=labels, names=("a", "b"), colors=("#ff0000", "#0000ff"))
    pictures.show_domains()
    viewer.layers.remove(pictures.layers.get(Role.DOMAINS))
    pictures.bring_up(Stage.DOMAINS)
    np.testing.assert_array_equal(values_at_spots(pictures.layers.get(Role.DOMAINS), session), labels + 1)
    assert pictures.layers.get(Role.DOMAINS).visible


def test_a_deleted_channel_comes_back_when_one_looks_at_the_channels(viewer, pictures, session):
    session.display.channels = [Channel(column=0, color="#ff0000"), Channel(column=1, color="#00ff00")]
    pictures.show_channels()
    viewer.layers.remove(pictures.layers.get(CHANNELS[1]))
    pictures.bring_up(Stage.CHANNELS)
    assert [pictures.layers.get(role).visible for role in CHANNELS[:2]] == [True, True]


def test_channels_add_up_and_go_when_they_are_no_longer_wanted(pictures, session):
    session.display.channels = [Channel(column=1, color="#ff0000"), Channel(column=2, color="#00ff00")]
    pictures.show_channels()
    pictures.bring_up(Stage.CHANNELS)
    shown = [pictures.layers.get(role) for role in CHANNELS[:2]]
    assert all(layer.visible and layer.blending == "additive" for layer in shown)
    assert not pictures.layers.get(Role.GENE).visible
    np.testing.assert_allclose(shown[1].colormap.colors[-1], [0, 1, 0, 1])
    session.display.channels = session.display.channels[1:]
    pictures.show_channels()
    assert CHANNELS[1] not in pictures.layers
    np.testing.assert_allclose(pictures.layers.get(CHANNELS[0]).colormap.colors[-1], [0, 1, 0, 1])


def test_layers_lie_above_each_other_in_the_order_of_their_roles(viewer, pictures, session):
    session.domains = Domains(labels=np.zeros(session.slide.n_spots, int), names=("a",), colors=("#ff0000",))
    pictures.drawings.show_hidden()
    pictures.show_domains()
    session.display.channels = [Channel(column=1, color="#ff0000")]
    pictures.show_channels()
    roles = [layer.metadata["stimg_role"] for layer in viewer.layers]
    assert roles == ["gene", "channel 1", "domains", "hidden"]


def test_hidden_spots_are_drawn_whole_and_read_back_the_same(pictures, session):
    session.hide(np.arange(session.slide.n_spots) % 3 == 0)
    layer = pictures.drawings.show_hidden()
    np.testing.assert_array_equal(values_at_spots(layer, session) > 0, session.hidden)
    np.testing.assert_array_equal(pictures.drawings.painted_hidden(), session.hidden)


def test_a_stroke_over_most_of_a_spot_hides_it_and_over_its_edge_does_not(pictures, session):
    layer = pictures.drawings.show_hidden()
    pixels = np.argwhere(session.raster.idmap == 100)
    few = pixels[: len(pixels) // 4]
    layer.data[tuple(few.T)] = 1
    assert not pictures.drawings.painted_hidden().any()
    most = pixels[: 3 * len(pixels) // 4]
    layer.data[tuple(most.T)] = 1
    assert np.flatnonzero(pictures.drawings.painted_hidden()).tolist() == [100]


def test_without_a_mask_layer_the_mask_is_as_it_was(pictures, session):
    session.hide(np.arange(session.slide.n_spots) < 3)
    np.testing.assert_array_equal(pictures.drawings.painted_hidden(), session.hidden)


def test_an_outline_holds_the_spots_whose_centres_lie_in_it(pictures, session):
    layer = pictures.drawings.outline_layer()
    low, high = np.percentile(session.raster.centres, (30, 60), axis=0) + 0.1 * session.lattice.pitch
    layer.add_rectangles(np.array([low, high]))
    inside = ((session.raster.centres > low) & (session.raster.centres < high)).all(axis=1)
    np.testing.assert_array_equal(pictures.drawings.outlined(Role.OUTLINE), inside)
    assert inside.any()
    pictures.drawings.clear_outlines(Role.OUTLINE)
    assert not pictures.drawings.outlined(Role.OUTLINE).any()


def test_a_reconstruction_is_filled_in_where_spots_were_hidden_and_nowhere_else(pictures, session):
    reconstruct(session, [5, 9], [4])
    assert pictures.show_reconstruction(4)
    truth = session.planes.expression(4)
    shown = {role: values_at_spots(pictures.layers.get(role), session) for role in (*COMPARED, Role.UNCERTAINTY)}
    np.testing.assert_allclose(shown[Role.TRUTH], truth)
    assert np.flatnonzero(np.isnan(shown[Role.SEEN])).tolist() == [5, 9]
    np.testing.assert_allclose(shown[Role.RECONSTRUCTION][[5, 9]], 2.5)
    np.testing.assert_allclose(np.delete(shown[Role.RECONSTRUCTION], [5, 9]), np.delete(truth, [5, 9]))
    np.testing.assert_allclose(shown[Role.DIFFERENCE][[5, 9]], 2.5 - truth[[5, 9]], rtol=1e-6)
    assert np.isnan(np.delete(shown[Role.DIFFERENCE], [5, 9])).all()
    np.testing.assert_allclose(shown[Role.UNCERTAINTY][[5, 9]], 2.5)


def test_a_gene_that_was_not_reconstructed_has_no_pictures(pictures, session):
    assert not pictures.show_reconstruction(4)
    reconstruct(session, [5], [4])
    assert not pictures.show_reconstruction(3)
    assert Role.TRUTH not in pictures.layers


def test_truth_and_reconstruction_share_one_contrast(pictures, session):
    reconstruct(session, [5, 9], [4])
    pictures.show_reconstruction(4)
    pictures.layers.get(Role.TRUTH).contrast_limits = (0.5, 1.5)
    assert list(pictures.layers.get(Role.RECONSTRUCTION).contrast_limits) == [0.5, 1.5]


def test_the_difference_is_as_far_above_zero_as_below(pictures, session):
    reconstruct(session, [5, 9], [4])
    pictures.show_reconstruction(4)
    low, high = pictures.layers.get(Role.DIFFERENCE).contrast_limits
    assert low == -high < 0


def test_a_comparison_given_up_half_way_leaves_what_was_there(viewer, pictures, session):
    reconstruct(session, [0, 5, 9], [1, 4])
    pictures.show_reconstruction(4)
    steps = pictures.comparison_steps()
    next(steps)
    next(steps)
    pictures.compare(False)
    assert list(steps) == []
    assert {role for role, layer in pictures.layers.present().items() if layer.visible} == {Role.GENE}
    assert not viewer.canvas.grid.enabled


def test_domains_found_during_a_comparison_end_it(viewer, pictures, session):
    reconstruct(session, [0, 5, 9], [1, 4])
    pictures.show_reconstruction(4)
    pictures.compare(True)
    labels = np.zeros(session.slide.n_spots, dtype=np.intp)
    session.domains = Domains(labels=labels, names=("one",), colors=("#ff0000",))
    pictures.show_domains()
    assert not pictures.is_comparing
    assert not viewer.canvas.grid.enabled
    assert pictures.layers.get(Role.DOMAINS).visible


def test_side_by_side_shows_four_pictures_and_going_back_shows_what_was_there(viewer, pictures, session):
    reconstruct(session, [5, 9], [4])
    pictures.show_reconstruction(4)
    pictures.compare(True)
    visible = {role for role, layer in pictures.layers.present().items() if layer.visible}
    assert visible == set(COMPARED)
    assert viewer.canvas.grid.enabled
    pictures.compare(False)
    visible = {role for role, layer in pictures.layers.present().items() if layer.visible}
    assert visible == {Role.GENE}
    assert not viewer.canvas.grid.enabled


def test_side_by_side_no_colour_bar_lies_over_a_name(pictures, session):
    reconstruct(session, [5, 9], [4])
    pictures.show_reconstruction(4)
    for layer in map(pictures.layers.get, COMPARED):
        bar, name = (overlay.position.split("_")[0] for overlay in (layer.colorbar, layer.name_overlay))
        assert {bar, name} == {"bottom", "top"}


def test_domains_have_the_colours_of_their_legend(pictures, session):
    labels = np.arange(session.slide.n_spots) % 2
    session.domains = Domains(labels=labels, names=("a", "b"), colors=("#ff0000", "#0000ff"))
    pictures.show_domains()
    layer = pictures.layers.get(Role.DOMAINS)
    np.testing.assert_array_equal(values_at_spots(layer, session), labels + 1)
    np.testing.assert_allclose(layer.colormap.map(2), [0, 0, 1, 1])
    session.domains = replace(session.domains, colors=("#ff0000", "#00ff00"))
    pictures.show_domains()
    np.testing.assert_allclose(layer.colormap.map(2), [0, 1, 0, 1])
    session.domains = None
    pictures.show_domains()
    assert Role.DOMAINS not in pictures.layers


def test_scribbles_are_read_back_class_by_class(pictures, session):
    session.classes, session.class_colors = ["a", "b"], ["#ff0000", "#00ff00"]
    scribbles = np.full(session.slide.n_spots, -1)
    scribbles[[3, 4, 50]] = [0, 1, 1]
    session.scribble_history.change(scribbles)
    layer = pictures.drawings.show_scribbles()
    np.testing.assert_array_equal(pictures.drawings.painted_scribbles(), session.scribbles)
    layer.data[session.raster.idmap == 60] = 1
    assert pictures.drawings.painted_scribbles()[60] == 0


def test_the_stained_picture_lies_below_and_in_its_place(viewer, slide):
    image = np.zeros((40, 50, 3), dtype=np.uint8)
    stained = replace(slide, histology=Histology(image=image, px_per_place=0.01))
    session = run(open_session(stained))
    pictures = SectionPictures(SectionLayers(viewer, session))
    pictures.show_gene()
    pictures.show_histology()
    layer = viewer.layers[0]
    assert layer.metadata["stimg_role"] == "histology"
    um = session.lattice.pitch_um / session.lattice.pitch
    np.testing.assert_allclose(layer.data_to_world((1, 2)), np.array([100, 200]) * um)


def test_layers_of_the_reader_are_taken_over(viewer, session):
    from napari.layers import Layer

    for data, attributes, kind in layer_data(session.slide):
        viewer.add_layer(Layer.create(data, attributes, kind))
    layers = SectionLayers(viewer, session)
    layers.adopt(viewer.layers[0])
    SectionPictures(layers).show_gene()
    assert len(viewer.layers) == 1
    assert viewer.layers[0].metadata[SLIDE_KEY] is session.slide
    assert viewer.layers[0].metadata[SESSION_KEY] is session


def test_a_section_that_is_put_away_comes_back_as_it_was(pictures, session):
    session.hide(np.arange(session.slide.n_spots) < 3)
    pictures.drawings.show_hidden()
    pictures.layers.set_visible(Role.GENE, False)
    pictures.put_away()
    assert not any(layer.visible for layer in pictures.layers.present().values())
    pictures.bring_back()
    assert pictures.layers.get(Role.HIDDEN).visible
    assert not pictures.layers.get(Role.GENE).visible


def test_a_section_that_is_put_away_leaves_no_tool_in_hand(viewer, pictures):
    pictures.drawings.show_hidden()
    pictures.layers.activate(Role.HIDDEN, "paint")
    pictures.put_away()
    assert {layer.mode for layer in viewer.layers} == {"pan_zoom"}


def test_removing_a_section_leaves_other_layers_alone(viewer, pictures):
    viewer.add_image(np.zeros((4, 4), dtype=np.float32), name="somebody else's")
    pictures.drawings.show_hidden()
    pictures.layers.remove_all()
    assert [layer.name for layer in viewer.layers] == ["somebody else's"]
