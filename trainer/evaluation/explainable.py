"""What there is to explain on a section: how much of it neighbours could tell, and how much only the spot itself.

Two random halves of a spot's molecules share its expression but not their noise, so their covariance over spots is the
explainable variance (``napari_stimg.signal_variance``). The covariance of one half with the *other* half of the nearest
spots is the part that neighbours share: about as much as can be told of a hidden spot from around it. What is left when
the halves are regressed on the spot's own number of counts does not follow from that number.
"""

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from napari_stimg.expression import gene_moments, log_expression, thin
from napari_stimg.lattice import Lattice
from napari_stimg.signal_variance import full_over_half
from napari_stimg.slide import Slide

N_SPLITS = 4
"""Random splits that are averaged."""

N_NEAREST = 6
"""Nearest spots, as many as touch a spot on a hexagonal lattice."""

DEPTH_POWERS = 3
"""Expression may depend on log depth as a polynomial of this degree."""


@dataclass(frozen=True, kw_only=True)
class Explainable:
    """Shares of what can be explained on a section, over genes.

    Parameters
    ----------
    of_variance : float
        Explainable variance of log expression, over all of it; the rest is counting noise.
    shared : float
        What a spot shares with its nearest, over what is explainable.
    by_depth : float
        What follows from a spot's own number of counts, over what is explainable.
    """

    of_variance: float
    shared: float
    by_depth: float


def explainable(slide: Slide, lattice: Lattice, *, columns: NDArray[np.intp], seed: int = 0) -> Explainable | None:
    """Return what there is to explain on a slide, or None if it holds no counts to split or has too few spots.

    Parameters
    ----------
    slide : Slide
        The section.
    lattice : Lattice
        Its lattice.
    columns : (K,) int
        Genes.
    seed : int
        Of the splits.
    """
    if slide.logged or slide.n_spots <= N_NEAREST + DEPTH_POWERS:
        return None
    nearest = np.asarray(cKDTree(lattice.positions).query(lattice.positions, k=N_NEAREST + 1)[1])[:, 1:]
    depth_basis = _depth_basis(slide.counts)
    to_full_depth = full_over_half(slide.counts)[columns]
    rng = np.random.default_rng([seed, 2])
    signal = shared = beside_depth = 0.0
    for _ in range(N_SPLITS):
        half = thin(slide.counts, 0.5, rng)
        first, second = (_centred(part, columns) for part in (half, sp.csr_matrix(slide.counts - half)))
        signal += float((first * second).mean(axis=0) @ to_full_depth)
        shared += float((first * second[nearest].mean(axis=1)).mean(axis=0) @ to_full_depth)
        first, second = (part - depth_basis @ (depth_basis.T @ part) for part in (first, second))
        beside_depth += float((first * second).sum(axis=0) @ to_full_depth) / (slide.n_spots - depth_basis.shape[1])
    variance = float(gene_moments(log_expression(slide.counts)[:, columns]).variance.sum(dtype=np.float64))
    if signal <= 0 or variance <= 0:
        return None
    return Explainable(
        of_variance=signal / N_SPLITS / variance, shared=shared / signal, by_depth=1 - beside_depth / signal
    )


def _centred(counts: sp.csr_matrix, columns: NDArray[np.intp]) -> NDArray[np.float64]:
    values = log_expression(counts)[:, columns].toarray().astype(np.float64)
    return np.asarray(values - values.mean(axis=0))


def _depth_basis(counts: sp.csr_matrix) -> NDArray[np.float64]:
    """Return (S, <= ``DEPTH_POWERS`` + 1) orthonormal columns that span the powers of each spot's log depth."""
    depth = np.log(np.maximum(np.asarray(counts.sum(axis=1), dtype=np.float64).ravel(), 1.0))
    scaled = (depth - depth.mean()) / (depth.std() or 1.0)
    left, sizes, _ = np.linalg.svd(scaled[:, None] ** np.arange(DEPTH_POWERS + 1), full_matrices=False)
    return np.asarray(left[:, sizes > 1e-9 * sizes[0]])
