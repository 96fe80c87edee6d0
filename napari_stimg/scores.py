"""How good a reconstruction is, gene by gene, against what anyone could guess without a model."""

import numpy as np
import pandas as pd
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from napari_stimg.expression import log_expression
from napari_stimg.inference import Reconstruction
from napari_stimg.lattice import Lattice
from napari_stimg.slide import Slide

NEIGHBOUR_SIGMA = 2.0
"""Width, in pitches, of the Gaussian over visible neighbours that reconstructions are held against."""

NEIGHBOURS = 256
"""Nearest visible spots that take part in such a mean: on a hexagonal lattice all within 8 pitches."""


def score_reconstruction(slide: Slide, lattice: Lattice, reconstruction: Reconstruction) -> pd.DataFrame:
    """Return one row a gene: how near the reconstruction came to what was hidden.

    Columns: ``mse`` and ``mae`` of log expression; ``pcc``, Pearson's correlation over hidden spots (NaN where a gene
    is constant); ``mse_slide_mean`` and ``mse_neighbours``, the squared error of the gene's mean over visible spots,
    and of the Gaussian-weighted mean of visible neighbours; ``gain_percent`` and ``gain_over_neighbours_percent``, by
    how much ``mse`` is lower than those.

    Parameters
    ----------
    slide : Slide
        The section with the hidden spots' counts.
    lattice : Lattice
        Its lattice.
    reconstruction : Reconstruction
        Of some of its spots.
    """
    hidden = reconstruction.spots
    visible = np.setdiff1d(np.arange(slide.n_spots), hidden)
    expression = log_expression(slide.counts)[:, reconstruction.columns].tocsr()
    truth = expression[hidden].toarray()
    around = neighbour_means(expression, lattice.positions, hidden, sigma=NEIGHBOUR_SIGMA)
    mean = np.asarray(expression[visible].mean(axis=0)).ravel()
    table = pd.DataFrame(
        {
            "mse": np.square(truth - reconstruction.expected).mean(axis=0),
            "mae": np.abs(truth - reconstruction.expected).mean(axis=0),
            "pcc": correlation(truth, reconstruction.expected),
            "mse_slide_mean": np.square(truth - mean).mean(axis=0),
            "mse_neighbours": np.square(truth - around).mean(axis=0),
        },
        index=pd.Index(slide.gene_names[reconstruction.columns], name="gene"),
    )
    table["gain_percent"] = _gain(table["mse"], table["mse_slide_mean"])
    table["gain_over_neighbours_percent"] = _gain(table["mse"], table["mse_neighbours"])
    return table


def summary(table: pd.DataFrame) -> dict[str, float]:
    """Return the means over genes of a table of scores, gains being those of the mean errors."""
    means = table[["mse", "mae", "pcc", "mse_slide_mean", "mse_neighbours"]].mean()
    scores = {str(name): float(value) for name, value in means.items()}
    for gain, against in (("gain_percent", "mse_slide_mean"), ("gain_over_neighbours_percent", "mse_neighbours")):
        scores[gain] = 100 * (1 - scores["mse"] / scores[against]) if scores[against] > 0 else 0.0
    return scores


def neighbour_means(
    expression: sp.csr_matrix, positions: NDArray[np.float32], hidden: NDArray[np.intp], *, sigma: float
) -> NDArray[np.float32]:
    """Return (N, K) Gaussian-weighted means of each hidden spot's nearest visible spots.

    Parameters
    ----------
    expression : (S, K) CSR
        Log expression; the rows of hidden spots are not read.
    positions : (S, 2) float
        Where the spots lie, in pitches.
    hidden : (N,) int
        The hidden spots; all others are visible.
    sigma : float
        Width of the Gaussian, in pitches, > 0.
    """
    visible = np.setdiff1d(np.arange(len(positions)), hidden)
    n_neighbours = min(NEIGHBOURS, visible.size)
    distance, nearest = cKDTree(positions[visible]).query(positions[hidden], k=np.arange(1, n_neighbours + 1))
    exponent = -0.5 * (np.asarray(distance) / sigma) ** 2
    weight = np.exp(exponent - exponent.max(axis=1, keepdims=True))  # far inside a hole all would be 0
    weight /= weight.sum(axis=1, keepdims=True)
    rows = np.repeat(np.arange(hidden.size), n_neighbours)
    averaging = sp.csr_matrix((weight.ravel(), (rows, visible[nearest.ravel()])), shape=(hidden.size, len(positions)))
    means: NDArray[np.float32] = (averaging @ expression).toarray()
    return means


def correlation(truth: NDArray[np.float32], predicted: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return (K,) Pearson's correlation of each column, NaN where one side is constant."""
    a = truth - truth.mean(axis=0, dtype=np.float64)
    b = predicted - predicted.mean(axis=0, dtype=np.float64)
    norm = np.sqrt((a**2).sum(axis=0) * (b**2).sum(axis=0))
    correlation: NDArray[np.float64] = (a * b).sum(axis=0) / np.where(norm > 1e-12, norm, np.nan)
    return correlation


def _gain(error: pd.Series, against: pd.Series) -> pd.Series:
    """Return by how many percent an error is lower than another; 0 where the other is 0."""
    return (100 * (1 - error / against.where(against > 0))).fillna(0.0)
