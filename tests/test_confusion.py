"""Domains counted against labels."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from napari_stimg.confusion import confusion, draw_confusion
from napari_stimg.errors import InputError

LABELS = np.array([0, 0, 0, 1, 1, 2, -1])
DOMAINS = np.array([1, 1, 0, 0, 0, -1, 1])


def test_spots_that_have_both_are_counted():
    table = confusion(LABELS, DOMAINS, n_labels=3, n_domains=2)
    assert table.counts.tolist() == [[1, 2], [2, 0], [0, 0]]
    assert table.n_spots == 5
    np.testing.assert_allclose(table.shares, [[1 / 3, 2 / 3], [1, 0], [0, 0]])


def test_the_same_division_by_other_numbers_agrees_fully():
    table = confusion(LABELS, np.array([2, 2, 2, 0, 0, 1, 3]), n_labels=3, n_domains=4)
    assert table.ari == pytest.approx(1.0)
    assert table.nmi == pytest.approx(1.0)


def test_a_division_across_the_labels_does_not():
    labels, domains = np.divmod(np.arange(400) % 4, 2)
    table = confusion(labels, domains, n_labels=2, n_domains=2)
    assert table.ari == pytest.approx(0.0, abs=0.01)
    assert table.nmi == pytest.approx(0.0, abs=0.01)


def test_without_common_spots_there_is_nothing_to_say():
    with pytest.raises(InputError, match="both a label and a domain, found none"):
        confusion(LABELS, np.full(7, -1), n_labels=3, n_domains=2)


def test_a_picture_of_many_cells_has_no_numbers():
    axes = Figure().add_subplot()
    table = confusion(np.arange(60), np.arange(60) // 2, n_labels=60, n_domains=30)
    draw_confusion(axes, table, label_names=[str(i) for i in range(60)], domain_names=[str(i) for i in range(30)])
    assert not axes.texts
    assert axes.images[0].get_array().shape == (60, 30)


def test_the_picture_counts_every_pair_and_orders_domains_as_the_labels_are():
    axes = Figure().add_subplot()
    table = confusion(LABELS, DOMAINS, n_labels=3, n_domains=2)
    draw_confusion(axes, table, label_names=["L1", "L2", "L3"], domain_names=["inner", "outer"], key="layer")
    assert [tick.get_text() for tick in axes.get_xticklabels()] == ["outer", "inner"]
    assert [tick.get_text() for tick in axes.get_yticklabels()] == ["L1", "L2", "L3"]
    assert sorted(text.get_text() for text in axes.texts) == ["1", "2", "2"]
    np.testing.assert_allclose(axes.images[0].get_array()[0], [2 / 3, 1 / 3])
    assert axes.get_ylabel() == "layer"
    assert "ARI" in axes.get_title()
