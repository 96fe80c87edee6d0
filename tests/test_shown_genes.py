"""What the model is shown of one crop, checked against a crop computed by hand."""

import numpy as np
import pytest
import scipy.sparse as sp

from napari_stimg.errors import InputError
from napari_stimg.lattice import find_lattice
from napari_stimg.shown_genes import N_CHANNELS, SIDE_CELLS, shown_crop
from napari_stimg.slide import Slide


@pytest.fixture(scope="module")
def slide():
    rng = np.random.default_rng(0)
    rows, cols = np.divmod(np.arange(30 * 20), 20)
    counts = rng.poisson(rng.gamma(1.0, 2.0, size=700), size=(600, 700))
    return Slide(
        name="square",
        counts=sp.csr_matrix(counts.astype(np.float32)),
        gene_names=np.array([f"G{number}" for number in range(700)]),
        places=np.stack([rows, cols], axis=1) * 10.0,
        spot_names=np.array([f"s{number}" for number in range(600)]),
    )


def test_the_crop_lies_around_the_spot_and_has_its_genes_variances(slide):
    lattice = find_lattice(slide)
    known = np.arange(0, 700, 1)
    shown = shown_crop(slide, lattice, 10 * 20 + 10, known=known, seed=0)
    rows, cols = np.divmod(np.arange(600), 20)
    inside = (rows >= 2) & (rows < 18) & (cols >= 2) & (cols < 18)
    np.testing.assert_array_equal(shown.spots, inside)
    assert shown.crop.shape == (SIDE_CELLS, SIDE_CELLS)
    counts = slide.counts[inside].toarray()
    logged = np.log1p(counts / counts.sum(axis=1, keepdims=True) * 1e4)
    np.testing.assert_allclose(shown.variances, logged.var(axis=0)[shown.columns], rtol=1e-3)
    assert shown.columns.size == N_CHANNELS
    assert (np.diff(shown.columns) > 0).all()


def test_another_seed_draws_other_genes_and_the_same_seed_the_same(slide):
    lattice, known = find_lattice(slide), np.arange(700)
    first, again, other = (shown_crop(slide, lattice, 0, known=known, seed=seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first.columns, again.columns)
    assert not np.array_equal(first.columns, other.columns)


def test_only_known_genes_are_drawn(slide):
    known = np.array([3, 50, 600])
    shown = shown_crop(slide, find_lattice(slide), 0, known=known, seed=0)
    np.testing.assert_array_equal(shown.columns, known)
    assert shown.n_known == 3
    with pytest.raises(InputError, match="genes that the model knows"):
        shown_crop(slide, find_lattice(slide), 0, known=np.empty(0, dtype=int), seed=0)
