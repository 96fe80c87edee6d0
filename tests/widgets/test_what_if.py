"""The what-if window, asked for from the panel."""

from collections.abc import Callable

import numpy as np
import pytest

from napari_stimg._widgets.dock import StimgWidget
from napari_stimg._widgets.layers import Role
from napari_stimg._widgets.pictures import Stage
from napari_stimg._widgets.session import open_session
from napari_stimg.checkpoint import load_checkpoint
from napari_stimg.expression_change import Scale
from napari_stimg.progress import run
from napari_stimg.what_if import what_if

Settle = Callable[[StimgWidget], None]

HIDDEN = (50, 51, 52, 70)


def hide(panel: StimgWidget, *spots: int) -> None:
    """Hide these spots and no others."""
    hidden = np.zeros(panel.workspace.session.slide.n_spots, dtype=np.bool_)
    hidden[list(spots)] = True
    panel.workspace.session.hide(hidden)
    panel.workspace.mask_changed.emit()


def shown(panel: StimgWidget) -> np.ndarray:
    """Return the (S,) values in the what-if picture, at the spots' centres."""
    raster, layer = panel.workspace.session.raster, panel.workspace.pictures.layers.get(Role.WHAT_IF)
    rows, cols = np.rint((raster.centres - raster.translate) / raster.scale).astype(np.intp).T
    return np.asarray(layer.data)[rows, cols]


@pytest.fixture
def gene(slide) -> int:
    """Return the gene that is counted most in the hidden spots."""
    return int(np.argmax(np.asarray(slide.counts[list(HIDDEN)].sum(axis=0)).ravel()))


@pytest.fixture
def answered(panel: StimgWidget, settle: Settle, gene: int) -> StimgWidget:
    """Return the panel with a gene knocked out in the hidden spots, all genes asked for."""
    panel.genes.show_gene(gene)
    hide(panel, *HIDDEN)
    panel.hide_view.choose_genes(None)
    panel.hide_view.ask.what_if.click()
    panel.what_if.window.ask.click()
    settle(panel)
    return panel


def test_the_picture_is_the_change_of_the_gene_shown(answered, slide, gene, model_path) -> None:
    chosen = np.isin(np.arange(slide.n_spots), HIDDEN)
    name, change = str(slide.gene_names[gene]), Scale(factor=0.0)
    result = run(what_if(slide, chosen, load_checkpoint(model_path), gene=name, change=change))
    expected = np.full(slide.n_spots, np.nan, dtype=np.float32)
    expected[result.spots] = result.change[:, gene]
    assert np.nanmax(np.abs(expected)) > 0
    np.testing.assert_allclose(shown(answered), expected, atol=1e-6)
    layer = answered.workspace.pictures.layers.get(Role.WHAT_IF)
    assert layer.name == f"What-if: change of {slide.gene_names[gene]}"
    assert layer.contrast_limits[0] == -layer.contrast_limits[1]


def test_a_gene_of_the_table_is_shown_with_its_own_change(answered, slide, gene) -> None:
    before = shown(answered)
    other = (gene + 1) % slide.n_genes
    answered.genes.show_gene(other)
    assert str(slide.gene_names[other]) in answered.workspace.pictures.layers.get(Role.WHAT_IF).name
    assert not np.array_equal(before, shown(answered), equal_nan=True)
    answered.what_if.window.table.choose_first()
    first = answered.what_if.window.table.columns.order[0]
    assert answered.workspace.session.display.column == answered.what_if.window._columns[first]


def test_the_factor_asked_for_is_the_one_used(answered, settle) -> None:
    knocked_out = shown(answered)
    answered.what_if.window.factor.setValue(5.0)
    answered.what_if.window.ask.click()
    settle(answered)
    assert "x 5 in 4 spots" in answered.what_if.window.result_text
    assert not np.array_equal(knocked_out, shown(answered), equal_nan=True)


def test_a_gene_can_be_set_to_a_value(answered, settle) -> None:
    window, knocked_out = answered.what_if.window, shown(answered)
    assert window.factor.isVisible()
    assert not window.value.isVisible()
    window.kind.setCurrentIndex(1)
    assert window.value.isVisible()
    assert not window.factor.isVisible()
    window.value.setValue(0.0)
    window.ask.click()
    settle(answered)
    np.testing.assert_allclose(shown(answered), knocked_out, atol=1e-5)
    window.value.setValue(6.5)
    window.ask.click()
    settle(answered)
    assert "were 6.5 in 4 spots" in window.result_text
    assert not np.allclose(shown(answered), knocked_out, atol=1e-5, equal_nan=True)


def test_what_is_measured_there_is_said(answered, gene) -> None:
    values, said = answered.workspace.session.planes.expression(gene), answered.what_if.window.change_text
    assert f"{values[list(HIDDEN)].mean():.2f} there on average, and {values.max():.2f}" in said


def test_without_hidden_spots_nothing_can_be_asked(answered) -> None:
    assert answered.what_if.window.ask.isEnabled()
    hide(answered)
    assert not answered.what_if.window.ask.isEnabled()
    assert "Hide or choose the spots" in answered.what_if.window.change_text


def test_chosen_spots_do_where_none_are_hidden(answered) -> None:
    answered.workspace.session.chosen = np.arange(answered.workspace.session.slide.n_spots) < 9
    hide(answered)
    assert "the 9 chosen spots" in answered.what_if.window.change_text


def test_it_is_seen_with_the_gene_only(answered) -> None:
    layer = answered.workspace.pictures.layers.get(Role.WHAT_IF)
    answered.workspace.bring_up(Stage.DOMAINS)
    assert not layer.visible
    answered.workspace.bring_up(Stage.GENE)
    assert layer.visible


def test_the_layer_goes_with_the_window(answered) -> None:
    answered.what_if.window.close()
    assert Role.WHAT_IF not in answered.workspace.pictures.layers
    assert answered.workspace.session.unsaved == {"mask"}


def test_another_section_closes_the_window(answered, slide) -> None:
    before = answered.workspace.pictures
    answered.workspace.add(run(open_session(slide)))
    assert not answered.what_if.window.isVisible()
    assert Role.WHAT_IF not in before.layers


def test_a_gene_must_be_shown(panel: StimgWidget) -> None:
    hide(panel, *HIDDEN)
    panel.what_if.open()
    assert "Choose the gene" in panel.what_if.window.change_text


def test_the_mask_is_an_outline_while_the_change_is_seen_under_it(answered) -> None:
    layer = answered.workspace.pictures.layers.get(Role.HIDDEN)
    assert layer.contour > 0
    answered.workspace.bring_up(Stage.CHANNELS)
    assert layer.contour == 0
    answered.workspace.bring_up(Stage.GENE)
    assert layer.contour > 0
    answered.what_if.close()
    assert layer.contour == 0
