"""One gene of a slide at a time, as its spots' log expression: what a picture is drawn from."""

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from napari_stimg.expression import TARGET_SUM, all_integers, expression_moments


class GenePlanes:
    """Log expression gene by gene, computed when asked for; the slide is never made dense.

    Holds the counts a second time, by gene (CSC) and in as few bytes as they need, so that a gene is found without a
    walk through the slide.

    Parameters
    ----------
    counts : (S, G) CSR, >= 0
        Counts, or any values proportional to them spot by spot.

    Attributes
    ----------
    mean, variance : (G,) float32
        Mean and variance over all spots of each gene's log expression.
    """

    def __init__(self, counts: sp.csr_matrix) -> None:
        moments = expression_moments(counts)
        self.mean = moments.mean
        self.variance = moments.variance
        self._by_gene = _compact(counts).tocsc()
        library_size = np.asarray(counts.sum(axis=1), dtype=np.float64).ravel()
        self._scale = np.divide(TARGET_SUM, library_size, out=np.zeros_like(library_size), where=library_size > 0)
        self.library_size: NDArray[np.float32] = library_size.astype(np.float32)

    def expression(self, column: int) -> NDArray[np.float32]:
        """Return one gene's (S,) log expression, ``log1p(1e4 * counts / row sum)``; the same as `log_expression`.

        Parameters
        ----------
        column : int
            The gene's column in the slide.
        """
        first, last = self._by_gene.indptr[column : column + 2]
        spots = self._by_gene.indices[first:last]
        values = np.zeros(self._scale.size, dtype=np.float32)
        values[spots] = np.log1p(self._by_gene.data[first:last] * self._scale[spots])
        return values

    def expression_at(self, column: int, spot: int) -> float:
        """Return one gene's log expression in one spot, without a look at the others; see `expression`."""
        first, last = self._by_gene.indptr[column : column + 2]
        place = first + np.searchsorted(self._by_gene.indices[first:last], spot)
        if place == last or self._by_gene.indices[place] != spot:
            return 0.0
        return float(np.log1p(self._by_gene.data[place] * self._scale[spot]))


def _compact(counts: sp.csr_matrix) -> sp.csr_matrix:
    """Return the same counts in the narrowest type that holds them."""
    largest = counts.data.max(initial=0)
    narrow = next((kind for kind in (np.uint8, np.uint16) if largest <= np.iinfo(kind).max), None)
    if narrow is None or not all_integers(counts.data):
        return counts
    return sp.csr_matrix((counts.data.astype(narrow), counts.indices, counts.indptr), shape=counts.shape)


def contrast_limits(values: NDArray[np.float32], clip_percent: float = 1.0) -> tuple[float, float]:
    """Return the (low, high) values at which a picture of these becomes darkest and brightest.

    Percentiles, so that a few bright spots do not darken the rest; of a gene that is silent nearly everywhere
    (both percentiles equal) the whole range. NaN is left out.

    Parameters
    ----------
    values : (N,) float
        What is drawn.
    clip_percent : float
        Share of the values cut off at either end, in percent, in [0, 50).
    """
    measured = values[np.isfinite(values)]
    if measured.size == 0:
        return 0.0, 1.0
    low, high = (float(limit) for limit in np.percentile(measured, (clip_percent, 100.0 - clip_percent)))
    if low == high:
        low, high = float(measured.min()), float(measured.max())
    return (low, high) if low < high else (low, low + 1.0)
