"""Features of simple methods."""

from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse as sp

from napari_stimg.expression import log_expression
from napari_stimg.lattice import find_lattice
from napari_stimg.principal_components import MOST_ROWS, fit_components
from tests.known_slides import factor_checkpoint, simulated_slide
from trainer.evaluation.features import (
    PLACES,
    clustered_features,
    components,
    diffuse,
    joint_components,
    nearest_links,
    probed_features,
    shared_names,
)

SLIDE = simulated_slide()
LATTICE = find_lattice(SLIDE)
HEXAGON = np.array([[0, 0], [0, 1], [0, -1], [0.87, 0.5], [0.87, -0.5], [-0.87, 0.5], [-0.87, -0.5], [0, 2.0]])


def test_components_are_those_of_the_covariance() -> None:
    expression = log_expression(SLIDE.counts)
    found = fit_components(expression, 5)
    values, vectors = np.linalg.eigh(np.cov(expression.toarray().T))
    agreement = np.abs(found.directions @ vectors[:, ::-1][:, :5])
    np.testing.assert_allclose(np.diag(agreement), 1, atol=1e-3)
    scores = found.scores(expression)
    np.testing.assert_allclose(scores.mean(axis=0), 0, atol=1e-4)
    np.testing.assert_allclose(scores.var(axis=0, ddof=1), values[::-1][:5], rtol=1e-3)


def test_components_of_fewer_spots_than_genes_are_those_of_the_covariance() -> None:
    few = log_expression(SLIDE.counts)[:20]
    values = np.linalg.eigvalsh(np.cov(few.toarray().T))
    np.testing.assert_allclose(fit_components(few, 5).scores(few).var(axis=0, ddof=1), values[::-1][:5], rtol=1e-3)


def test_rough_components_hold_nearly_as_much() -> None:
    expression = log_expression(SLIDE.counts)
    exact, rough = (fit_components(expression, 5, rough=rough).scores(expression) for rough in (False, True))
    assert 0.95 * exact.var(axis=0).sum() < rough.var(axis=0).sum() <= 1.0001 * exact.var(axis=0).sum()


def test_no_more_components_than_genes() -> None:
    assert components(SLIDE, 500).shape == (SLIDE.n_spots, SLIDE.n_genes)


def test_components_of_very_many_spots_are_fitted_on_some() -> None:
    rng = np.random.default_rng(0)
    many = sp.csr_matrix(rng.normal(size=(MOST_ROWS + 5, 3)).astype(np.float32) * [9, 3, 1])
    directions = fit_components(many, 2).directions
    np.testing.assert_allclose(np.abs(directions), [[1, 0, 0], [0, 1, 0]], atol=0.05)
    assert not np.array_equal(directions, fit_components(many, 2, seed=1).directions)


def test_each_spot_is_linked_to_its_nearest_others() -> None:
    links = nearest_links(HEXAGON).toarray()
    np.testing.assert_allclose(links[0], [0, *[1 / 6] * 6, 0])
    np.testing.assert_allclose(links.sum(axis=1), 1)
    assert (links.diagonal() == 0).all()


def test_spots_at_one_place_are_linked_to_each_other_and_not_to_themselves() -> None:
    links = nearest_links(np.zeros((3, 2))).toarray()
    np.testing.assert_allclose(links, (1 - np.eye(3)) / 2)


def test_diffusion_solves_its_equation() -> None:
    values = np.random.default_rng(0).normal(size=(8, 3))
    spread = diffuse(values, HEXAGON)
    exact = np.linalg.solve(np.eye(8) - 0.8 * nearest_links(HEXAGON).toarray(), 0.2 * values)
    np.testing.assert_allclose(spread, exact, atol=1e-3)


def test_each_kind_of_features_is_another() -> None:
    made = {name: make() for name, make in clustered_features(SLIDE, LATTICE, factor_checkpoint()).items()}
    assert list(made) == ["PCA", "PCA smoothed", "PCA diffused", PLACES, "napari-stimg"]
    assert [len(values) for values in made.values()] == [SLIDE.n_spots] * 5
    np.testing.assert_array_equal(made[PLACES], LATTICE.positions)
    probed = {name: make() for name, make in probed_features(SLIDE, LATTICE, factor_checkpoint()).items()}
    assert list(probed) == list(made)
    assert probed["PCA"].shape[1] == probed["PCA diffused"].shape[1] == 50
    np.testing.assert_array_equal(probed["napari-stimg"], made["napari-stimg"])


def test_centred_components_do_not_tell_sections_apart() -> None:
    counts = SLIDE.counts.toarray()
    counts[:, :20] *= 5  # another platform's bias
    other = replace(SLIDE, name="other", counts=sp.csr_matrix(counts))
    apart = joint_components([SLIDE, other], 10, centred=False)
    assert np.abs(apart[0].mean(axis=0) - apart[1].mean(axis=0)).max() > 1
    for values in joint_components([SLIDE, other], 10, centred=True):
        np.testing.assert_allclose(values.mean(axis=0), 0, atol=1e-3)


@pytest.mark.parametrize("centred", [True, False])
def test_joint_components_of_one_section_are_its_own(centred: bool) -> None:
    (joint,) = joint_components([SLIDE], 3, centred=centred)
    np.testing.assert_allclose(np.abs(joint), np.abs(components(SLIDE, 3)), atol=0.05)


def test_shared_genes_are_named_alike() -> None:
    fewer = replace(SLIDE, counts=SLIDE.counts[:, 5:9], gene_names=SLIDE.gene_names[5:9], gene_ids=None)
    assert shared_names([SLIDE, fewer]) == SLIDE.gene_names[5:9].tolist()
