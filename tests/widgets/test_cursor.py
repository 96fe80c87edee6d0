"""The panel says what is under the cursor."""

from dataclasses import replace

import numpy as np
import pytest

from napari_stimg._widgets.cursor_view import CursorView
from napari_stimg._widgets.layers import Role
from napari_stimg._widgets.session import Domains
from napari_stimg.expression import log_expression

SPOT = 30


def point_at(panel, spot):
    """Move the cursor to the centre of a spot."""
    session, viewer = panel.workspace.session, panel.workspace.viewer
    viewer.mouse_over_canvas = True
    raster = session.raster
    pixel = (raster.centres[spot] - raster.translate) / raster.scale
    viewer.cursor.position = tuple(panel.workspace.pictures.layers.get(Role.GENE).data_to_world(pixel))


@pytest.fixture
def pointing(panel):
    """Return the panel with the cursor on one spot, and one gene shown."""
    panel.genes.show_gene(5)
    point_at(panel, SPOT)
    return panel


def test_the_shown_genes_value_is_said_with_its_unit_and_the_spots_name(pointing):
    slide = pointing.workspace.session.slide
    value = log_expression(slide.counts)[SPOT, 5]
    first, second = pointing.cursor_view.lines
    assert first == f"{slide.spot_names[SPOT]} · {slide.gene_names[5]} {value:.2f} (log expression)"
    assert second.endswith(f"{slide.counts[SPOT].sum():,.0f} counts")


def test_another_gene_is_said_without_a_move_and_channels_together(pointing):
    slide = pointing.workspace.session.slide
    pointing.genes.show_gene(6)
    assert f"{slide.gene_names[6]} " in pointing.cursor_view.lines[0]
    pointing.genes.add_channel(7, "#ff0000")
    pointing.genes.add_channel(8, "#00ff00")
    values = log_expression(slide.counts)[SPOT].toarray()[0]
    both = f"{slide.gene_names[7]} {values[7]:.2f}, {slide.gene_names[8]} {values[8]:.2f} (log expression)"
    assert both in pointing.cursor_view.lines[0]


def test_domain_scribble_and_mask_are_said(pointing):
    session = pointing.workspace.session
    labels = (np.arange(session.slide.n_spots) != SPOT).astype(np.intp)
    session.domains = Domains(labels=labels, names=("this", "others"), colors=("#ff0000", "#0000ff"))
    session.hide(labels == 0)
    session.classes.append("mine")
    session.scribble_history.change(-labels)
    pointing.workspace.domains_changed.emit()
    said = pointing.cursor_view.lines[1]
    assert said.startswith("domain: this")
    assert "scribbled: mine · hidden" in said
    certain = np.stack([labels == 0, labels == 1], axis=1).astype(np.float32) * np.float32(0.87)
    session.domains = replace(session.domains, probabilities=certain)
    point_at(pointing, SPOT + 1)
    assert pointing.cursor_view.lines[1].startswith("domain: others (0.87)")
    assert "hidden" not in pointing.cursor_view.lines[1]


def test_a_column_of_labels_in_the_file_is_said(empty_panel, settle):
    empty_panel.sections.open_sample()
    settle(empty_panel)
    point_at(empty_panel, SPOT)
    layer = empty_panel.workspace.session.slide.obs["layer"].astype(str).iloc[SPOT]
    assert f"layer: {layer}" in empty_panel.cursor_view.lines[1]


def test_of_a_hidden_spot_the_reconstruction_is_said_and_its_uncertainty(pointing, settle):
    session = pointing.workspace.session
    session.hide(np.arange(session.slide.n_spots) == SPOT)
    pointing.workspace.mask_changed.emit()
    pointing.hide_view.reconstruct.click()
    settle(pointing)
    point_at(pointing, SPOT)
    expected, sd = session.expected(5)[0], session.uncertainty(5)[0]
    assert f", reconstructed {expected:.2f} ± {sd:.2f}" in pointing.cursor_view.lines[0]
    point_at(pointing, SPOT + 1)
    assert "reconstructed" not in pointing.cursor_view.lines[0]


def test_off_the_tissue_off_the_canvas_and_in_three_dimensions_nothing_is_said(pointing):
    viewer = pointing.workspace.viewer
    viewer.cursor.position = (-1e6, -1e6)
    assert pointing.cursor_view.lines == ("", "")
    point_at(pointing, SPOT)
    assert pointing.cursor_view.lines[0]
    viewer.mouse_over_canvas = False
    assert pointing.cursor_view.lines == ("", "")
    viewer.dims.ndisplay = 3
    viewer.mouse_over_canvas = True
    assert pointing.cursor_view.lines == ("", "")


def test_a_section_that_is_closed_leaves_nothing_to_say(pointing):
    pointing.sections.close_current()
    assert pointing.cursor_view.lines == ("", "")


def test_long_lines_are_cut_and_said_in_full_by_the_tooltip(qtbot):
    view = CursorView()
    qtbot.addWidget(view)
    view.resize(200, 40)
    view.show()
    empty_px = view.sizeHint().height()
    view.say(("A" * 300, "layer: <b>"))
    assert len(view.text().splitlines()[0]) < 100
    assert "A" * 300 in view.toolTip()
    assert "layer: &lt;b&gt;" in view.toolTip()
    assert view.sizeHint().height() == empty_px >= 2 * view.fontMetrics().lineSpacing()
