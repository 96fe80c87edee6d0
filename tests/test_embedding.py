from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy.spatial import cKDTree

from napari_stimg.checkpoint import Checkpoint
from napari_stimg.errors import InputError
from napari_stimg.inference import EMBEDDING_SIGMA, InferenceParameters, embed
from napari_stimg.lattice import find_lattice, sum_by_cell
from napari_stimg.neighbours import smooth
from napari_stimg.progress import run
from napari_stimg.slide import Slide
from napari_stimg.spatial_components import spatial_components, variable_genes
from napari_stimg.windows import WindowParameters
from tests.known_slides import (
    SMALL_WINDOWS,
    WIDTH,
    factor_checkpoint,
    irregular_checkpoint,
    irregular_slide,
    simulated_slide,
)


@pytest.fixture(scope="module")
def slide() -> Slide:
    return simulated_slide()


@pytest.fixture(scope="module")
def active() -> Checkpoint:
    return factor_checkpoint(active=True)


def test_every_spot_is_embedded(slide: Slide, active: Checkpoint) -> None:
    embedding = run(embed(slide, active))
    assert embedding.shape == (slide.n_spots, WIDTH)
    assert embedding.dtype == np.float32
    assert np.isfinite(embedding).all()


def test_an_embedding_is_what_surroundings_express_along_spatial_components(slide: Slide, active: Checkpoint) -> None:
    lattice = find_lattice(slide)
    shared = spatial_components(variable_genes(sum_by_cell(slide.counts, lattice)), lattice.token_positions)
    around = smooth(shared.scores, lattice.token_positions, sigma=EMBEDDING_SIGMA)[lattice.token_of_spot]
    embedding = run(embed(slide, active))
    turn, *_ = np.linalg.lstsq(around, embedding, rcond=None)
    np.testing.assert_allclose(around @ turn, embedding, atol=1e-3 * np.abs(embedding).max())


@pytest.mark.parametrize("n_spots", [1, 2, 3, 20])
def test_sections_of_few_spots_are_embedded(n_spots: int, slide: Slide, active: Checkpoint) -> None:
    embedding = run(embed(slide.select(np.arange(n_spots)), active))
    assert embedding.shape == (n_spots, WIDTH)
    assert np.isfinite(embedding).all()


def test_single_cells_are_averaged_over_their_surroundings() -> None:
    slide = irregular_slide()
    places = find_lattice(slide).positions
    embedding = run(embed(slide, irregular_checkpoint()))
    _, nearest = cKDTree(places).query(places, k=2)
    nearby = np.linalg.norm(embedding - embedding[nearest[:, 1]], axis=1).mean()
    anywhere = np.linalg.norm(embedding - embedding[::-1], axis=1).mean()
    assert nearby < 0.3 * anywhere


def test_equal_seeds_embed_alike(slide: Slide, active: Checkpoint) -> None:
    first, second = (run(embed(slide, active, params=SMALL_WINDOWS)) for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_spots_that_share_a_cell_share_its_embedding() -> None:
    slide = irregular_slide()
    token = find_lattice(slide).token_of_spot
    embedding = run(embed(slide, irregular_checkpoint()))
    first_of_cell = np.unique(token, return_index=True)[1]
    np.testing.assert_array_equal(embedding, embedding[first_of_cell][token])
    assert len(np.unique(embedding, axis=0)) == len(first_of_cell) < slide.n_spots


def test_the_order_of_spots_does_not_matter(slide: Slide, active: Checkpoint) -> None:
    order = np.random.default_rng(0).permutation(slide.n_spots)
    shuffled = run(embed(slide.select(order), active))
    np.testing.assert_allclose(shuffled, run(embed(slide, active))[order], rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(
    "change",
    [{"seed": 1}, {"n_rehearsals": 5}, {"windows": WindowParameters(side=12, stride=5)}],
    ids=str,
)
def test_every_parameter_changes_the_embedding(change: dict[str, Any], slide: Slide, active: Checkpoint) -> None:
    other = replace(SMALL_WINDOWS, **change)
    first, second = (run(embed(slide, active, params=params)) for params in (SMALL_WINDOWS, other))
    assert not np.array_equal(first, second)


@pytest.mark.parametrize("n_components", [1, 3, 12])
def test_an_embedding_holds_as_many_components_as_are_asked_for(
    n_components: int, slide: Slide, active: Checkpoint
) -> None:
    embedding = run(embed(slide, active, params=InferenceParameters(n_components=n_components)))
    assert np.linalg.matrix_rank(embedding, tol=1e-4 * np.linalg.norm(embedding)) <= n_components
    more = run(embed(slide, active, params=InferenceParameters(n_components=n_components + 1)))
    assert not np.allclose(embedding, more)


def test_an_embedding_of_no_component_is_refused() -> None:
    with pytest.raises(InputError, match="expected at least 1 spatial component, found 0"):
        InferenceParameters(n_components=0)
