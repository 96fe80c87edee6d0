"""Ways to tell from an embedding and a few labelled spots how likely each label is for every spot.

All give (S, K) probabilities for codes: labels 0 to K - 1, each of at least one spot, -1 = none. None holds a labelled
spot to its label.
"""

import numpy as np
from numpy.typing import NDArray

SPOTS_A_COMPONENT = 200
"""Spots that a section has for each principal component of a mixture: small ones bear few."""

FEWEST_COMPONENTS, MOST_COMPONENTS = 3, 12
"""Bounds of the number of components."""

N_ROUNDS = 10
"""Rounds of expectation maximisation."""

ROUNDNESS = 0.1
"""Share of the covariance that is the same in all directions, so that few spots do not make it flat."""


def n_components(n_spots: int) -> int:
    """Return how many principal components a mixture of so many spots bears."""
    return int(np.clip(n_spots // SPOTS_A_COMPONENT, FEWEST_COMPONENTS, MOST_COMPONENTS))


def by_mixture(places: NDArray[np.floating], codes: NDArray[np.integer]) -> NDArray[np.float64]:
    """Return (S, K) probabilities by a mixture of Gaussians that labelled spots start and all spots shape.

    Ten labelled spots say where a domain lies, hardly how far it reaches; the others, though nobody labelled them,
    show where spots lie dense and where they part. So there is one Gaussian a label, with one covariance for all,
    fitted by expectation maximisation in which labelled spots keep their label (Nigam et al. 2000, Machine Learning
    39:103).
    All labelled spots together weigh at least as much as all others, and all labels are held equally likely.

    Parameters
    ----------
    places : (S, D) float
        Principal components of an embedding (``domains.components``), ``n_components`` of them.
    codes : (S,) int
        Labels.
    """
    labelled = codes >= 0
    known = np.eye(int(codes.max()) + 1)[codes[labelled]]
    weight = np.where(labelled, max(1.0, len(codes) / np.count_nonzero(labelled)), 1.0)
    centres = known.T @ places[labelled] / known.sum(axis=0)[:, None]
    covariance = 0.5 * np.cov(places.T).reshape(places.shape[1], -1)
    for _ in range(N_ROUNDS):
        belonging = _belonging(places, centres, covariance)
        belonging[labelled] = known
        weighed = belonging * weight[:, None]
        sizes = weighed.sum(axis=0)
        centres = weighed.T @ places / sizes[:, None]
        scatter = (places * weight[:, None]).T @ places - (centres * sizes[:, None]).T @ centres
        covariance = scatter / sizes.sum()
    return _belonging(places, centres, covariance)


def by_nearest(embedding: NDArray[np.floating], codes: NDArray[np.integer], n_neighbours: int) -> NDArray[np.float64]:
    """Return (S, K) probabilities by the nearest labelled spots, of which the nearer say more."""
    from sklearn.neighbors import KNeighborsClassifier

    labelled = codes >= 0
    classifier = KNeighborsClassifier(min(n_neighbours, int(labelled.sum())), weights="distance")
    return np.asarray(classifier.fit(embedding[labelled], codes[labelled]).predict_proba(embedding))


def by_regression(embedding: NDArray[np.floating], codes: NDArray[np.integer]) -> NDArray[np.float64]:
    """Return (S, K) probabilities by logistic regression on the embedding in units of its overall deviation."""
    from sklearn.linear_model import LogisticRegression

    features, labelled = embedding - embedding.mean(axis=0), codes >= 0
    features = features / max(float(features.std()), np.finfo(np.float32).tiny)
    classifier = LogisticRegression(C=1.0, max_iter=1000)
    return np.asarray(classifier.fit(features[labelled], codes[labelled]).predict_proba(features))


def _belonging(
    places: NDArray[np.floating], centres: NDArray[np.float64], covariance: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the (S, K) probability of each of K Gaussians, held equally likely, for each place."""
    n_dimensions = len(covariance)
    round_part = np.trace(covariance) / n_dimensions * np.eye(n_dimensions)
    rounded = (1 - ROUNDNESS) * covariance + ROUNDNESS * round_part + 1e-3 * np.eye(n_dimensions)
    whitening = np.linalg.cholesky(np.linalg.inv(rounded))
    spots, middles = places @ whitening, centres @ whitening
    closeness = spots @ middles.T - 0.5 * np.square(middles).sum(axis=1)
    likelihood = np.exp(closeness - closeness.max(axis=1, keepdims=True))
    return np.asarray(likelihood / likelihood.sum(axis=1, keepdims=True))
