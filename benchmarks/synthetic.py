"""Sections made fast and at any size: layers with profiles of their own, counts drawn molecule by molecule."""

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from napari_stimg.slide import Slide

LARGE_LAYERS, LARGE_PITCH_UM = 6, 8.0
"""Kinds of tissue of a large section, and microns from bin to bin (as of Visium HD binned to 8 microns)."""


def synthetic_slide(
    name: str, *, n_rows: int, n_cols: int, n_genes: int, molecules: int = 250, layers: int = 6, seed: int = 0
) -> Slide:
    """Return a square section of ``n_rows x n_cols`` spots in wavy layers.

    Parameters
    ----------
    name : str
        Of the section.
    n_rows, n_cols, n_genes : int
        Its size.
    molecules : int
        Counts of a spot.
    layers : int
        Kinds of tissue, each with a profile of its own.
    seed : int
        Of all chance but the profiles, which all sections of as many genes share.
    """
    profiles = np.random.default_rng(0).lognormal(sigma=1.5, size=(layers, n_genes))
    cumulated = np.cumsum(profiles / profiles.sum(axis=1, keepdims=True), axis=1)
    rng = np.random.default_rng(seed)
    places = np.indices((n_rows, n_cols)).reshape(2, -1).T
    depth = places[:, 0] / n_rows + 0.05 * np.sin(places[:, 1] / n_cols * 2 * np.pi * rng.uniform(1, 3))
    layer = np.clip((depth * layers).astype(int), 0, layers - 1)
    genes = np.empty((len(places), molecules), dtype=np.int64)
    for number in range(layers):
        spots = layer == number
        genes[spots] = np.searchsorted(cumulated[number], rng.random((int(spots.sum()), molecules)))
    rows = np.repeat(np.arange(len(places)), molecules)
    ones = np.ones(rows.size, dtype=np.float32)
    counts = sp.csr_matrix((ones, (rows, np.minimum(genes, n_genes - 1).ravel())), shape=(len(places), n_genes))
    return Slide(
        name=name,
        counts=counts,
        places=places.astype(np.float64),
        spot_names=np.array([f"spot{number}" for number in range(len(places))]),
        gene_names=np.array([f"GENE{number}" for number in range(n_genes)]),
        array_indices=places,
    )


def large_slide(name: str, *, side: int, gene_names: NDArray[np.str_], molecules: int, seed: int = 0) -> Slide:
    """Return a square section of ``side x side`` bins in wavy layers, made a few rows at a time to save memory.

    Parameters
    ----------
    name : str
        Of the section.
    side : int
        Bins along a side.
    gene_names : (G,) str
        Its genes.
    molecules : int
        Counts of a bin.
    seed : int
        Of all chance.
    """
    rng = np.random.default_rng(seed)
    profiles = rng.lognormal(sigma=1.5, size=(LARGE_LAYERS, len(gene_names)))
    cumulated = np.cumsum(profiles / profiles.sum(axis=1, keepdims=True), axis=1)
    cols = np.arange(side)
    blocks = [_row_of_bins(row, cols, cumulated, molecules, rng) for row in range(side)]
    counts = sp.vstack(blocks, format="csr", dtype=np.float32)
    places = np.indices((side, side)).reshape(2, -1).T
    return Slide(
        name=name,
        counts=counts,
        places=places.astype(np.float64) * LARGE_PITCH_UM,
        spot_names=np.array([f"bin{number}" for number in range(len(places))]),
        gene_names=gene_names,
        array_indices=places,
        um_per_place=1.0,
    )


def _row_of_bins(
    row: int, cols: NDArray[np.intp], cumulated: NDArray[np.float64], molecules: int, rng: np.random.Generator
) -> sp.csr_matrix:
    """Return the (side, G) counts of one row of bins."""
    n_layers, n_genes = cumulated.shape
    depth = row / cols.size + 0.05 * np.sin(cols / cols.size * 2 * np.pi * 2)
    layer = np.clip((depth * n_layers).astype(int), 0, n_layers - 1)
    genes = np.empty((cols.size, molecules), dtype=np.int32)
    for number in np.unique(layer):
        bins = layer == number
        genes[bins] = np.searchsorted(cumulated[number], rng.random((int(bins.sum()), molecules)))
    ones = np.ones(genes.size, dtype=np.float32)
    ends = np.arange(0, genes.size + 1, molecules, dtype=np.int32)
    counts = sp.csr_matrix((ones, np.minimum(genes, n_genes - 1).ravel(), ends), shape=(cols.size, n_genes))
    counts.sum_duplicates()
    return counts
