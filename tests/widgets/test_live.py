"""Live mode: the shown gene is filled in where spots are hidden, while one draws."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from napari.utils.notifications import notification_manager
from numpy.typing import NDArray

from napari_stimg._widgets.dock import StimgWidget
from napari_stimg._widgets.drawings import LINE_SPOTS
from napari_stimg._widgets.layers import Role
from napari_stimg._widgets.session import open_session
from napari_stimg._widgets.tasks import Model
from napari_stimg.checkpoint import load_checkpoint
from napari_stimg.inference import QUICK, reconstruct
from napari_stimg.progress import run
from napari_stimg.slide import Slide

Settle = Callable[[StimgWidget], None]

GENE, OTHER_GENE = 3, 7


def hide(panel: StimgWidget, *spots: int) -> NDArray[np.intp]:
    """Hide these spots and no others, and return them."""
    hidden = np.zeros(panel.workspace.session.slide.n_spots, dtype=np.bool_)
    hidden[list(spots)] = True
    panel.workspace.session.hide(hidden)
    panel.workspace.mask_changed.emit()
    return np.flatnonzero(hidden)


def shown(panel: StimgWidget) -> NDArray[np.float32]:
    """Return the (S,) values in the gene's picture, at the spots' centres."""
    raster, layer = panel.workspace.session.raster, panel.workspace.pictures.layers.get(Role.GENE)
    rows, cols = np.rint((raster.centres - raster.translate) / raster.scale).astype(np.intp).T
    return np.asarray(layer.data)[rows, cols]


def expected(slide: Slide, spots: NDArray[np.intp], column: int, model_path: Path) -> NDArray[np.float32]:
    """Return the (N,) expected values of the hidden spots."""
    hidden = np.isin(np.arange(slide.n_spots), spots)
    genes = [str(slide.gene_names[column])]
    return run(reconstruct(slide, hidden, load_checkpoint(model_path), genes=genes, params=QUICK)).expected[:, 0]


@pytest.fixture
def live(panel: StimgWidget, settle: Settle) -> StimgWidget:
    """Return the panel with a gene shown and live mode on."""
    panel.genes.show_gene(GENE)
    panel.hide_view.live.setChecked(True)
    settle(panel)
    return panel


def test_the_outline_outlives_its_layer(live: StimgWidget, settle: Settle) -> None:
    hide(live, 5, 6)
    settle(live)
    layers = live.workspace.pictures.layers
    line = layers.get(Role.HIDDEN).contour
    assert line > 0
    live.workspace.viewer.layers.remove(layers.get(Role.HIDDEN))
    hide(live, 5, 6, 7)
    settle(live)
    assert layers.get(Role.HIDDEN).contour == line
    live.hide_view.live.setChecked(False)
    live.workspace.viewer.layers.remove(layers.get(Role.HIDDEN))
    hide(live, 5)
    assert layers.get(Role.HIDDEN).contour == 0


def test_hidden_spots_are_filled_in_and_outlined(
    live: StimgWidget, settle: Settle, slide: Slide, model_path: Path
) -> None:
    spots = hide(live, 50, 51, 52, 70)
    settle(live)
    truth = live.workspace.session.planes.expression(GENE)
    filled = expected(slide, spots, GENE, model_path)
    assert not np.allclose(filled, truth[spots])
    truth[spots] = filled
    np.testing.assert_allclose(shown(live), truth, atol=1e-6)
    line_px = live.workspace.pictures.layers.get(Role.HIDDEN).contour
    assert line_px == pytest.approx(
        LINE_SPOTS * live.workspace.session.lattice.pitch / live.workspace.session.raster.scale, abs=0.5
    )


def test_nothing_of_it_is_kept(live: StimgWidget, settle: Settle) -> None:
    hide(live, 50, 51)
    settle(live)
    assert live.workspace.session.reconstruction is None
    assert live.workspace.session.unsaved == {"mask"}


def test_the_newest_mask_is_filled_in(live: StimgWidget, settle: Settle, slide: Slide, model_path: Path) -> None:
    hide(live, 50, 51, 52)
    settle(live)
    hide(live, 60)
    spots = hide(live, 120, 121)
    settle(live)
    truth = live.workspace.session.planes.expression(GENE)
    truth[spots] = expected(slide, spots, GENE, model_path)
    np.testing.assert_allclose(shown(live), truth, atol=1e-6)


def test_another_gene_is_filled_in_too(live: StimgWidget, settle: Settle, slide: Slide, model_path: Path) -> None:
    spots = hide(live, 50, 51, 52)
    settle(live)
    live.genes.show_gene(OTHER_GENE)
    settle(live)
    np.testing.assert_allclose(shown(live)[spots], expected(slide, spots, OTHER_GENE, model_path), atol=1e-6)


def test_other_colours_keep_what_was_filled_in(
    live: StimgWidget, settle: Settle, slide: Slide, model_path: Path
) -> None:
    spots = hide(live, 50, 51, 52)
    settle(live)
    live.genes_view.colormap_requested.emit("magma")
    settle(live)
    np.testing.assert_allclose(shown(live)[spots], expected(slide, spots, GENE, model_path), atol=1e-6)


@pytest.mark.parametrize("is_done", [True, False])
def test_switched_off_the_truth_is_seen_again(live: StimgWidget, settle: Settle, is_done: bool) -> None:
    hide(live, 50, 51, 52)
    if is_done:
        settle(live)
    live.hide_view.live.setChecked(False)
    settle(live)
    np.testing.assert_array_equal(shown(live), live.workspace.session.planes.expression(GENE))
    assert live.workspace.pictures.layers.get(Role.HIDDEN).contour == 0


def test_an_empty_mask_shows_the_truth(live: StimgWidget, settle: Settle) -> None:
    hide(live, 50, 51, 52)
    settle(live)
    hide(live)
    settle(live)
    np.testing.assert_array_equal(shown(live), live.workspace.session.planes.expression(GENE))


def test_too_little_to_learn_from_shows_the_truth_without_an_error(live: StimgWidget, settle: Settle) -> None:
    failures: list[Exception] = []
    live.runners["live"].failed.connect(failures.append)
    hide(live, 50, 51, 52)
    settle(live)
    hide(live, *range(1, live.workspace.session.slide.n_spots))
    settle(live)
    assert failures == []
    np.testing.assert_array_equal(shown(live), live.workspace.session.planes.expression(GENE))


def test_a_section_that_is_left_shows_the_truth(live: StimgWidget, settle: Settle, slide: Slide) -> None:
    hide(live, 50, 51, 52)
    settle(live)
    live.workspace.add(run(open_session(slide)))
    live.hide_view.live.setChecked(False)
    live.workspace.choose(0)
    settle(live)
    np.testing.assert_array_equal(shown(live), live.workspace.session.planes.expression(GENE))


def test_hidden_counts_never_reach_what_is_filled_in(
    empty_panel: StimgWidget, settle: Settle, slide: Slide, model_path: Path
) -> None:
    spots, filled = np.array([50, 51, 52]), []
    counts = slide.counts.tolil(copy=True)
    counts[spots] = 40
    for measured in (slide, replace(slide, counts=counts.tocsr())):
        panel = empty_panel
        panel.workspace.use(Model(model_path))
        panel.workspace.add(run(open_session(measured)))
        panel.genes.show_gene(GENE)
        panel.hide_view.live.setChecked(True)
        hide(panel, *spots)
        settle(panel)
        assert not np.allclose(shown(panel)[spots], panel.workspace.session.planes.expression(GENE)[spots])
        filled.append(shown(panel)[spots])
    np.testing.assert_array_equal(*filled)


def test_without_a_gene_one_is_told_to_choose_one(panel: StimgWidget) -> None:
    n_before = len(notification_manager.records)
    panel.hide_view.live.setChecked(True)
    assert ["Choose a gene" in record.message for record in notification_manager.records[n_before:]] == [True]
