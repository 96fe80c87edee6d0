"""Sections made fast and at any size: layers with profiles of their own, counts drawn molecule by molecule."""

import numpy as np
import scipy.sparse as sp

from napari_stimg.slide import Slide


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
