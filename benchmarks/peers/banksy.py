"""BANKSY (Singhal et al. 2024, Nature Genetics 56, 431)."""

from functools import partial

import numpy as np
from anndata import AnnData

from benchmarks.peers.peer import Choices, Embedding

DECAY = "scaled_gaussian"
TARGET_SUM = 5000
N_GENES = 2000
PARAMETERS = {"num_neighbours": 6, "max_m": 0}
"""Of the authors' notebook on the DLPFC sections: one ring, no azimuthal Gabor filter."""
LAMBDA = 0.2
N_COMPONENTS = 20


def embed(section: AnnData, choices: Choices, *, log: bool) -> Embedding:
    """Return the principal components of the BANKSY matrix.

    Parameters
    ----------
    section : AnnData
        Counts.
    choices : Choices
        Seed of the principal components.
    log : bool
        Whether to take the logarithm of normalised counts, which the authors' notebook does not.
    """
    import scanpy as sc
    from banksy.embed_banksy import generate_banksy_matrix
    from banksy.initialize_banksy import initialize_banksy
    from banksy_utils.umap_pca import pca_umap

    np.random.seed(choices.seed)  # which the peer's PCA draws from
    n_genes = min(N_GENES, section.n_vars)
    sc.pp.highly_variable_genes(section, flavor="seurat_v3", n_top_genes=n_genes)
    sc.pp.normalize_total(section, target_sum=TARGET_SUM)
    if log:
        sc.pp.log1p(section)
    section = section[:, section.var["highly_variable"]].copy()
    section.X = section.X.toarray()
    graphs = initialize_banksy(
        section,
        ("x", "y", "spatial"),
        nbr_weight_decay=DECAY,
        plt_edge_hist=False,
        plt_nbr_weights=False,
        plt_theta=False,
        **PARAMETERS,
    )
    graphs, _ = generate_banksy_matrix(section, graphs, [LAMBDA], PARAMETERS["max_m"], verbose=False)
    pca_umap(graphs, pca_dims=[N_COMPONENTS], plt_remaining_var=False, add_umap=False)
    return Embedding(
        values=graphs[DECAY][LAMBDA]["adata"].obsm[f"reduced_pc_{N_COMPONENTS}"],
        parameters={
            "n_genes": n_genes,
            "target_sum": TARGET_SUM,
            "log1p": log,
            "nbr_weight_decay": DECAY,
            "lambda": LAMBDA,
            "n_components": N_COMPONENTS,
            **PARAMETERS,
        },
    )


embed_plain = partial(embed, log=False)
embed_log = partial(embed, log=True)
