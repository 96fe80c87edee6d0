"""Which spots of a section a probe is told the label of."""

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

BLOB_SPOTS = 10
"""Spots of a scribble, of each label."""

TOUCHING = 1.5
"""Pitches up to which spots touch: six neighbours on hexagonal lattices, eight on square ones."""

RANDOM_SHARE = 0.2
"""Share of labelled spots that are told at random."""


def scribble(
    codes: NDArray[np.integer], positions: NDArray[np.floating], rng: np.random.Generator
) -> NDArray[np.bool_]:
    """Return the (S,) mask of one contiguous blob of ``BLOB_SPOTS`` spots for each label that has room for one.

    A blob starts at a random spot and grows by the touching spot of its label that is nearest to that start. A label
    has room if so many of its spots hang together.

    Parameters
    ----------
    codes : (S,) int
        Labels, -1 = none.
    positions : (S, 2) float
        Where the spots lie, in pitches.
    rng : numpy Generator
        Of the starts.
    """
    told = np.zeros(len(codes), dtype=np.bool_)
    for code in np.unique(codes[codes >= 0]):
        spots = np.flatnonzero(codes == code)
        links = _links(positions[spots])
        starts = _starts(links)
        if starts.size:
            told[spots[_grow(int(rng.choice(starts)), links, positions[spots])]] = True
    return told


def random_spots(codes: NDArray[np.integer], rng: np.random.Generator) -> NDArray[np.bool_]:
    """Return the (S,) mask of ``RANDOM_SHARE`` of the labelled spots, at random, at least two."""
    labelled = rng.permutation(np.flatnonzero(codes >= 0))
    told = np.zeros(len(codes), dtype=np.bool_)
    told[labelled[: max(2, round(RANDOM_SHARE * labelled.size))]] = True
    return told


def _links(positions: NDArray[np.floating]) -> sp.csr_matrix:
    """Return which of (N, 2) spots touch, (N, N)."""
    pairs = cKDTree(positions).query_pairs(TOUCHING, output_type="ndarray")
    both = np.concatenate([pairs, pairs[:, ::-1]])
    return sp.csr_matrix((np.ones(len(both)), (both[:, 0], both[:, 1])), shape=(len(positions), len(positions)))


def _starts(links: sp.csr_matrix) -> NDArray[np.intp]:
    """Return the spots that hang together with at least ``BLOB_SPOTS - 1`` others."""
    _, part = connected_components(links, directed=False)
    return np.flatnonzero(np.bincount(part)[part] >= BLOB_SPOTS)


def _grow(start: int, links: sp.csr_matrix, positions: NDArray[np.floating]) -> list[int]:
    """Return ``BLOB_SPOTS`` spots that hang together with a start, as near to it as they may be."""
    distance = np.linalg.norm(positions - positions[start], axis=1)
    blob, border = [start], set(links[[start]].indices.tolist())
    while len(blob) < BLOB_SPOTS:
        spot = min(border, key=lambda other: (distance[other], other))
        blob.append(spot)
        border = (border | set(links[[spot]].indices.tolist())) - set(blob)
    return blob
