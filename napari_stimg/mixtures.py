"""Gaussian mixtures of an embedding, and what several of them agree on.

One mixture is a matter of luck: other first centres give other domains. A vote of many is steadier, and closer to
experts' labels than its average voter (docs/tried.md).
"""

from collections.abc import Sequence
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from sklearn.mixture import GaussianMixture

N_VOTERS = 12
"""Mixtures that vote on domains."""

MOST_FITTED = 5000
"""Spots that each of them is fitted to, chosen at random where there are more."""

MOST_ROUNDS = 10
"""Rounds in which clusterings are matched to the vote of the last one."""


def mixture(n_domains: int, *, seed: int, n_starts: int) -> "GaussianMixture":
    """Return a mixture of Gaussians of one covariance, yet to be fitted: the likeliest of those from several starts."""
    from sklearn.mixture import GaussianMixture

    return GaussianMixture(n_domains, covariance_type="tied", n_init=n_starts, reg_covar=1e-4, random_state=seed)


def vote_of_mixtures(places: NDArray[np.float64], n_domains: int, *, seed: int) -> NDArray[np.int64]:
    """Return the (S,) domains that mixtures of different first centres agree on.

    Parameters
    ----------
    places : (S, D) float
        Principal components of an embedding (``domains.components``).
    n_domains : int
        How many, at most S.
    seed : int
        Of the first centres, and of which spots they are fitted to.
    """
    rng = np.random.default_rng(seed)
    some = rng.permutation(len(places))[: max(MOST_FITTED, n_domains)]
    voters = [
        mixture(n_domains, seed=int(start), n_starts=1).fit(places[some]).predict(places)
        for start in rng.integers(2**31, size=N_VOTERS)
    ]
    return vote(voters, n_domains)


def vote(clusterings: Sequence[NDArray[np.integer]], n_clusters: int) -> NDArray[np.int64]:
    """Return the (S,) clusters that most clusterings put each spot in.

    The clusters of each are matched to those of the clustering that agrees most with the others, so that as many spots
    as can be meet their own; then to the vote, until it stands. Where the vote leaves a cluster empty, that first
    clustering is returned instead.

    Parameters
    ----------
    clusterings : sequence of (S,) int
        Clusters 0 to ``n_clusters`` - 1, numbered in any order; at least one clustering.
    n_clusters : int
        How many.
    """
    typical = np.asarray(_most_typical(clusterings), dtype=np.int64)
    voted = typical
    for _ in range(MOST_ROUNDS):
        votes = np.zeros((len(voted), n_clusters))
        for clusters in clusterings:
            votes[np.arange(len(voted)), _match(clusters, voted, n_clusters)[clusters]] += 1
        before, voted = voted, votes.argmax(axis=1)
        if np.array_equal(before, voted):
            break
    return voted if np.unique(voted).size >= np.unique(typical).size else typical


def _most_typical(clusterings: Sequence[NDArray[np.integer]]) -> NDArray[np.integer]:
    """Return the clustering that agrees most with all, by the adjusted Rand index."""
    from sklearn.metrics import adjusted_rand_score

    agreement = np.zeros(len(clusterings))
    for one, other in combinations(range(len(clusterings)), 2):
        agreement[[one, other]] += adjusted_rand_score(clusterings[one], clusterings[other])
    return clusterings[int(np.argmax(agreement))]


def _match(clusters: NDArray[np.integer], known: NDArray[np.integer], n_clusters: int) -> NDArray[np.intp]:
    """Return (``n_clusters``,) which known cluster each cluster is, one to one, so that most spots keep theirs."""
    from scipy.optimize import linear_sum_assignment

    shared = np.bincount(clusters * n_clusters + known, minlength=n_clusters**2).reshape(n_clusters, n_clusters)
    return np.asarray(linear_sum_assignment(shared, maximize=True)[1], dtype=np.intp)
