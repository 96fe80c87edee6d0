"""The whole path through the panel, on a viewer without a window: open, look, hide, reconstruct, paint, save."""

import threading
from dataclasses import replace
from types import SimpleNamespace

import anndata as ad
import numpy as np
import pytest
from napari.components import ViewerModel
from napari.layers import Layer
from napari.utils.key_bindings import coerce_keybinding
from napari.utils.notifications import notification_manager
from qtpy.QtWidgets import QApplication, QFileDialog, QMessageBox

from napari_stimg import keys
from napari_stimg._reader import get_reader, layer_data
from napari_stimg._widgets.channels_view import CHANNEL_COLORS
from napari_stimg._widgets.dock import StimgWidget
from napari_stimg._widgets.layers import CHANNELS, COMPARED, Role
from napari_stimg._widgets.pictures import Stage
from napari_stimg._widgets.save_control import suggested_target
from napari_stimg._widgets.session import MAX_CHANNELS
from napari_stimg._widgets.tasks import Model
from napari_stimg._widgets.tools_view import Tool
from napari_stimg.embedding_colors import embedding_colors
from napari_stimg.progress import Progress
from napari_stimg.similarity import similarity
from tests.small_sections import write_two_sections


def section_layer(panel, role):
    return panel.workspace.pictures.layers.get(role)


def hide_square(panel, low_percent=30, high_percent=55):
    """Draw a rectangle with the panel's tool, as a mouse would."""
    panel.hide_view.tools.buttons[Tool.RECTANGLE].click()
    centres = panel.workspace.session.raster.centres
    low, high = (
        np.percentile(centres, (low_percent, high_percent), axis=0) + 0.1 * panel.workspace.session.lattice.pitch
    )
    section_layer(panel, Role.OUTLINE).add_rectangles(np.array([low, high]))
    return ((centres > low) & (centres < high)).all(axis=1)


def paint_spots(panel, role, spots, number):
    """Paint these spots whole in a labels layer, as one stroke of the brush would."""
    layer = section_layer(panel, role)
    pixels = np.nonzero(np.isin(panel.workspace.session.raster.idmap, spots))
    with layer.block_history():
        layer.data_setitem(pixels, number)
    QApplication.processEvents()


@pytest.fixture
def settle_mask(qtbot, panel):
    """Return what waits until the mask is this."""

    def wait(expected):
        qtbot.waitUntil(lambda: np.array_equal(panel.workspace.session.hidden, expected))

    return wait


@pytest.fixture
def reconstructed(panel, settle, settle_mask):
    """Return the panel after a square was hidden and reconstructed."""
    settle_mask(hide_square(panel))
    panel.hide_view.reconstruct.click()
    settle(panel)
    return panel


# --- Section --------------------------------------------------------------------------------------


def test_opening_a_file_shows_what_it_is(panel, slide):
    assert [layer.metadata["stimg_role"] for layer in panel.workspace.viewer.layers] == ["gene"]
    card = panel.section_view.card_text
    assert f"{slide.n_spots:,}" in card
    assert "Hexagonal, pitch 100 µm" in card
    assert "60 of 60 genes (100 %)" in card
    assert panel.chooser.currentText() == "small"
    assert panel.workspace.viewer.canvas.overlays.scale_bar.visible


def test_a_section_dropped_on_the_canvas_is_taken_over_with_its_layers(empty_panel, slide, settle):
    for data, attributes, kind in layer_data(slide):
        empty_panel.workspace.viewer.add_layer(Layer.create(data, attributes, kind))
    settle(empty_panel)
    assert empty_panel.workspace.session.slide is slide
    assert len(empty_panel.workspace.viewer.layers) == 1


def test_a_panel_opened_after_the_section_takes_it_over(qtbot, slide, model_path, settle):
    viewer = ViewerModel()
    for data, attributes, kind in layer_data(slide):
        viewer.add_layer(Layer.create(data, attributes, kind))
    panel = StimgWidget(viewer)
    panel.workspace.model = Model(model_path)
    qtbot.addWidget(panel)
    settle(panel)
    assert panel.workspace.session.slide is slide


def test_a_panel_closed_and_opened_again_goes_on(qtbot, reconstructed, model_path):
    session, viewer = reconstructed.workspace.session, reconstructed.workspace.viewer
    reconstructed.close()
    n_layers = len(viewer.layers)
    again = StimgWidget(viewer)
    again.workspace.model = Model(model_path)
    qtbot.addWidget(again)
    assert again.workspace.session is session
    assert len(viewer.layers) == n_layers
    assert "spots hidden" in again.hide_view.mask_text
    assert again.hide_view.scores.table.columns.rowCount() == 60
    again.close()


def test_a_panel_closed_while_pictures_lie_side_by_side_leaves_the_grid(reconstructed):
    viewer = reconstructed.workspace.viewer
    reconstructed.workspace.compare(True)
    assert viewer.canvas.grid.enabled
    reconstructed.close()
    assert not viewer.canvas.grid.enabled


def test_a_closed_panel_leaves_the_viewer_alone(panel, slide):
    viewer = panel.workspace.viewer
    panel.close()
    for data, attributes, kind in layer_data(slide):
        viewer.add_layer(Layer.create(data, attributes, kind))
    assert not panel.runners["open"].is_busy


def test_two_sections_opened_at_once_are_both_opened(empty_panel, section_path, settle):
    empty_panel.sections.open_path(section_path)
    empty_panel.sections.open_sample()
    settle(empty_panel)
    assert [session.slide.name for session in empty_panel.workspace.sessions] == ["small", "layered_hexagonal"]
    assert empty_panel.chooser.count() == 2


def test_a_file_that_cannot_be_read_is_one_notification_and_what_was_open_stays(panel, tmp_path, settle):
    broken = tmp_path / "broken.h5ad"
    broken.write_bytes(b"not HDF5 at all")
    shown = len(notification_manager.records)
    panel.sections.open_path(broken)
    settle(panel)
    assert len(notification_manager.records) == shown + 1
    assert "broken.h5ad" in notification_manager.records[-1].message
    assert len(panel.workspace.sessions) == 1


def test_of_a_file_with_several_sections_one_is_chosen(qtbot, empty_panel, tmp_path, settle):
    path = write_two_sections(tmp_path / "two.h5ad")
    empty_panel.sections.open_path(path)
    settle(empty_panel)
    assert empty_panel.workspace.session is None
    assert empty_panel.section_view.parts == ["A", "B"]
    empty_panel.section_view.part_requested.emit("B")
    settle(empty_panel)
    assert empty_panel.workspace.session.slide.n_spots == 24
    assert empty_panel.section_view.parts == []


def test_of_a_file_with_several_sections_dropped_on_the_canvas_the_first_opens_and_the_others_are_offered(
    empty_panel, viewer, tmp_path, settle
):
    path = write_two_sections(tmp_path / "two.h5ad")
    for data, attributes, kind in get_reader(str(path))(str(path)):
        viewer.add_layer(Layer.create(data, attributes, kind))
    settle(empty_panel)
    assert empty_panel.workspace.session.slide.name == "two A"
    assert empty_panel.section_view.parts == ["A", "B"]
    empty_panel.section_view.part_requested.emit("B")
    settle(empty_panel)
    assert [session.slide.name for session in empty_panel.workspace.sessions] == ["two A", "two B"]


def test_layers_have_the_unit_of_the_section_in_sight(panel, viewer, slide, settle):
    def units():
        return {str(unit) for layer in viewer.layers for unit in layer.units}

    assert units() == {"micrometer"}
    panel.sections.open_slide(replace(slide, um_per_place=None))
    settle(panel)
    assert units() == {"pixel"}
    panel.chooser.activated.emit(0)
    assert units() == {"micrometer"}
    assert viewer.canvas.overlays.scale_bar.visible


def test_the_chosen_section_is_the_one_in_sight(panel, settle):
    panel.sections.open_sample()
    settle(panel)
    panel.workspace.choose(0)
    small, sample = (pictures.layers.get(Role.GENE) for pictures in panel.workspace.opened)
    assert (small.visible, sample.visible) == (True, False)
    panel.chooser.activated.emit(1)
    assert (small.visible, sample.visible) == (False, True)


def test_closing_a_section_brings_up_the_other_and_at_last_none(panel, settle):
    panel.sections.open_sample()
    settle(panel)
    panel.close_button.click()
    assert panel.workspace.session.slide.name == "small"
    panel.close_button.click()
    assert panel.workspace.session is None
    assert len(panel.workspace.viewer.layers) == 0
    assert not panel.genes_view.isEnabled()
    assert "Drop an .h5ad" in panel.section_view.card_text


def test_scribbles_alone_can_be_saved(panel, slide):
    assert not panel.save_view.save.isEnabled()
    panel.scribbles.scribble(np.arange(slide.n_spots) < 3)
    assert panel.workspace.session.unsaved == {"scribbles"}
    assert panel.save_view.save.isEnabled()


def test_a_section_with_unsaved_changes_is_closed_only_if_the_user_says_so(panel, monkeypatch):
    panel.workspace.touch("mask")
    asked = []

    def answer(reply):
        return lambda _parent, _title, question: asked.append(question) or reply

    monkeypatch.setattr(QMessageBox, "question", answer(QMessageBox.StandardButton.No))
    panel.close_button.click()
    assert panel.workspace.session is not None
    monkeypatch.setattr(QMessageBox, "question", answer(QMessageBox.StandardButton.Yes))
    panel.close_button.click()
    assert panel.workspace.session is None
    assert asked == ["small has unsaved changes (mask). Close it? They come back when it is opened again."] * 2


def test_one_is_told_what_closing_a_section_loses(panel, monkeypatch):
    asked = []
    monkeypatch.setattr(QMessageBox, "question", lambda _parent, _title, question: asked.append(question))
    panel.workspace.touch("mask")
    panel.workspace.touch("embedding")
    panel.close_button.click()
    panel.workspace.session.origin = None
    panel.close_button.click()
    assert asked == [
        "small has unsaved changes (embedding, mask). Close it and lose embedding? The rest comes back when it is "
        "opened again.",
        "small has unsaved changes (embedding, mask). Close it and lose them?",
    ]


def test_an_outlined_region_opens_as_a_section_of_its_own_and_can_be_saved(qtbot, panel, slide, settle, tmp_path):
    panel.section_view.crops.outline_requested.emit("rectangle")
    centres = panel.workspace.session.raster.centres
    low, high = np.percentile(centres, (20, 70), axis=0) + 0.1 * panel.workspace.session.lattice.pitch
    section_layer(panel, Role.CROP).add_rectangles(np.array([low, high]))
    inside = ((centres > low) & (centres < high)).all(axis=1)
    qtbot.waitUntil(panel.section_view.crops.open_button.isEnabled)
    panel.section_view.crops.open_button.click()
    settle(panel)
    cropped = panel.workspace.session.slide
    assert cropped.name == "small crop 1"
    assert "Unsaved: crop" in panel.save_view.state.text()
    np.testing.assert_array_equal(cropped.spot_names, slide.spot_names[inside])
    assert len(panel.workspace.sessions) == 2
    panel.saving.save_to(tmp_path / "crop.h5ad")
    settle(panel)
    assert ad.read_h5ad(tmp_path / "crop.h5ad").obs_names.tolist() == list(cropped.spot_names)
    assert "Saved" in panel.save_view.state.text()


def test_the_buttons_open_what_their_dialogs_say(empty_panel, section_path, settle, monkeypatch):
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_, **__: (str(section_path), ""))
    empty_panel.section_view.open_file_requested.emit()
    settle(empty_panel)
    assert empty_panel.workspace.session.slide.name == "small"
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_, **__: str(section_path.parent / "no folder"))
    shown = len(notification_manager.records)
    empty_panel.section_view.open_folder_requested.emit()
    settle(empty_panel)
    assert "no folder" in notification_manager.records[shown].message


def test_a_dialog_that_is_dismissed_opens_and_saves_nothing(panel, settle, monkeypatch):
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_, **__: ("", ""))
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_, **__: "")
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_, **__: ("", ""))
    panel.section_view.open_file_requested.emit()
    panel.section_view.open_folder_requested.emit()
    panel.save_view.save_requested.emit()
    assert not panel.is_busy
    assert len(panel.workspace.sessions) == 1


# --- Genes ----------------------------------------------------------------------------------------


def test_genes_are_listed_by_variance_and_a_click_shows_one(panel):
    session, table = panel.workspace.session, panel.genes_view.table
    assert table.columns.order[0] == np.argmax(session.planes.variance)
    table.selectRow(2)
    column = table.columns.order[2]
    assert session.display.column == column
    assert section_layer(panel, Role.GENE).name.startswith(session.slide.gene_names[column])


def test_typing_a_name_and_enter_shows_the_gene(qtbot, panel):
    name = str(panel.workspace.session.slide.gene_names[17])
    panel.genes_view.search.setText(name.lower())
    panel.genes_view.search.returnPressed.emit()
    assert panel.workspace.session.display.column == 17


def test_colours_and_clipping_are_those_chosen(panel):
    panel.genes_view.gene_requested.emit(3)
    panel.genes_view.colormap_requested.emit("magma")
    panel.genes_view.clip_requested.emit(20.0)
    layer = section_layer(panel, Role.GENE)
    assert layer.colormap.name == "magma"
    low, high = np.percentile(panel.workspace.session.planes.expression(3), (20, 80))
    np.testing.assert_allclose(layer.contrast_limits, (low, high), rtol=1e-5)


def test_channels_are_added_up_to_eight_recoloured_and_removed(panel):
    for column, color in zip(range(MAX_CHANNELS + 1), (*CHANNEL_COLORS, "#123456"), strict=True):
        panel.genes_view.channel_added.emit(column, color)
    assert [channel.column for channel in panel.workspace.session.display.channels] == list(range(MAX_CHANNELS))
    panel.genes_view.channel_recolored.emit(1, "#010203")
    assert section_layer(panel, CHANNELS[1]).colormap.name == "#010203"
    panel.genes_view.channel_removed.emit(0)
    assert len(panel.workspace.session.display.channels) == MAX_CHANNELS - 1
    assert CHANNELS[-1] not in panel.workspace.pictures.layers
    assert not section_layer(panel, Role.GENE).visible


def test_a_gene_is_seen_alone_and_the_channels_together(panel):
    panel.genes_view.channel_added.emit(1, "#ff0000")
    panel.genes_view.gene_requested.emit(2)
    assert section_layer(panel, Role.GENE).visible
    assert not section_layer(panel, CHANNELS[0]).visible
    panel.genes_view.channels_requested.emit(True)
    assert not section_layer(panel, Role.GENE).visible
    assert section_layer(panel, CHANNELS[0]).visible


# --- Reconstruct ----------------------------------------------------------------------------------


def test_a_rectangle_hides_the_spots_in_it_and_disappears(panel, settle_mask):
    inside = hide_square(panel)
    settle_mask(inside)
    assert len(section_layer(panel, Role.OUTLINE).data) == 0
    assert f"{inside.sum()}</b> of" in panel.hide_view.mask_text
    assert "mask" in panel.save_view.state.text()


def test_a_second_outline_hides_more(panel, settle_mask):
    first = hide_square(panel, 20, 40)
    settle_mask(first)
    settle_mask(first | hide_square(panel, 60, 80))


def test_an_outline_off_the_tissue_hides_nothing_and_says_so(qtbot, panel):
    panel.hide_view.tools.buttons[Tool.LASSO].click()
    shown = len(notification_manager.records)
    section_layer(panel, Role.OUTLINE).add_polygons(np.array([[-900, -900], [-800, -900], [-800, -800]]))
    qtbot.waitUntil(lambda: len(notification_manager.records) == shown + 1)
    assert "holds no spot" in notification_manager.records[-1].message
    assert not panel.workspace.session.hidden.any()


def test_a_brush_stroke_hides_spots_and_the_eraser_shows_them_again(panel):
    panel.hide_view.tools.buttons[Tool.BRUSH].click()
    assert section_layer(panel, Role.HIDDEN).mode == "paint"
    paint_spots(panel, Role.HIDDEN, [10, 11, 12], 1)
    assert np.flatnonzero(panel.workspace.session.hidden).tolist() == [10, 11, 12]
    panel.hide_view.tools.buttons[Tool.ERASER].click()
    assert section_layer(panel, Role.HIDDEN).mode == "erase"
    paint_spots(panel, Role.HIDDEN, [11], 0)
    assert np.flatnonzero(panel.workspace.session.hidden).tolist() == [10, 12]


def test_the_brush_is_as_wide_as_its_slider_says(panel):
    panel.hide_view.tools.buttons[Tool.BRUSH].click()
    panel.hide_view.brush.brush_requested.emit(3)
    spot_px = panel.workspace.session.lattice.pitch / panel.workspace.session.raster.scale
    assert section_layer(panel, Role.HIDDEN).brush_size == round(3 * spot_px)


def test_undo_redo_and_clear(panel):
    panel.hide_view.tools.buttons[Tool.BRUSH].click()
    paint_spots(panel, Role.HIDDEN, [10], 1)
    paint_spots(panel, Role.HIDDEN, [20], 1)
    panel.hide_view.undo_requested.emit()
    assert np.flatnonzero(panel.workspace.session.hidden).tolist() == [10]
    panel.hide_view.redo_requested.emit()
    assert np.flatnonzero(panel.workspace.session.hidden).tolist() == [10, 20]
    panel.hide_view.clear_requested.emit()
    assert not panel.workspace.session.hidden.any()
    assert not panel.hide_view.reconstruct.isEnabled()
    panel.hide_view.undo_requested.emit()
    assert panel.workspace.session.hidden.sum() == 2


def test_spots_are_hidden_at_random_and_more_of_the_visible_ones_the_next_time(panel):
    session = panel.workspace.session
    panel.hide_view.hide_share.click()
    first = session.hidden.copy()
    assert first.sum() == round(0.1 * session.slide.n_spots)
    panel.hide_view.hide_share.click()
    assert (session.hidden & first).sum() == first.sum()
    assert session.hidden.sum() == first.sum() + round(0.1 * (~first).sum())
    assert section_layer(panel, Role.HIDDEN).visible
    panel.hide_view.undo_requested.emit()
    np.testing.assert_array_equal(session.hidden, first)


def test_a_domain_is_hidden_whole(panel, settle):
    assert not panel.hide_view.hide_domain.isEnabled()
    panel.domains_view.choose_number(3)
    panel.domains_view.cluster_requested.emit()
    settle(panel)
    panel.domains_view.legend.item(1, 1).setText("white matter")
    panel.hide_view.hide_share.click()
    session, before = panel.workspace.session, panel.workspace.session.hidden.copy()
    panel.hide_view.domains.setCurrentText("white matter")
    panel.hide_view.hide_domain.click()
    np.testing.assert_array_equal(session.hidden, before | (session.domains.labels == 1))
    assert section_layer(panel, Role.HIDDEN).visible


def test_another_layer_takes_the_tool_out_of_the_hand(panel):
    panel.hide_view.tools.buttons[Tool.BRUSH].click()
    panel.workspace.viewer.layers.selection.active = section_layer(panel, Role.GENE)
    assert panel.hide_view.tools.buttons[Tool.PAN].isChecked()


def test_hidden_spots_are_reconstructed_scored_and_laid_side_by_side(reconstructed):
    session = reconstructed.workspace.session
    np.testing.assert_array_equal(session.reconstruction.spots, np.flatnonzero(session.hidden))
    assert session.scores.shape[0] == 60
    assert reconstructed.hide_view.scores.table.columns.rowCount() == 60
    assert "60 genes" in reconstructed.hide_view.scores.summary_text
    visible = {role for role, layer in reconstructed.workspace.pictures.layers.present().items() if layer.visible}
    assert visible == set(COMPARED)
    assert session.unsaved == {"mask", "reconstruction"}


def test_a_click_on_a_score_shows_that_gene(reconstructed):
    table = reconstructed.hide_view.scores.table
    table.selectRow(5)
    session = reconstructed.workspace.session
    column = session.reconstruction.columns[table.columns.order[5]]
    assert session.display.column == column
    assert section_layer(reconstructed, Role.TRUTH).name == f"Truth: {session.slide.gene_names[column]}"
    assert reconstructed.workspace.is_comparing


def test_only_as_many_genes_as_asked_for_are_reconstructed_and_the_shown_one(panel, settle, settle_mask):
    least = int(np.argmin(panel.workspace.session.planes.variance))
    panel.genes_view.gene_requested.emit(least)
    panel.hide_view.choose_genes(10)
    settle_mask(hide_square(panel))
    panel.hide_view.reconstruct.click()
    settle(panel)
    columns = panel.workspace.session.reconstruction.columns
    assert len(columns) == 11
    assert least in columns


def test_a_gene_that_was_not_reconstructed_ends_the_comparison(panel, settle, settle_mask):
    panel.hide_view.choose_genes(10)
    settle_mask(hide_square(panel))
    panel.hide_view.reconstruct.click()
    settle(panel)
    least = int(np.argmin(panel.workspace.session.planes.variance))
    panel.genes_view.gene_requested.emit(least)
    assert not panel.workspace.is_comparing
    assert section_layer(panel, Role.GENE).visible


def test_uncertainty_is_a_layer_that_can_be_seen(reconstructed):
    reconstructed.hide_view.uncertainty_requested.emit(True)
    assert section_layer(reconstructed, Role.UNCERTAINTY).visible
    reconstructed.hide_view.uncertainty_requested.emit(False)
    assert not section_layer(reconstructed, Role.UNCERTAINTY).visible


def test_after_the_comparison_the_gene_chosen_in_it_is_seen(reconstructed):
    reconstructed.hide_view.scores.table.selectRow(7)
    reconstructed.hide_view.comparison_requested.emit(False)
    column = reconstructed.workspace.session.display.column
    layer = section_layer(reconstructed, Role.GENE)
    assert layer.visible
    assert layer.name.startswith(reconstructed.workspace.session.slide.gene_names[column])


def test_naparis_own_grid_button_ends_the_comparison_too(reconstructed):
    reconstructed.workspace.viewer.canvas.grid.enabled = False
    assert not reconstructed.workspace.is_comparing
    assert section_layer(reconstructed, Role.GENE).visible


def test_a_mask_changed_since_is_said_and_its_reconstruction_not_saved(reconstructed):
    reconstructed.hide_view.clear_requested.emit()
    assert "The mask has changed since" in reconstructed.hide_view.scores.summary_text
    assert reconstructed.workspace.session.results().reconstruction is None


def test_an_error_in_the_model_is_shown_once_and_the_drawing_is_kept(panel, settle, settle_mask, tmp_path):
    inside = hide_square(panel)
    settle_mask(inside)
    panel.workspace.model = Model(tmp_path / "nowhere.safetensors")
    shown = len(notification_manager.records)
    panel.hide_view.reconstruct.click()
    settle(panel)
    assert len(notification_manager.records) == shown + 1
    assert "nowhere.safetensors" in notification_manager.records[-1].message
    np.testing.assert_array_equal(panel.workspace.session.hidden, inside)
    assert panel.hide_view.reconstruct.isEnabled()


class HeldModel(Model):
    """A model that is loaded only once it is let go."""

    def __init__(self, path):
        super().__init__(path)
        self.go = threading.Event()

    def load(self):
        yield Progress(done=0, total=0, message="Held")
        assert self.go.wait(timeout=20)
        return (yield from super().load())


def test_a_cancelled_reconstruction_changes_nothing(qtbot, panel, settle_mask, model_path):
    settle_mask(hide_square(panel))
    panel.workspace.model = HeldModel(model_path)
    runner = panel.runners["reconstruct"]
    with qtbot.waitSignal(runner.progressed):
        panel.hide_view.reconstruct.click()
    runner.cancel()
    panel.workspace.model.go.set()
    qtbot.waitUntil(lambda: not runner._unfinished)
    assert panel.workspace.session.reconstruction is None
    assert panel.workspace.session.unsaved == {"mask"}


def test_a_closed_panel_opens_nothing_more(empty_panel, section_path):
    for _ in range(3):
        empty_panel.sections.open_path(section_path)
    empty_panel.close()
    assert not empty_panel.is_busy


def test_closing_the_panel_during_work_stops_the_work(qtbot, panel, settle_mask, model_path):
    settle_mask(hide_square(panel))
    panel.workspace.model = HeldModel(model_path)
    runner = panel.runners["reconstruct"]
    with qtbot.waitSignal(runner.progressed):
        panel.hide_view.reconstruct.click()
    panel.close()
    panel.workspace.model.go.set()
    qtbot.waitUntil(lambda: not runner._unfinished)
    assert panel.workspace.session.reconstruction is None


def test_a_result_for_a_section_out_of_sight_is_kept_with_it(qtbot, panel, settle, settle_mask, model_path):
    settle_mask(hide_square(panel))
    small = panel.workspace.session
    panel.workspace.model = HeldModel(model_path)
    with qtbot.waitSignal(panel.runners["reconstruct"].progressed):
        panel.hide_view.reconstruct.click()
    panel.sections.open_sample()
    qtbot.waitUntil(lambda: panel.workspace.session is not small, timeout=20_000)
    panel.workspace.model.go.set()
    settle(panel)
    assert small.reconstruction is not None
    assert not panel.workspace.is_comparing


# --- Domains --------------------------------------------------------------------------------------


def test_the_embedding_is_seen_as_colours_where_spots_are(panel, settle):
    panel.map_view.colors_requested.emit(True)
    assert not panel.map_view.colors_shown
    settle(panel)
    session, layer = panel.workspace.session, section_layer(panel, Role.EMBEDDING)
    assert panel.map_view.colors_shown
    assert layer.rgb
    assert layer.visible
    assert not section_layer(panel, Role.GENE).visible
    colors = embedding_colors(session.embedding.values)
    row, col = np.argwhere(session.raster.idmap == 11)[0]
    assert layer.data[row, col].tolist() == [*colors[11].tolist(), 255]
    assert layer.data[..., 3][session.raster.idmap < 0].max() == 0
    panel.map_view.colors_requested.emit(False)
    assert section_layer(panel, Role.GENE).visible
    assert not layer.visible
    assert not panel.map_view.colors_shown


def clicked(layer, row_col, *, moving=False):
    """Click at a pixel of a layer's picture, as napari would, or drag from it."""
    event = SimpleNamespace(type="mouse_press", position=layer.data_to_world(row_col))
    (callback,) = layer.mouse_drag_callbacks
    steps = callback(layer, event)
    next(steps)
    for kind in ("mouse_move", "mouse_release") if moving else ("mouse_release",):
        event.type = kind
        next(steps, None)


def test_spots_like_the_one_that_is_clicked_are_shown(panel, settle):
    panel.map_view.similarity_requested.emit(True)
    settle(panel)
    session, layer = panel.workspace.session, section_layer(panel, Role.SIMILARITY)
    assert panel.map_view.similarity_shown
    assert layer.visible
    assert not section_layer(panel, Role.GENE).visible
    pixel = np.argwhere(session.raster.idmap == 17)[0]
    clicked(layer, pixel)
    assert layer.name == f"Like spot {session.slide.spot_names[17]}"
    expected = similarity(session.embedding.values, 17)
    np.testing.assert_array_equal(layer.data, session.raster.paint(expected))
    clicked(layer, np.argwhere(session.raster.idmap == 3)[0], moving=True)
    clicked(layer, np.argwhere(session.raster.idmap < 0)[0])
    assert layer.name == f"Like spot {session.slide.spot_names[17]}"
    panel.map_view.similarity_requested.emit(False)
    assert section_layer(panel, Role.GENE).visible
    panel.close()
    assert not layer.mouse_drag_callbacks


def test_a_panel_that_is_opened_again_takes_clicks_again(qtbot, panel, settle):
    panel.map_view.similarity_requested.emit(True)
    settle(panel)
    viewer, layer, session = panel.workspace.viewer, section_layer(panel, Role.SIMILARITY), panel.workspace.session
    panel.close()
    again = StimgWidget(viewer)
    qtbot.addWidget(again)
    again.map_view.similarity_requested.emit(True)
    settle(again)
    assert section_layer(again, Role.SIMILARITY) is layer
    clicked(layer, np.argwhere(session.raster.idmap == 5)[0])
    assert layer.name == f"Like spot {session.slide.spot_names[5]}"
    again.close()


def test_domains_take_the_place_of_the_embedding_and_the_other_way_round(panel, settle):
    panel.map_view.colors_requested.emit(True)
    settle(panel)
    panel.domains_view.cluster_requested.emit()
    settle(panel)
    assert section_layer(panel, Role.DOMAINS).visible
    assert not section_layer(panel, Role.EMBEDDING).visible
    panel.map_view.colors_requested.emit(True)
    settle(panel)
    assert section_layer(panel, Role.EMBEDDING).visible
    assert not section_layer(panel, Role.DOMAINS).visible


def test_another_section_has_its_own_embedding(panel, settle):
    panel.map_view.colors_requested.emit(True)
    settle(panel)
    panel.sections.open_sample()
    settle(panel)
    assert not panel.map_view.colors_shown
    panel.workspace.choose(0)
    assert panel.map_view.colors_shown
    assert section_layer(panel, Role.EMBEDDING).visible


def test_domains_are_found_without_labels_shown_and_named(panel, settle):
    panel.domains_view.choose_number(4)
    panel.domains_view.cluster_requested.emit()
    settle(panel)
    domains = panel.workspace.session.domains
    assert set(domains.labels) <= set(range(4))
    assert panel.domains_view.legend.rowCount() == len(domains.names)
    assert section_layer(panel, Role.DOMAINS).visible
    assert not section_layer(panel, Role.GENE).visible
    panel.domains_view.legend.item(1, 1).setText("white matter")
    assert panel.workspace.session.domains.names[1] == "white matter"
    panel.domains_view.legend.recolored.emit(1, "#abcdef")
    assert panel.workspace.session.domains.colors[1] == "#abcdef"
    panel.domains_view.domains_requested.emit(False)
    assert section_layer(panel, Role.GENE).visible
    assert panel.workspace.pictures.stage is Stage.GENE


def test_domains_found_after_a_comparison_are_seen_without_the_mask(reconstructed, settle):
    reconstructed.domains_view.cluster_requested.emit()
    settle(reconstructed)
    layers = reconstructed.workspace.pictures.layers.present()
    assert {role for role, layer in layers.items() if layer.visible} == {Role.DOMAINS}


def test_the_embedding_is_computed_once(panel, settle):
    panel.domains_view.cluster_requested.emit()
    settle(panel)
    embedding = panel.workspace.session.embedding
    panel.domains_view.choose_number(3)
    panel.domains_view.cluster_requested.emit()
    settle(panel)
    assert panel.workspace.session.embedding is embedding
    assert len(panel.workspace.session.domains.names) == 3


def test_what_is_asked_for_while_embedding_waits_and_the_newest_wins(qtbot, panel, settle, model_path):
    panel.workspace.model = HeldModel(model_path)
    panel.domains_view.choose_number(5)
    with qtbot.waitSignal(panel.runners["embed"].progressed):
        panel.domains_view.cluster_requested.emit()
    panel.domains_view.choose_number(2)
    panel.domains_view.cluster_requested.emit()
    panel.workspace.model.go.set()
    settle(panel)
    qtbot.waitUntil(lambda: panel.workspace.session.domains is not None)
    assert len(panel.workspace.session.domains.names) == 2


def scribble(panel, number, spots):
    panel.domains_view.classes.choose(number - 1)
    paint_spots(panel, Role.SCRIBBLES, spots, number)


def test_scribbles_paint_the_whole_section(panel, settle, slide):
    panel.domains_view.class_added.emit()
    panel.domains_view.class_added.emit()
    panel.domains_view.classes.item(0, 1).setText("left")
    columns = panel.workspace.session.lattice.cell_of_spot[:, 1]
    scribble(panel, 1, np.flatnonzero(columns <= 1))
    assert not panel.domains_view.paint.isEnabled()
    scribble(panel, 2, np.flatnonzero(columns >= columns.max() - 1))
    assert panel.domains_view.paint.isEnabled()
    panel.domains_view.paint.click()
    settle(panel)
    domains = panel.workspace.session.domains
    assert domains.names == ("left", "Class 2")
    assert (domains.labels >= 0).all()
    assert domains.probabilities.shape == (slide.n_spots, 2)


def test_every_stroke_paints_the_section_anew_when_live(panel, settle):
    panel.domains_view.set_live(True)
    panel.domains_view.class_added.emit()
    panel.domains_view.class_added.emit()
    scribble(panel, 1, [0, 1, 2])
    scribble(panel, 2, [100, 101])
    settle(panel)
    first = panel.workspace.session.domains
    scribble(panel, 2, [200, 201])
    settle(panel)
    assert panel.workspace.session.domains is not first
    assert panel.workspace.session.domains.how["n_scribbled"] == 7


def test_the_first_stroke_needs_no_class_made_first(panel):
    panel.domains_view.tools.buttons[Tool.BRUSH].click()
    assert panel.workspace.session.classes == ["Class 1"]
    assert section_layer(panel, Role.SCRIBBLES).mode == "paint"


def test_strokes_are_undone_and_redone_by_key(panel):
    panel.domains_view.class_added.emit()
    scribble(panel, 1, [0, 1, 2])
    scribble(panel, 1, [5])
    layer = section_layer(panel, Role.SCRIBBLES)
    undo, redo = (layer.keymap[coerce_keybinding(key)] for key in ("Control-Z", "Control-Shift-Z"))
    undo(layer)
    assert np.flatnonzero(panel.workspace.session.scribbles == 0).tolist() == [0, 1, 2]
    redo(layer)
    assert np.flatnonzero(panel.workspace.session.scribbles == 0).tolist() == [0, 1, 2, 5]


def test_the_scribbling_tool_can_be_put_down(panel):
    panel.domains_view.tools.buttons[Tool.BRUSH].click()
    panel.domains_view.brush.brush_requested.emit(5)
    spot_px = panel.workspace.session.lattice.pitch / panel.workspace.session.raster.scale
    assert section_layer(panel, Role.SCRIBBLES).brush_size == round(5 * spot_px)
    panel.domains_view.tools.buttons[Tool.PAN].click()
    assert section_layer(panel, Role.SCRIBBLES).mode == "pan_zoom"


def test_scribbles_can_be_recoloured_and_cleared(panel):
    panel.domains_view.class_added.emit()
    scribble(panel, 1, [0, 1, 2])
    panel.domains_view.class_recolored.emit(0, "#0000ff")
    np.testing.assert_allclose(section_layer(panel, Role.SCRIBBLES).colormap.map(1), [0, 0, 1, 1])
    panel.domains_view.scribbles_cleared.emit()
    assert (panel.workspace.session.scribbles == -1).all()
    assert not np.asarray(section_layer(panel, Role.SCRIBBLES).data).any()


# --- Save -----------------------------------------------------------------------------------------


def test_everything_is_saved_beside_the_input_which_stays_untouched(reconstructed, settle, section_path, tmp_path):
    before = section_path.read_bytes()
    reconstructed.domains_view.cluster_requested.emit()
    settle(reconstructed)
    assert "Unsaved" in reconstructed.save_view.state.text()
    target = tmp_path / "saved.h5ad"
    reconstructed.saving.save_to(target)
    settle(reconstructed)
    assert "Saved to saved.h5ad" in reconstructed.save_view.state.text()
    session, written = reconstructed.workspace.session, ad.read_h5ad(target)
    np.testing.assert_array_equal(written.obs[keys.MASK], session.hidden)
    predicted = ~np.isnan(written.layers[keys.RECONSTRUCTION]).all(axis=1)
    np.testing.assert_array_equal(predicted, session.hidden)
    assert keys.UNCERTAINTY in written.layers
    np.testing.assert_array_equal(written.obsm[keys.EMBEDDING], session.embedding.values)
    assert list(written.obs[keys.DOMAIN].cat.categories) == list(session.domains.names)
    made = written.uns[keys.PROVENANCE]
    assert made["domains"]["method"] == "consensus"
    sha256 = reconstructed.workspace.model.sha256
    assert [made[what]["checkpoint_sha256"] for what in ("reconstruction", "embedding", "domains")] == [sha256] * 3
    assert written.uns["note"] == "kept"
    assert section_path.read_bytes() == before


def test_the_input_is_never_overwritten(reconstructed, settle, section_path):
    shown = len(notification_manager.records)
    reconstructed.saving.save_to(section_path)
    settle(reconstructed)
    assert len(notification_manager.records) == shown + 1
    assert "expected another file than the input" in notification_manager.records[-1].message
    assert "Unsaved" in reconstructed.save_view.state.text()


def test_the_save_button_writes_where_its_dialog_says_with_the_right_ending(panel, settle, tmp_path, monkeypatch):
    panel.hide_view.tools.buttons[Tool.BRUSH].click()
    paint_spots(panel, Role.HIDDEN, [10], 1)
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_, **__: (str(tmp_path / "named"), ""))
    panel.save_view.save.click()
    settle(panel)
    assert (tmp_path / "named.h5ad").exists()


def test_a_section_is_saved_beside_its_source_under_a_name_of_its_own(session, section_path):
    assert suggested_target(session) == section_path.with_name("small_stimg.h5ad")


def test_what_has_changed_since_saving_is_unsaved_again(panel, settle, tmp_path):
    panel.hide_view.tools.buttons[Tool.BRUSH].click()
    paint_spots(panel, Role.HIDDEN, [10], 1)
    panel.saving.save_to(tmp_path / "saved.h5ad")
    settle(panel)
    assert "Saved" in panel.save_view.state.text()
    paint_spots(panel, Role.HIDDEN, [20], 1)
    assert "Unsaved: mask" in panel.save_view.state.text()
