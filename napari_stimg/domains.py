"""Domains of a section: found without labels, or painted from a few."""

from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from napari_stimg import painters
from napari_stimg.errors import InputError
from napari_stimg.mixtures import mixture, vote_of_mixtures

N_COMPONENTS = 20
"""Principal components of an embedding that are clustered."""

LEAST_SPREAD = 1e-4
"""Deviation of a component, in units of the first's; less is rounding."""

REFINE_NEIGHBOURS = 18
"""Nearest spots that vote on a spot's domain: two rings of a hexagonal lattice."""

PALETTE = (
    "#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#f0e442", "#999999",
    "#332288", "#88ccee", "#44aa99", "#117733", "#ddcc77", "#cc6677", "#882255", "#aa4499",
)  # fmt: skip
"""Colours told apart by colour-blind people: Okabe and Ito (2008), then Tol's muted scheme (2021)."""


@dataclass(frozen=True, kw_only=True)
class ClusterParameters:
    """How domains are found without labels.

    Parameters
    ----------
    n_domains : int
        k, >= 2.
    method : {"consensus", "gmm", "kmeans"}
        A vote of twelve Gaussian mixtures of different first centres; one mixture; or k-means. A mixture has one
        covariance for all domains.
    refine : bool
        Whether each spot then takes the domain of most of its neighbours.
    seed : int
        Of the first centres.
    """

    n_domains: Annotated[int, {"min": 2, "max": 40}] = 7
    method: Literal["consensus", "gmm", "kmeans"] = "consensus"
    refine: bool = True
    seed: Annotated[int, {"min": 0, "max": 2**31 - 1}] = 0


@dataclass(frozen=True, kw_only=True)
class PaintParameters:
    """How domains are painted from labelled spots.

    Parameters
    ----------
    method : {"blend", "knn", "logistic"}
        Mean of a mixture of Gaussians that unlabelled spots help to shape (``painters.by_mixture``) and logistic
        regression; votes of the nearest labelled spots in the embedding; or logistic regression alone.
    n_neighbours : int
        Labelled spots that vote, >= 1 (``knn`` only).
    refine : bool
        Whether probabilities are then averaged over each spot's neighbours.
    """

    method: Literal["blend", "knn", "logistic"] = "blend"
    n_neighbours: Annotated[int, {"min": 1, "max": 100}] = 10
    refine: bool = True


@dataclass(frozen=True, kw_only=True, eq=False)
class Painting:
    """Domains painted from a few labels.

    Parameters
    ----------
    labels : (S,) int64
        The likeliest of the K labels that were given, for every spot.
    probabilities : (S, K) float32
        Of each label, in ascending order of the labels; rows sum to 1.
    """

    labels: NDArray[np.int64]
    probabilities: NDArray[np.float32]


def cluster(
    embedding: NDArray[np.floating], positions: NDArray[np.floating], *, params: ClusterParameters
) -> NDArray[np.int64]:
    """Return (S,) domains 0 to k - 1, numbered from the largest to the smallest.

    Parameters
    ----------
    embedding : (S, D) float
        From ``inference.embed``.
    positions : (S, 2) float
        Where the spots lie, in pitches.
    params : ClusterParameters
        Method, k, seed.

    Raises
    ------
    InputError
        If there are fewer spots than domains, fewer than 2 domains are asked for, or all spots have the same embedding.
    """
    from sklearn.cluster import KMeans

    if not 2 <= params.n_domains <= len(embedding):
        raise InputError(
            f"expected 2 to {len(embedding):,} domains (the number of spots), found {params.n_domains}; "
            "choose another number."
        )
    places = components(embedding)
    if not np.ptp(places[:, 0]) > 0:
        raise InputError(
            "expected an embedding that tells spots apart, found the same for all of them; "
            "check that spots have counts, and neighbours within two pitches."
        )
    if params.method == "consensus":
        labels = vote_of_mixtures(places, params.n_domains, seed=params.seed)
    elif params.method == "kmeans":
        labels = KMeans(params.n_domains, n_init=10, random_state=params.seed).fit_predict(places)
    else:
        labels = mixture(params.n_domains, seed=params.seed, n_starts=3).fit_predict(places)
    if params.refine:
        labels = refine(labels, positions)
    return _by_size(labels)


def paint(
    embedding: NDArray[np.floating],
    positions: NDArray[np.floating],
    labels: NDArray[np.integer],
    *,
    params: PaintParameters = PaintParameters(),
) -> Painting:
    """Return every spot's domain and probabilities, learned from those that are labelled, which keep their label.

    Parameters
    ----------
    embedding : (S, D) float
        From ``inference.embed``.
    positions : (S, 2) float
        Where the spots lie, in pitches.
    labels : (S,) int
        A label for some spots, -1 for the others.
    params : PaintParameters
        Method and its settings.

    Raises
    ------
    InputError
        If fewer than two different labels were given.
    """
    labelled = labels >= 0
    classes = np.unique(labels[labelled])
    if classes.size < 2:
        raise InputError(
            f"expected labels of at least two domains, found {classes.size}; label some spots of another domain, too."
        )
    codes = np.where(labelled, np.searchsorted(classes, labels), -1)
    if params.method == "knn":
        probabilities = painters.by_nearest(embedding, codes, params.n_neighbours)
    else:
        probabilities = painters.by_regression(embedding, codes)
    if params.method == "blend":
        places = components(embedding, painters.n_components(len(embedding)))
        probabilities = (probabilities + painters.by_mixture(places, codes)) / 2
    if params.refine:
        neighbours = _neighbours(positions)
        probabilities = sum(probabilities[nth] for nth in neighbours.T) / neighbours.shape[1]
    probabilities[labelled] = np.eye(classes.size)[codes[labelled]]
    return Painting(labels=classes[probabilities.argmax(axis=1)], probabilities=probabilities.astype(np.float32))


def refine(labels: NDArray[np.integer], positions: NDArray[np.floating]) -> NDArray[np.int64]:
    """Return (S,) labels after one vote of each spot and its ``REFINE_NEIGHBOURS`` nearest; ties keep the spot's own.

    Parameters
    ----------
    labels : (S,) int, >= 0
        Domains.
    positions : (S, 2) float
        Where the spots lie, in pitches.
    """
    votes = np.zeros((len(labels), int(labels.max()) + 1))
    neighbours = _neighbours(positions)
    np.add.at(votes, (np.arange(len(labels))[:, None], labels[neighbours]), 1.0)
    votes[np.arange(len(labels)), labels] += 0.5
    return np.asarray(votes.argmax(axis=1), dtype=np.int64)


def components(embedding: NDArray[np.floating], n_components: int = N_COMPONENTS) -> NDArray[np.float64]:
    """Return the (S, <= ``n_components``) principal components of an embedding, in units of the first's deviation.

    Those that an embedding of lower rank does not have are left out, but the first is always there.
    """
    from sklearn.decomposition import PCA

    if (embedding == embedding[:1]).all():
        return np.zeros((len(embedding), 1))
    n_components = min(n_components, *embedding.shape)
    # As exact as the full decomposition, which takes 20 times as long and lets no other thread run meanwhile.
    pca = PCA(n_components, svd_solver="covariance_eigh")
    places: NDArray[np.float64] = pca.fit_transform(embedding.astype(np.float64))
    places /= places[:, 0].std()
    rank = max(1, np.count_nonzero(places.std(axis=0) > LEAST_SPREAD))
    return places[:, :rank]


def domain_colors(n_domains: int) -> list[str]:
    """Return a ``#rrggbb`` colour for each domain, repeating after the palette's 16."""
    return [PALETTE[domain % len(PALETTE)] for domain in range(n_domains)]


def _neighbours(positions: NDArray[np.floating]) -> NDArray[np.intp]:
    """Return (S, <= 19) each spot and its nearest others."""
    _, neighbours = cKDTree(positions).query(positions, k=min(REFINE_NEIGHBOURS + 1, len(positions)))
    return np.asarray(neighbours, dtype=np.intp)


def _by_size(labels: NDArray[np.integer]) -> NDArray[np.int64]:
    """Return labels renumbered so that 0 is the most frequent; none is left empty."""
    found, encoded, count = np.unique(labels, return_inverse=True, return_counts=True)
    rank = np.empty(found.size, dtype=np.int64)
    rank[np.argsort(-count, kind="stable")] = np.arange(found.size)
    return rank[encoded]
