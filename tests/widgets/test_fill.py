"""Holes filled from the panel."""

from collections.abc import Callable

import numpy as np
import pytest

from napari_stimg._widgets.dock import StimgWidget
from napari_stimg._widgets.layers import Role
from napari_stimg._widgets.pictures import Stage
from napari_stimg._widgets.session import open_session
from napari_stimg.checkpoint import load_checkpoint
from napari_stimg.holes import fill_holes
from napari_stimg.lattice import find_lattice
from napari_stimg.progress import run
from napari_stimg.slide import Slide

Settle = Callable[[StimgWidget], None]

GENE, OTHER_GENE = 3, 7


@pytest.fixture
def torn(slide: Slide) -> Slide:
    """Return the small section with a hole of 3 x 3 cells in it."""
    cells = find_lattice(slide).cell_of_spot
    return slide.select(~((cells >= [8, 3]) & (cells < [11, 6])).all(axis=1))


@pytest.fixture
def filled(empty_panel: StimgWidget, settle: Settle, torn: Slide) -> StimgWidget:
    """Return a panel with a gene of the torn section filled in."""
    empty_panel.workspace.add(run(open_session(torn)))
    empty_panel.genes.show_gene(GENE)
    empty_panel.hide_view.ask.fill.click()
    settle(empty_panel)
    return empty_panel


def test_the_layer_holds_what_is_expected_and_only_where_nothing_was_measured(filled, torn, model_path) -> None:
    layer, raster = filled.workspace.pictures.layers.get(Role.FILLED), filled.workspace.session.raster
    genes = [str(torn.gene_names[GENE])]
    result = run(fill_holes(torn, load_checkpoint(model_path), genes=genes))
    shown = np.isfinite(layer.data)
    assert shown.any()
    assert not (shown & (raster.idmap >= 0)).any()
    np.testing.assert_allclose(np.unique(layer.data[shown]), np.unique(result.expected[:, 0]), atol=1e-5)
    assert "predicted, not measured" in layer.name


def test_nothing_of_it_is_kept(filled: StimgWidget) -> None:
    assert filled.workspace.session.unsaved == set()
    assert filled.workspace.session.reconstruction is None


def test_another_gene_takes_the_layer_away_and_other_colours_do_not(filled: StimgWidget) -> None:
    filled.genes_view.colormap_requested.emit("magma")
    assert filled.workspace.pictures.layers.get(Role.FILLED).colormap.name == "magma"
    filled.genes.show_gene(OTHER_GENE)
    assert Role.FILLED not in filled.workspace.pictures.layers


def test_it_is_seen_with_the_gene_only(filled: StimgWidget) -> None:
    layer = filled.workspace.pictures.layers.get(Role.FILLED)
    filled.workspace.bring_up(Stage.DOMAINS)
    assert not layer.visible
    filled.workspace.bring_up(Stage.GENE)
    assert layer.visible


def test_another_section_takes_the_layer_away(filled: StimgWidget, slide: Slide) -> None:
    before = filled.workspace.pictures
    filled.workspace.add(run(open_session(slide)))
    assert Role.FILLED not in before.layers
