"""Principal components of sparse log expression."""

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
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
    expression: sp.csr_matrix, n_components: int, *, mean: NDArray[np.float32] | None = None, seed: int = 0
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
    seed : int
        Of the decomposition, and of the choice among more than ``MOST_ROWS`` spots.
    """
    if mean is None:
        mean = mean_of(expression)
    shown = some_rows(expression, MOST_ROWS, seed=seed)
    return Components(mean=mean, directions=directions_of(shown.toarray() - mean, n_components, seed=seed))


def directions_of(deviations: NDArray[np.floating], n_components: int, *, seed: int = 0) -> NDArray[np.float32]:
    """Return the (D, K) directions in which (S, K) deviations from a mean vary most.

    Randomised singular value decomposition (Halko et al. 2011), of four iterations.
    """
    _, _, directions = randomized_svd(
        deviations, min(n_components, *deviations.shape), n_oversamples=10, n_iter=4, random_state=seed
    )
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
