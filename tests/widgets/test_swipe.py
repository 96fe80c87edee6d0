"""The slider that reveals the reconstruction over the truth."""

from collections.abc import Callable

import numpy as np
import pytest

from napari_stimg._widgets.compare_view import FULL_SWIPE
from napari_stimg._widgets.dock import StimgWidget
from napari_stimg._widgets.layers import Role
from napari_stimg._widgets.pictures import Stage
from napari_stimg._widgets.session import open_session
from napari_stimg.progress import run

Settle = Callable[[StimgWidget], None]

GENE = 3
HIDDEN = (50, 51, 52, 70)


def shown(panel: StimgWidget) -> np.ndarray:
    """Return the (S,) values in the swiped picture, at the spots' centres."""
    raster, layer = panel.workspace.session.raster, panel.workspace.pictures.layers.get(Role.SWIPE)
    rows, cols = np.rint((raster.centres - raster.translate) / raster.scale).astype(np.intp).T
    return np.asarray(layer.data)[rows, cols]


@pytest.fixture
def reconstructed(panel: StimgWidget, settle: Settle) -> StimgWidget:
    """Return the panel with hidden spots reconstructed, side by side."""
    panel.genes.show_gene(GENE)
    hidden = np.zeros(panel.workspace.session.slide.n_spots, dtype=np.bool_)
    hidden[list(HIDDEN)] = True
    panel.workspace.session.hide(hidden)
    panel.workspace.mask_changed.emit()
    panel.hide_view.choose_genes(2)
    panel.hide_view.reconstruct.click()
    settle(panel)
    return panel


def test_what_is_left_of_the_cut_is_reconstructed_and_the_rest_is_true(reconstructed: StimgWidget) -> None:
    session = reconstructed.workspace.session
    across = session.raster.centres[list(HIDDEN), 1]
    reconstructed.hide_view.compare.swipe.setValue(FULL_SWIPE // 2)
    left = across <= (across.min() + across.max()) / 2
    assert 0 < left.sum() < len(HIDDEN)
    expected = session.planes.expression(GENE)
    expected[np.array(HIDDEN)[left]] = session.expected(GENE)[left]
    np.testing.assert_allclose(shown(reconstructed), expected)


def test_all_the_way_to_the_right_everything_hidden_is_reconstructed(reconstructed: StimgWidget) -> None:
    reconstructed.hide_view.compare.swipe.setValue(FULL_SWIPE)
    np.testing.assert_allclose(shown(reconstructed)[list(HIDDEN)], reconstructed.workspace.session.expected(GENE))


def test_swiping_leaves_side_by_side_and_outlines_the_mask(reconstructed: StimgWidget) -> None:
    assert reconstructed.workspace.is_comparing
    reconstructed.hide_view.compare.swipe.setValue(FULL_SWIPE // 2)
    assert not reconstructed.workspace.is_comparing
    assert reconstructed.hide_view.compare.swipe.value() == FULL_SWIPE // 2
    assert reconstructed.workspace.pictures.layers.get(Role.HIDDEN).contour > 0


def test_back_at_the_left_the_layer_and_the_outline_are_gone(reconstructed: StimgWidget) -> None:
    reconstructed.hide_view.compare.swipe.setValue(FULL_SWIPE)
    reconstructed.hide_view.compare.swipe.setValue(0)
    assert Role.SWIPE not in reconstructed.workspace.pictures.layers
    assert reconstructed.workspace.pictures.layers.get(Role.HIDDEN).contour == 0


@pytest.mark.parametrize("leave", ["side by side", "domains"])
def test_looking_at_something_else_ends_it(reconstructed: StimgWidget, leave: str) -> None:
    reconstructed.hide_view.compare.swipe.setValue(FULL_SWIPE)
    if leave == "domains":
        reconstructed.workspace.bring_up(Stage.DOMAINS)
    else:
        reconstructed.workspace.compare(True)
    assert reconstructed.hide_view.compare.swipe.value() == 0
    assert Role.SWIPE not in reconstructed.workspace.pictures.layers


def test_another_section_ends_it(reconstructed: StimgWidget) -> None:
    reconstructed.hide_view.compare.swipe.setValue(FULL_SWIPE)
    before = reconstructed.workspace.pictures
    reconstructed.workspace.add(run(open_session(before.session.slide)))
    assert Role.SWIPE not in before.layers
    assert reconstructed.hide_view.compare.swipe.value() == 0


def test_a_gene_that_was_not_reconstructed_is_shown_as_it_is(reconstructed: StimgWidget) -> None:
    session = reconstructed.workspace.session
    reconstructed.hide_view.compare.swipe.setValue(FULL_SWIPE)
    absent = int(np.setdiff1d(np.arange(session.slide.n_genes), session.reconstruction.columns)[0])
    reconstructed.genes.show_gene(absent)
    assert Role.SWIPE not in reconstructed.workspace.pictures.layers
    reconstructed.genes.show_gene(GENE)
    np.testing.assert_allclose(shown(reconstructed)[list(HIDDEN)], session.expected(GENE))
