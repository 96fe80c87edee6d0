"""Principal components of sparse log expression."""

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.linalg import eigh
from sklearn.utils.extmath import randomized_svd

MOST_ROWS = 10_000
"""Spots that components are fitted on; of more, so many are drawn at random."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Components:
    """Principal components of some spots.

    Parameters
    ----------
    mean : (K,) float32
        Mean of each gene.
    directions : (D, K) float32
        Of length 1, by falling variance.
    """

    mean: NDArray[np.float32]
    directions: NDArray[np.float32]

    def scores(self, expression: sp.csr_matrix) -> NDArray[np.float64]:
        """Return the (S, D) coordinates of (S, K) log expression."""
        projected = expression @ self.directions.T - self.mean @ self.directions.T
        return np.asarray(projected, dtype=np.float64)


def fit_components(
    expression: sp.csr_matrix,
    n_components: int,
    *,
    mean: NDArray[np.float32] | None = None,
    rough: bool = False,
    seed: int = 0,
) -> Components:
    """Return the principal components of a section.

    Parameters
    ----------
    expression : (S, K) CSR
        Log expression.
    n_components : int
        How many; fewer if there are fewer spots or genes.
    mean : (K,) float, optional
        Of the genes, where it is known.
    rough : bool
        Whether randomised components will do (Halko et al. 2011, four iterations): a tenth of the time, but those after
        the first few are off.
    seed : int
        Of rough components, and of the choice among more than ``MOST_ROWS`` spots.
    """
    if mean is None:
        mean = mean_of(expression)
    shown = some_rows(expression, MOST_ROWS, seed=seed)
    deviations = shown.toarray() - mean
    if not rough:
        return Components(mean=mean, directions=directions_of(deviations, n_components))
    n_found = min(n_components, *deviations.shape)
    _, _, directions = randomized_svd(deviations, n_found, n_oversamples=10, n_iter=4, random_state=seed)
    return Components(mean=mean, directions=np.asarray(directions, dtype=np.float32))


def directions_of(deviations: NDArray[np.floating], n_components: int) -> NDArray[np.float32]:
    """Return the (D, K) directions in which (S, K) deviations from a mean vary most, by falling variance."""
    n_rows, n_columns = deviations.shape
    smaller = deviations if n_columns <= n_rows else deviations.T
    gram = (smaller.T @ smaller).astype(np.float64)
    last = len(gram) - 1
    first = max(0, len(gram) - n_components)
    _, vectors = eigh(gram, subset_by_index=(first, last))
    directions = vectors.T[::-1]
    if n_columns > n_rows:
        directions = directions @ deviations
        length = np.linalg.norm(directions, axis=1, keepdims=True)
        directions = np.divide(directions, length, out=np.zeros_like(directions), where=length > 0)
    return np.asarray(directions, dtype=np.float32)


def some_rows(expression: sp.csr_matrix, most: int, *, seed: int) -> sp.csr_matrix:
    """Return all rows, or ``most`` of them at random if there are more."""
    n_rows = expression.shape[0]
    if n_rows <= most:
        return expression
    return expression[np.sort(np.random.default_rng(seed).choice(n_rows, most, replace=False))]


def mean_of(expression: sp.csr_matrix) -> NDArray[np.float32]:
    """Return the (K,) mean of each gene."""
    return np.asarray(expression.mean(axis=0), dtype=np.float32).ravel()
