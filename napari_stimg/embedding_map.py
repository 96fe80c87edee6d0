"""An embedding laid out in a plane: near each other, alike in expression, wherever on the section they lie."""

from importlib.util import find_spec
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from napari_stimg.errors import InputError

MapMethod = Literal["pca", "umap"]

UMAP_NEIGHBOURS = 15
"""umap-learn's own default; sections of fewer spots take all of them."""

FEWEST_FOR_UMAP = 4
"""Spots: with fewer there is no spectral layout to begin with."""


def embedding_map(embedding: NDArray[np.floating], *, method: MapMethod = "pca", seed: int = 0) -> NDArray[np.float32]:
    """Return (S, 2) places of spots in a plane, the same on every call.

    Parameters
    ----------
    embedding : (S, D) float
        From ``inference.embed``.
    method : {"pca", "umap"}
        The two directions in which the embedding varies most, in the embedding's units; or UMAP (arXiv 1802.03426),
        which keeps neighbours together and whose distances mean little.
    seed : int
        Of UMAP.

    Raises
    ------
    InputError
        If there is no such method, or umap-learn is not installed.
    """
    if method not in get_args(MapMethod):
        raise InputError(f"expected the method pca or umap, found {method}; choose one of them.")
    if method == "pca":
        return _principal(embedding)
    if not has_umap():
        raise InputError(
            "expected the package umap-learn for a UMAP, found it missing; install it with "
            "`pip install 'napari-stimg[umap]'`, or take pca."
        )
    if len(embedding) < FEWEST_FOR_UMAP:
        return _principal(embedding)
    from umap import UMAP

    n_neighbours = min(UMAP_NEIGHBOURS, len(embedding) - 1)
    start = "spectral" if len(embedding) > UMAP_NEIGHBOURS else "random"  # a spectral layout needs more than it finds
    umap = UMAP(n_neighbors=n_neighbours, init=start, random_state=seed, n_jobs=1)
    return np.asarray(umap.fit_transform(embedding), dtype=np.float32)


def has_umap() -> bool:
    """Say whether umap-learn is installed, without the seconds that importing it takes."""
    return find_spec("umap") is not None


def _principal(embedding: NDArray[np.floating]) -> NDArray[np.float32]:
    """Return the first two principal components (S, 2); 0 where the embedding has but one column."""
    centred = np.asarray(embedding, dtype=np.float64) - embedding.mean(axis=0, dtype=np.float64)
    _, directions = np.linalg.eigh(centred.T @ centred)  # by rising variance
    directions = directions[:, ::-1][:, :2]
    heaviest = np.abs(directions).argmax(axis=0)
    directions = directions * np.sign(directions[heaviest, np.arange(directions.shape[1])])  # the same on every machine
    places = np.zeros((len(embedding), 2), dtype=np.float32)
    places[:, : directions.shape[1]] = centred @ directions
    return places
