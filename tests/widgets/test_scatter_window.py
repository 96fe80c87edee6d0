"""The window of truth against reconstruction, asked for from the panel."""

from collections.abc import Callable

import numpy as np
import pytest

from napari_stimg._widgets.dock import StimgWidget

Settle = Callable[[StimgWidget], None]

GENE = 3
HIDDEN = (50, 51, 52, 70)


def hide(panel: StimgWidget, *spots: int) -> None:
    """Hide these spots and no others."""
    hidden = np.zeros(panel.workspace.session.slide.n_spots, dtype=np.bool_)
    hidden[list(spots)] = True
    panel.workspace.session.hide(hidden)
    panel.workspace.mask_changed.emit()


@pytest.fixture
def opened(panel: StimgWidget, settle: Settle) -> StimgWidget:
    """Return the panel with spots reconstructed, and the window open on a gene."""
    panel.genes.show_gene(GENE)
    hide(panel, *HIDDEN)
    panel.hide_view.choose_genes(2)
    panel.hide_view.reconstruct.click()
    settle(panel)
    panel.hide_view.compare.scatter.click()
    return panel


def points(panel: StimgWidget) -> np.ndarray:
    """Return the (N, 2) points drawn."""
    return np.asarray(panel.scatter.window.figure.axes.collections[0].get_offsets())


def test_points_are_truth_and_reconstruction_of_the_hidden_spots(opened: StimgWidget) -> None:
    session = opened.workspace.session
    assert opened.scatter.window.isVisible()
    np.testing.assert_allclose(points(opened)[:, 0], session.planes.expression(GENE)[list(HIDDEN)])
    np.testing.assert_allclose(points(opened)[:, 1], session.expected(GENE))


def test_the_window_follows_the_gene_that_is_shown(opened: StimgWidget) -> None:
    columns = opened.workspace.session.reconstruction.columns
    other = int(columns[columns != GENE][0])
    opened.genes.show_gene(other)
    np.testing.assert_allclose(points(opened)[:, 1], opened.workspace.session.expected(other))


def test_a_gene_that_was_not_reconstructed_is_said_to_be_so(opened: StimgWidget) -> None:
    session = opened.workspace.session
    absent = int(np.setdiff1d(np.arange(session.slide.n_genes), session.reconstruction.columns)[0])
    opened.genes.show_gene(absent)
    window = opened.scatter.window
    assert f"{session.slide.gene_names[absent]} was not reconstructed" in window.note_text
    assert not window.figure.save_button.isEnabled()


def test_another_mask_is_said_to_be_newer(opened: StimgWidget) -> None:
    assert opened.scatter.window.note_text == ""
    hide(opened, 10)
    assert "mask has changed" in opened.scatter.window.note_text
    assert len(points(opened)) == len(HIDDEN)


def test_without_a_reconstruction_there_is_nothing_to_draw(panel: StimgWidget) -> None:
    assert not panel.hide_view.compare.isEnabled()
    panel.scatter.open()
    assert panel.scatter.window is None
