"""Two ways to divide the same spots, counted against each other: whether domains agree with labels of a file."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from napari_stimg.errors import InputError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_COUNTS = 500
"""Cells whose counts can be read; where there are more, colours alone are drawn."""

DARK_SHARE = 0.5
"""Share of a row above which a cell is dark, and its count is written in white."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Confusion:
    """How labels and domains share spots.

    Parameters
    ----------
    counts : (L, K) int64
        Spots of each label (row) and domain (column); only spots that have both count.
    ari : float
        Adjusted Rand index, -0.5 to 1, 0 by chance (Hubert and Arabie 1985).
    nmi : float
        Mutual information over the mean of both entropies, 0 to 1 (Strehl and Ghosh 2002, with that mean).
    """

    counts: NDArray[np.int64]
    ari: float
    nmi: float

    @property
    def n_spots(self) -> int:
        """Spots that have both a label and a domain."""
        return int(self.counts.sum())

    @property
    def shares(self) -> NDArray[np.float64]:
        """(L, K) share of each label's spots in each domain; rows sum to 1, or are 0 where no spot has the label."""
        shares: NDArray[np.float64] = self.counts / np.maximum(self.counts.sum(axis=1, keepdims=True), 1)
        return shares


def confusion(labels: NDArray[np.integer], domains: NDArray[np.integer], *, n_labels: int, n_domains: int) -> Confusion:
    """Return how labels and domains share spots.

    Parameters
    ----------
    labels, domains : (S,) int
        Of each spot, from 0; -1 = none.
    n_labels, n_domains : int
        How many of each there are.

    Raises
    ------
    InputError
        If no spot has both.
    """
    from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score

    both = (labels >= 0) & (domains >= 0)
    if not both.any():
        raise InputError("expected spots that have both a label and a domain, found none; choose another column.")
    pairs = labels[both] * n_domains + domains[both]
    return Confusion(
        counts=np.bincount(pairs, minlength=n_labels * n_domains).reshape(n_labels, n_domains).astype(np.int64),
        ari=float(adjusted_rand_score(labels[both], domains[both])),
        nmi=float(normalized_mutual_info_score(labels[both], domains[both])),
    )


def draw_confusion(
    axes: "Axes",
    table: Confusion,
    *,
    label_names: Sequence[str],
    domain_names: Sequence[str],
    key: str = "label",
) -> None:
    """Draw a cell a label and domain: its colour is the share of the label's spots, its number counts them.

    Above ``MOST_COUNTS`` cells there is no room for numbers.

    Domains are drawn in an order that brings the largest shares towards the diagonal.

    Parameters
    ----------
    axes : Axes
        Where to draw.
    label_names : L of str
        One row each, the first on top.
    domain_names : K of str
        One column each.
    key : str
        What the labels are called, for the axis.
    """
    order = _along_diagonal(table.shares)
    shares, counts = table.shares[:, order], table.counts[:, order]
    image = axes.imshow(shares, cmap="Blues", vmin=0.0, vmax=1.0, aspect="auto")
    for (row, column), count in np.ndenumerate(counts):
        if count and counts.size <= MOST_COUNTS:
            ink = "white" if shares[row, column] > DARK_SHARE else "black"
            axes.text(column, row, f"{count:,}", ha="center", va="center", color=ink, fontsize="small")
    axes.set_xticks(range(len(domain_names)), [domain_names[domain] for domain in order], rotation=45, ha="right")
    axes.set_yticks(range(len(label_names)), list(label_names))
    axes.set_xlabel("domain")
    axes.set_ylabel(key)
    axes.set_title(f"ARI {table.ari:.2f}, NMI {table.nmi:.2f}, {table.n_spots:,} spots", fontsize="medium")
    axes.figure.colorbar(image, ax=axes, label="share of the label's spots", fraction=0.04)


def _along_diagonal(shares: NDArray[np.float64]) -> NDArray[np.intp]:
    """Return the order of the columns by their mean row; columns without any spots come last."""
    weight = shares.sum(axis=0)
    rows = np.arange(len(shares)) @ shares
    centre = np.divide(rows, weight, out=np.full(weight.shape, np.inf), where=weight > 0)
    return np.argsort(centre, kind="stable")
