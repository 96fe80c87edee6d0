"""A small section and a small model that knows its genes, made anew for tests that run whole commands."""

from pathlib import Path

import anndata as ad
import numpy as np
import pandas as pd
import torch

from napari_stimg.checkpoint import save_checkpoint
from napari_stimg.model import MAEConfig, MaskedAutoencoder
from napari_stimg.vocabulary import Vocabulary, normal_name
from sample_data.parameters import TissueParameters
from sample_data.simulate import simulate

PARAMETERS = TissueParameters(n_rows=20, n_cols=16, n_genes=60, n_holes=0)


def small_section() -> ad.AnnData:
    """Return about 240 spots of layered tissue with 60 genes; ``obs["layer"]`` is the truth."""
    return simulate(PARAMETERS)


def write_small_section(path: Path) -> Path:
    """Write the section as ``.h5ad``, with more beside the counts than ``stimg`` reads."""
    section = small_section()
    section.layers["doubled"] = section.X * 2
    section.obsm["X_other"] = np.arange(2.0 * section.n_obs).reshape(-1, 2)
    section.uns["note"] = "kept"
    section.write_h5ad(path)
    return path


def write_two_sections(path: Path) -> Path:
    """Write a file of two sections, ``A`` of 5 x 6 spots and ``B`` of 4 x 6, named in ``obs["library_id"]``."""
    section = small_section()[:54].copy()
    rows, cols = np.divmod(np.arange(54), 6)
    section.obs["library_id"] = pd.Categorical(np.where(rows < 5, "A", "B"))
    section.obs["array_row"], section.obs["array_col"] = np.where(rows < 5, rows, rows - 5), cols
    section.obsm["spatial"] = np.column_stack([cols, section.obs["array_row"]]) * 100.0
    section.write_h5ad(path)
    return path


def write_small_model(path: Path, *, n_genes: int | None = None) -> Path:
    """Write a checkpoint of width 8, untrained, that knows the section's genes, or the first ``n_genes`` of them."""
    section = small_section()[:, :n_genes]
    vocabulary = Vocabulary(symbols=tuple(sorted(normal_name(name) for name in section.var_names)), aliases={})
    torch.manual_seed(0)
    model = MaskedAutoencoder(MAEConfig(n_genes=len(vocabulary), width=8, n_heads=2))
    save_checkpoint(model, vocabulary, {"sections": ["small"]}, path)
    return path
