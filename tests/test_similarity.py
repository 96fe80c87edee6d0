import numpy as np

from napari_stimg.similarity import similarity


def test_a_spot_is_like_itself_and_like_its_kind_and_unlike_its_opposite() -> None:
    rng = np.random.default_rng(0)
    kind = np.repeat([1.0, -1.0], 50)
    embedding = 7 + kind[:, None] * np.array([3.0, 1.0]) + 0.1 * rng.normal(size=(100, 2))
    alike = similarity(embedding, 3)
    assert alike.dtype == np.float32
    assert alike[3] == 1
    assert alike[kind > 0].min() > 0.9
    assert alike[kind < 0].max() < -0.9


def test_it_is_the_cosine_about_the_mean() -> None:
    embedding = np.random.default_rng(0).normal(size=(30, 5)).astype(np.float32)
    apart = embedding - embedding.mean(axis=0)
    unit = apart / np.linalg.norm(apart, axis=1, keepdims=True)
    np.testing.assert_allclose(similarity(embedding, 4), unit @ unit[4], atol=1e-6)


def test_where_nothing_sets_spots_apart_none_is_alike() -> None:
    assert not similarity(np.ones((6, 3)), 0).any()
