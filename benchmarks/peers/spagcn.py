"""SpaGCN (Hu et al. 2021, Nature Methods 18, 1342), without histology."""

import random

import numpy as np
from anndata import AnnData

from benchmarks.peers.peer import Choices, Embedding
from benchmarks.peers.places import distance_to_nearest

EPOCHS = 200
SHARE = 0.5
"""Of expression, what neighbours contribute (p of the tutorial)."""
N_COMPONENTS = 50
TRAINING = {"init_spa": True, "init": "louvain", "tol": 5e-3, "lr": 0.05}
SEARCH_EPOCHS = 20


def embed(section: AnnData, choices: Choices) -> Embedding:
    """Return what its graph convolution makes of 50 principal components: what it assigns to domains."""
    import scanpy as sc
    import SpaGCN
    import torch

    epochs = choices.epochs or EPOCHS
    places = section.obsm["spatial"]
    adjacency = SpaGCN.calculate_adj_matrix(x=places[:, 0].tolist(), y=places[:, 1].tolist(), histology=False)
    sc.pp.filter_genes(section, min_cells=3)
    section = section[:, ~section.var_names.str.startswith(("ERCC", "MT-"))].copy()
    sc.pp.normalize_total(section)
    sc.pp.log1p(section)
    section.X = section.X.toarray()  # of sparse matrices it takes `.A`, which scipy no longer has
    length = SpaGCN.search_l(SHARE, adjacency, start=0.01, end=10 * distance_to_nearest(places), tol=0.01, max_run=100)
    seeds = {"r_seed": choices.seed, "t_seed": choices.seed, "n_seed": choices.seed}
    resolution = SpaGCN.search_res(
        section, adjacency, length, choices.n_domains, start=0.7, step=0.1, tol=TRAINING["tol"], lr=TRAINING["lr"],
        max_epochs=SEARCH_EPOCHS, **seeds,
    )  # fmt: skip
    random.seed(choices.seed)
    torch.manual_seed(choices.seed)
    np.random.seed(choices.seed)
    model = SpaGCN.SpaGCN()
    model.set_l(length)
    model.train(section, adjacency, num_pcs=N_COMPONENTS, res=resolution, max_epochs=epochs, **TRAINING)
    values, assigned = model.model.predict(model.embed, model.adj_exp)
    return Embedding(
        values=values.detach().numpy(),
        parameters={
            "epochs": epochs,
            "authors_epochs": EPOCHS,
            "n_domains": choices.n_domains,
            "n_domains_found": len(set(assigned.argmax(dim=1).tolist())),
            "p": SHARE,
            "l": float(length),
            "resolution": float(resolution),
            "n_components": N_COMPONENTS,
            **TRAINING,
        },
    )
