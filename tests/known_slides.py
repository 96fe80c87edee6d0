"""Slides whose every number is given, simulated ones, and small models that know their genes."""

from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import scipy.sparse as sp
import torch
from numpy.typing import ArrayLike

from napari_stimg.checkpoint import Checkpoint
from napari_stimg.inference import InferenceParameters
from napari_stimg.io.anndata_file import slide_from_anndata
from napari_stimg.lattice import find_lattice
from napari_stimg.model import MAEConfig, MaskedAutoencoder
from napari_stimg.slide import Slide
from napari_stimg.tokens import token_table
from napari_stimg.vocabulary import Vocabulary
from napari_stimg.windows import WindowParameters
from sample_data.parameters import TissueParameters
from sample_data.simulate import simulate
from sample_data.tissue import smooth_field
from trainer.loadings import fit_loadings
from trainer.objective import start_from_loadings

WIDTH = 16

SMALL_WINDOWS = InferenceParameters(windows=WindowParameters(side=10, stride=5), n_rehearsals=4)
"""So small that even simulated sections need many windows."""


def slide_of(counts: ArrayLike, **fields: object) -> Slide:
    """Return a slide of (S, G) counts, its genes named GENE0, GENE1, ..., its spots in a row of a square array."""
    matrix = sp.csr_matrix(np.asarray(counts, dtype=np.float32))
    n_spots, n_genes = matrix.shape
    places = np.stack([np.zeros(n_spots), np.arange(n_spots)], axis=1)
    given = {
        "name": "known",
        "counts": matrix,
        "places": places,
        "spot_names": np.array([f"spot{i}" for i in range(n_spots)]),
        "gene_names": np.array([f"GENE{i}" for i in range(n_genes)]),
        "array_indices": places.astype(np.int64),
    }
    return Slide(**(given | fields))


@cache
def simulated_slide(
    *, n_rows: int = 30, n_cols: int = 26, n_genes: int = 80, median_depth: float = 2000.0, seed: int = 0
) -> Slide:
    """Return a simulated section, of about 550 spots by default, of layers with strong markers."""
    params = TissueParameters(
        n_rows=n_rows, n_cols=n_cols, n_genes=n_genes, median_depth=median_depth, hole_radius=1.0, seed=seed
    )
    return slide_from_anndata(simulate(params), name=f"simulated{seed}")


@cache
def irregular_slide() -> Slide:
    """Return cells at irregular places, several of which share a cell of the raster."""
    rng = np.random.default_rng(0)
    places = rng.uniform(0, 20, (500, 2))
    rates = 1 + 4 * (np.sin(places[:, :1] / 5 + np.arange(12)) + 1)
    return slide_of(rng.poisson(rates), places=places, array_indices=None)


@cache
def wavy_slide() -> Slide:
    """Return a full square array of 1,440 spots whose 40 genes follow six smooth waves 12 to 24 pitches long."""
    rng = np.random.default_rng(0)
    indices = np.indices((40, 36)).reshape(2, -1).T
    waves = np.stack([smooth_field(indices.astype(np.float64), 12.0, rng) for _ in range(6)], axis=1)
    rates = 50 * np.exp(0.4 * waves @ rng.normal(size=(6, 40)))
    return slide_of(rng.poisson(rates), places=indices.astype(np.float64), array_indices=indices)


@cache
def factor_checkpoint(*, active: bool = False, every: int = 1) -> Checkpoint:
    """Return a model that knows every so many of ``simulated_slide``'s genes, its layers idle or active."""
    return checkpoint_of(simulated_slide(), active=active, every=every)


def checkpoint_of(slide: Slide, *, active: bool = False, every: int = 1) -> Checkpoint:
    """Return a model that starts from the loadings of a slide, as training does.

    Parameters
    ----------
    active : bool
        Whether its transformer layers do something, at random; those of a new model add nothing.
    every : int
        Of the slide's genes it knows every so many.
    """
    vocabulary = Vocabulary(symbols=tuple(str(name) for name in slide.gene_names[::every]), aliases={})
    table = token_table(slide, find_lattice(slide), vocabulary)
    torch.manual_seed(0)
    model = MaskedAutoencoder(MAEConfig(n_genes=len(vocabulary), width=WIDTH, n_heads=2))
    start_from_loadings(model, fit_loadings([table], len(vocabulary), width=WIDTH))
    if active:
        activate(model, scale=0.05)
    return Checkpoint(model=model.eval(), vocabulary=vocabulary, card={}, sha256="", path=Path("none.safetensors"))


@cache
def irregular_checkpoint() -> Checkpoint:
    """Return a model of active layers that takes the genes of ``irregular_slide`` for genes that it knows."""
    checkpoint = factor_checkpoint(active=True)
    symbols = tuple(f"GENE{i}" for i in range(12)) + tuple(f"OTHER{i}" for i in range(len(checkpoint.vocabulary) - 12))
    return replace(checkpoint, vocabulary=Vocabulary(symbols=symbols, aliases={}))


def activate(model: MaskedAutoencoder, *, scale: float = 0.3, seed: int = 0) -> MaskedAutoencoder:
    """Add noise to all weights but the genes', so that layers that start at zero take part."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if not name.startswith("gene_"):
                weight += scale * torch.randn(weight.shape, generator=generator)
    return model


def block(slide: Slide, *, row: int, col: int, side: int) -> np.ndarray:
    """Return the (S,) mask of the spots in ``side`` x ``side`` cells of the raster."""
    cells = find_lattice(slide).cell_of_spot
    return ((cells >= [row, col]) & (cells < [row + side, col + side])).all(axis=1)
