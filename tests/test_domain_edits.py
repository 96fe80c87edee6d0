"""Domains merged and split by hand."""

import numpy as np
import pytest

from napari_stimg.domain_edits import merge_domains, split_domain
from napari_stimg.domains import ClusterParameters
from napari_stimg.errors import InputError

LABELS = np.array([0, 1, 2, 3, -1, 2, 1])
PROBABILITIES = np.array(
    [
        [0.7, 0.1, 0.1, 0.1],
        [0.1, 0.5, 0.3, 0.1],
        [0.2, 0.2, 0.4, 0.2],
        [0.0, 0.1, 0.2, 0.7],
        [0.25, 0.25, 0.25, 0.25],
        [0.1, 0.1, 0.7, 0.1],
        [0.0, 0.9, 0.1, 0.0],
    ],
    dtype=np.float32,
)
RAGGED = ClusterParameters(refine=False)


def test_merged_domains_take_the_lowest_number_and_add_their_probabilities():
    edit = merge_domains(LABELS, [3, 1], probabilities=PROBABILITIES)
    assert edit.labels.tolist() == [0, 1, 2, 1, -1, 2, 1]
    assert edit.origins == (0, 1, 2)
    np.testing.assert_allclose(edit.probabilities[:, 1], PROBABILITIES[:, 1] + PROBABILITIES[:, 3])
    np.testing.assert_allclose(edit.probabilities.sum(axis=1), 1.0, atol=1e-6)


def test_numbers_above_a_merged_domain_close_up():
    edit = merge_domains(LABELS, [0, 1])
    assert edit.labels.tolist() == [0, 0, 1, 2, -1, 1, 0]
    assert edit.origins == (0, 2, 3)
    assert edit.probabilities is None


def test_all_domains_can_become_one():
    assert merge_domains(LABELS, range(4)).labels.tolist() == [0, 0, 0, 0, -1, 0, 0]


@pytest.mark.parametrize(
    ("merged", "problem"), [([1], "at least two domains to merge, found 1"), ([1, 4], "0 to 3, found")]
)
def test_what_cannot_be_merged_is_refused(merged, problem):
    with pytest.raises(InputError, match=problem):
        merge_domains(LABELS, merged)


def halved():
    """Return labels, embedding, positions: domain 1 is 30 spots of one kind and 20 of another, domain 0 a third."""
    rng = np.random.default_rng(0)
    kind = np.repeat([0, 1, 2], [40, 30, 20])
    embedding = 5.0 * np.eye(3, 6)[kind] + 0.1 * rng.standard_normal((90, 6))
    positions = np.column_stack([np.arange(90) // 10, np.arange(90) % 10]).astype(np.float64)
    return np.minimum(kind, 1), kind, embedding.astype(np.float32), positions


@pytest.mark.parametrize("method", ["gmm", "kmeans"])
def test_a_domain_is_split_where_its_embedding_is(method):
    labels, kind, embedding, positions = halved()
    params = ClusterParameters(method=method, refine=False, n_domains=9)
    edit = split_domain(labels, 1, embedding, positions, params=params)
    assert edit.labels.tolist() == kind.tolist()
    assert edit.origins == (0, 1, 1)
    assert labels.max() == 1  # what was given is not changed


def test_a_split_domain_shares_its_probability():
    labels, kind, embedding, positions = halved()
    probabilities = np.full((90, 2), 0.5, dtype=np.float32)
    edit = split_domain(labels, 1, embedding, positions, params=RAGGED, probabilities=probabilities)
    np.testing.assert_allclose(edit.probabilities.sum(axis=1), 1.0)
    np.testing.assert_array_equal(edit.probabilities[kind == 2], [[0.5, 0.0, 0.5]] * 20)
    np.testing.assert_array_equal(edit.probabilities[kind == 1], [[0.5, 0.5, 0.0]] * 30)


def test_spots_of_no_domain_stay_so():
    labels, _, embedding, positions = halved()
    labels[:5] = -1
    assert (split_domain(labels, 1, embedding, positions, params=RAGGED).labels[:5] == -1).all()


def test_what_cannot_be_split_is_refused():
    labels, _, embedding, positions = halved()
    with pytest.raises(InputError, match="0 to 1, found"):
        split_domain(labels, 2, embedding, positions, params=RAGGED)
    labels[:] = 0
    labels[0] = 1
    with pytest.raises(InputError, match="at least 2 spots to split, found 1"):
        split_domain(labels, 1, embedding, positions, params=RAGGED)


def test_a_part_that_smoothing_would_swallow_is_told():
    labels = np.zeros(30, dtype=np.intp)
    embedding = np.zeros((30, 3), dtype=np.float32)
    embedding[7] = 9.0
    positions = np.column_stack([np.arange(30) // 6, np.arange(30) % 6]).astype(np.float64)
    with pytest.raises(InputError, match="stays one when it is smoothed"):
        split_domain(labels, 0, embedding, positions, params=ClusterParameters(method="kmeans"))
    ragged = ClusterParameters(method="kmeans", refine=False)
    assert split_domain(labels, 0, embedding, positions, params=ragged).labels[7] == 1
