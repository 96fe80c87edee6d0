"""Marker genes of domains: which genes tell the spots of a domain from all others."""

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.special import ndtr

from napari_stimg.errors import InputError
from napari_stimg.expression import log_expression
from napari_stimg.progress import Progress

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LARGEST_DOT_PT2 = 120.0
"""Area of a dot whose gene all spots express."""

GENES_AT_ONCE = 1000
"""Genes that are ranked in one step: some 20 MB of a slide of 4,000 spots, and some 0.1 s."""

PSEUDOCOUNT = 1.0
"""Added to both means, in counts per ten thousand, before their ratio (as Seurat's ``FoldChange`` has it)."""

Table = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, eq=False)
class Markers:
    """How each gene differs between each domain and the spots of all other domains.

    Each is (K, G) float64, one row a domain, one column a gene of the slide; NaN in a domain without spots.

    Parameters
    ----------
    log2_fold_change
        Of the mean normalised expression (counts per ten thousand, `PSEUDOCOUNT` added) in the domain and outside.
    share_in, share_out
        Share of the spots that express the gene, 0 to 1, in the domain and outside.
    mean
        Mean log expression in the domain.
    auc
        Chance that a spot of the domain expresses more than one outside, ties counting half: 0.5 = no difference.
    z
        Of the rank-sum test: > 0 where the domain expresses more.
    p_adjusted
        Of the two-sided test, adjusted over the genes of the domain (false discovery rate).
    """

    log2_fold_change: Table
    share_in: Table
    share_out: Table
    mean: Table
    auc: Table
    z: Table
    p_adjusted: Table

    def best(self, domain: int, n_genes: int) -> NDArray[np.intp]:
        """Return the columns of the (at most) ``n_genes`` genes that mark a domain best: highest z first, all > 0."""
        z = np.nan_to_num(self.z[domain], nan=0.0)
        order = np.argsort(-z, kind="stable")[:n_genes]
        best: NDArray[np.intp] = order[z[order] > 0]
        return best

    def table(self, gene_names: Sequence[str] | NDArray[np.str_], domain_names: Sequence[str]) -> pd.DataFrame:
        """Return one row a domain and gene, by domain, best markers first.

        Parameters
        ----------
        gene_names : G of str
            The slide's genes.
        domain_names : K of str
            What the domains are called.
        """
        n_domains, n_genes = self.z.shape
        order = np.argsort(-np.nan_to_num(self.z, nan=-np.inf), axis=1, kind="stable")
        rows = np.repeat(np.arange(n_domains), n_genes), order.ravel()
        numbers = ("log2_fold_change", "share_in", "share_out", "auc", "z", "p_adjusted")
        return pd.DataFrame(
            {"domain": np.array(domain_names)[rows[0]], "gene": np.array(gene_names)[rows[1]]}
            | {name: getattr(self, name)[rows] for name in numbers}
        )


def find_markers(counts: sp.csr_matrix, labels: NDArray[np.integer]) -> Generator[Progress, None, Markers]:
    """Return how each gene differs between each domain and the rest, by the Wilcoxon rank-sum test on log expression.

    The test is that of Mann and Whitney (1947, Ann Math Stat 18:50) in its normal approximation, the variance
    corrected for ties, without a continuity correction; p are adjusted after Benjamini and Hochberg (1995, J R Stat
    Soc B 57:289). Domains were themselves found from expression, so p rank genes, and prove nothing.

    Parameters
    ----------
    counts : (S, G) CSR, >= 0
        Counts, or any values proportional to them spot by spot.
    labels : (S,) int
        Domain of each spot, 0 to K - 1; spots of none, -1, are left out.

    Raises
    ------
    InputError
        If fewer than two domains have spots.
    """
    sizes = np.bincount(labels[labels >= 0])
    if np.count_nonzero(sizes) < 2:
        raise InputError(
            f"Marker genes need at least two domains with spots, found {np.count_nonzero(sizes)}; "
            "find or paint more domains."
        )
    yield Progress(done=0, total=0, message="Sorting expression by gene")
    kept = labels >= 0
    by_gene = log_expression(counts)[kept].tocsc()
    by_gene.eliminate_zeros()
    domain_of_spot, n_genes = labels[kept], by_gene.shape[1]
    parts = []
    for first in range(0, n_genes, GENES_AT_ONCE):
        yield Progress(done=first, total=n_genes, message=f"Comparing {sizes.size} domains")
        parts.append(_compare(by_gene[:, first : first + GENES_AT_ONCE], domain_of_spot, sizes))
    joined = {name: np.concatenate([part[name] for part in parts], axis=1) for name in parts[0]}
    p = joined.pop("p")
    return Markers(**joined, p_adjusted=np.array([adjusted(row) for row in p]))


def adjusted(p: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return (N,) p adjusted for the false discovery rate (Benjamini and Hochberg 1995); NaN stay NaN, uncounted."""
    known = np.flatnonzero(np.isfinite(p))
    falling = known[np.argsort(-p[known], kind="stable")]
    rank = np.arange(falling.size, 0, -1)
    q = np.full(p.shape, np.nan)
    q[falling] = np.minimum(np.minimum.accumulate(p[falling] * falling.size / rank), 1.0)
    return q


def draw_dot_plot(
    axes: "Axes",
    markers: Markers,
    *,
    gene_names: Sequence[str] | NDArray[np.str_],
    domain_names: Sequence[str],
    n_best: int = 4,
) -> None:
    """Draw each domain's best genes: a dot's area is the share of spots that express the gene, its colour the mean.

    Parameters
    ----------
    axes : Axes
        Where to draw.
    gene_names : G of str
        The slide's genes.
    domain_names : K of str
        What the domains are called; one row each, the first on top.
    n_best : int
        Genes of each domain.
    """
    n_domains = len(domain_names)
    genes = np.array(
        list(dict.fromkeys(int(gene) for domain in range(n_domains) for gene in markers.best(domain, n_best))),
        dtype=np.intp,
    )
    row, place = np.divmod(np.arange(n_domains * genes.size), max(genes.size, 1))
    column = genes[place]
    dots = axes.scatter(
        place, row, s=LARGEST_DOT_PT2 * markers.share_in[row, column], c=markers.mean[row, column], cmap="viridis"
    )
    axes.set_xticks(range(genes.size), [str(gene_names[gene]) for gene in genes], rotation=90)
    axes.set_yticks(range(n_domains), list(domain_names))
    axes.set_xlim(-0.7, genes.size - 0.3)
    axes.set_ylim(n_domains - 0.4, -0.6)
    axes.figure.colorbar(dots, ax=axes, label="mean log expression", fraction=0.04)
    axes.set_title("Area: share of spots that express the gene", fontsize="small")


def _compare(
    expression: sp.csc_matrix, domain_of_spot: NDArray[np.integer], sizes: NDArray[np.intp]
) -> dict[str, Table]:
    """Return what `Markers` says of a few genes, with p in place of ``p_adjusted``.

    Parameters
    ----------
    expression : (S, g) CSC of log expression, > 0 where stored
        Of spots that all have a domain.
    domain_of_spot : (S,) int
        Their domains.
    sizes : (K,) int
        Spots in each domain.
    """
    n_spots, n_genes = expression.shape
    gene = np.repeat(np.arange(n_genes), np.diff(expression.indptr))
    cell = domain_of_spot[expression.indices] * n_genes + gene
    values = expression.data.astype(np.float64)

    def total(weights: NDArray[np.float64] | None = None) -> Table:
        summed = np.bincount(cell, weights=weights, minlength=sizes.size * n_genes)
        return np.asarray(summed, dtype=np.float64).reshape(sizes.size, n_genes)

    ranks, ties = _ranks(expression, gene)
    n_in = sizes[:, None].astype(np.float64)
    n_out = n_spots - n_in
    n_expressing, abundance = total(), total(np.expm1(values))
    n_silent = n_spots - np.diff(expression.indptr)
    rank_sum = total(ranks) + (n_in - n_expressing) * (n_silent + 1) / 2
    with np.errstate(divide="ignore", invalid="ignore"):  # domains without spots, genes that never vary
        auc = (rank_sum - n_in * (n_in + 1) / 2) / (n_in * n_out)
        variance = n_in * n_out / 12 * ((n_spots + 1) - ties / (n_spots * (n_spots - 1)))
        z = np.where(variance > 0, (auc - 0.5) * n_in * n_out / np.sqrt(variance), np.where(n_in > 0, 0.0, np.nan))
        mean_in, mean_out = abundance / n_in, (abundance.sum(axis=0) - abundance) / n_out
        return {
            "log2_fold_change": np.log2((mean_in + PSEUDOCOUNT) / (mean_out + PSEUDOCOUNT)),
            "share_in": n_expressing / n_in,
            "share_out": (n_expressing.sum(axis=0) - n_expressing) / n_out,
            "mean": total(values) / n_in,
            "auc": auc,
            "z": z,
            "p": 2 * ndtr(-np.abs(z)),
        }


def _ranks(expression: sp.csc_matrix, gene: NDArray[np.intp]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the rank of each stored value among all S of its gene, ties sharing theirs, and the sum of t^3 - t (g,).

    What is not stored is 0, and so ranks below all that is.
    """
    n_spots, n_genes = expression.shape
    order = np.lexsort((expression.data, gene))
    sorted_values, sorted_gene = expression.data[order], gene[order]
    is_new = np.ones(order.size, dtype=np.bool_)
    is_new[1:] = (sorted_values[1:] != sorted_values[:-1]) | (sorted_gene[1:] != sorted_gene[:-1])
    start = np.flatnonzero(is_new)
    length = np.diff(np.append(start, order.size))
    n_silent = (n_spots - np.diff(expression.indptr)).astype(np.float64)
    tied_gene = sorted_gene[start]
    shared = start - expression.indptr[tied_gene] + n_silent[tied_gene] + (length + 1) / 2
    ranks = np.empty(order.size)
    ranks[order] = np.repeat(shared, length)
    cubes = length.astype(np.float64) ** 3 - length
    ties = np.bincount(tied_gene, weights=cubes, minlength=n_genes) + n_silent**3 - n_silent
    return ranks, ties
