import numpy as np
import pytest

from napari_stimg.embedding_colors import embedding_colors


def test_spots_that_are_alike_have_alike_colours_and_others_do_not() -> None:
    rng = np.random.default_rng(0)
    kind = rng.integers(0, 3, 300)
    centres = 5 * rng.normal(size=(3, 16))
    colors = embedding_colors(centres[kind] + 0.1 * rng.normal(size=(300, 16))).astype(float)
    means = np.stack([colors[kind == number].mean(axis=0) for number in range(3)])
    within = np.linalg.norm(colors[:, :2] - means[kind][:, :2], axis=1).max()  # of three centres two components tell
    between = np.linalg.norm(means[[0, 0, 1], :2] - means[[1, 2, 2], :2], axis=1).min()
    assert within < between / 3


def test_the_largest_component_is_red_and_a_few_odd_spots_do_not_make_the_others_grey() -> None:
    rng = np.random.default_rng(0)
    along = np.linspace(0, 1, 500)
    embedding = np.column_stack([10 * along, *rng.normal(scale=0.1, size=(2, 500))])
    embedding[7, 0] = 100.0
    red = embedding_colors(embedding)[:, 0].astype(float)
    assert abs(np.corrcoef(np.delete(red, 7), np.delete(along, 7))[0, 1]) > 0.99
    assert np.ptp(np.delete(red, 7)) > 200


@pytest.mark.parametrize("shape", [(20, 1), (20, 2), (2, 8), (1, 4)])
def test_small_sections_and_embeddings_have_colours_too(shape: tuple[int, int]) -> None:
    colors = embedding_colors(np.random.default_rng(0).normal(size=shape))
    assert colors.shape == (shape[0], 3)
    assert colors.dtype == np.uint8
    assert (colors[:, shape[1] :] == 128).all()


def test_spots_that_are_all_the_same_are_grey() -> None:
    assert (embedding_colors(np.ones((9, 4))) == 128).all()


def test_the_same_embedding_has_the_same_colours() -> None:
    embedding = np.random.default_rng(0).normal(size=(50, 8))
    np.testing.assert_array_equal(embedding_colors(embedding), embedding_colors(embedding.copy()))
