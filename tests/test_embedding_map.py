import sys

import numpy as np
import pytest

from napari_stimg.embedding_map import embedding_map, has_umap
from napari_stimg.errors import InputError

METHODS = ("pca", "umap")


def three_kinds(n_spots: int = 90) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    kind = np.arange(n_spots) % 3
    return (5 * rng.normal(size=(3, 16)))[kind] + 0.1 * rng.normal(size=(n_spots, 16)), kind


@pytest.mark.parametrize("method", METHODS)
def test_spots_of_a_kind_lie_together_and_kinds_apart(method):
    embedding, kind = three_kinds()
    places = embedding_map(embedding.astype(np.float32), method=method)
    assert places.shape == (90, 2)
    assert places.dtype == np.float32
    centres = np.stack([places[kind == number].mean(axis=0) for number in range(3)])
    nearest = np.linalg.norm(places[:, None] - centres, axis=2).argmin(axis=1)
    np.testing.assert_array_equal(nearest, kind)


@pytest.mark.parametrize("method", METHODS)
def test_the_same_embedding_has_the_same_map(method):
    embedding, _ = three_kinds()
    np.testing.assert_array_equal(
        embedding_map(embedding, method=method), embedding_map(embedding.copy(), method=method)
    )


def test_principal_components_keep_distances_in_a_plane_and_do_not_depend_on_the_origin():
    rng = np.random.default_rng(0)
    plane, turn = rng.normal(size=(40, 2)), np.linalg.qr(rng.normal(size=(7, 7)))[0][:2]
    places = embedding_map(plane @ turn + 3.0)
    np.testing.assert_allclose(
        np.linalg.norm(places[:, None] - places, axis=2), np.linalg.norm(plane[:, None] - plane, axis=2), atol=1e-5
    )
    assert places[:, 0].var() > places[:, 1].var()
    np.testing.assert_allclose(places.mean(axis=0), 0, atol=1e-6)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("shape", [(20, 1), (1, 4), (2, 8), (5, 3), (12, 4)])
def test_small_sections_and_embeddings_have_maps_too(shape, method):
    places = embedding_map(np.random.default_rng(0).normal(size=shape), method=method)
    assert places.shape == (shape[0], 2)
    assert np.isfinite(places).all()


def test_another_method_is_named():
    with pytest.raises(InputError, match="expected the method pca or umap, found tsne"):
        embedding_map(np.zeros((5, 3)), method="tsne")


def test_how_to_install_umap_is_said_where_it_is_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "umap", None)
    assert not has_umap()
    with pytest.raises(InputError, match=r"pip install 'napari-stimg\[umap\]'"):
        embedding_map(np.zeros((5, 3)), method="umap")
