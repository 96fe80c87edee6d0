"""What the model sees, asked for from the crop box."""

import numpy as np
import pytest

from napari_stimg._widgets.camera import zoom_to
from napari_stimg._widgets.layers import Role


@pytest.fixture
def shown(panel):
    panel.section_view.crops.model_view_button.click()
    return panel


def outline(panel):
    return panel.workspace.pictures.layers.get(Role.SHOWN)


def test_the_crop_around_the_middle_of_the_canvas_is_outlined(panel):
    raster, spot = panel.workspace.session.raster, 7
    zoom_to(panel.workspace.pictures.layers, raster.centres)
    camera, world = panel.workspace.viewer.scene.camera, panel.workspace.pictures.layers.get(Role.GENE).scale[0]
    camera.center = (0.0, *(raster.centres[spot] * world / raster.scale))
    panel.section_view.crops.model_view_button.click()
    lattice = panel.workspace.session.lattice
    near = np.abs(lattice.cell_of_spot - lattice.cell_of_spot[spot] + 0.5).max(axis=1) < 8
    np.testing.assert_array_equal(panel.showing.shown.spots, near)
    np.testing.assert_array_equal(raster.spots_in_mask(np.asarray(outline(panel).data) > 0), near)
    assert outline(panel).contour > 0


def test_the_genes_are_listed_the_most_variable_first_and_drawn_again(shown):
    window, crop = shown.showing.window, shown.showing.shown
    assert window.isVisible()
    assert "(seed 0)" in window.said
    assert window.table.columns.order[0] == np.argmax(crop.variances)
    window.again.click()
    assert "(seed 1)" in window.said
    np.testing.assert_array_equal(shown.showing.shown.spots, crop.spots)


def test_a_gene_that_is_clicked_is_shown(shown):
    window, crop = shown.showing.window, shown.showing.shown
    window.table.choose_first()
    assert shown.workspace.session.display.column == crop.columns[np.argmax(crop.variances)]


def test_the_outline_goes_with_the_window(shown):
    assert outline(shown) is not None
    shown.showing.window.close()
    assert outline(shown) is None
