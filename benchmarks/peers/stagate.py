"""STAGATE (Dong and Zhang 2022, Nature Communications 13, 1739)."""

from anndata import AnnData

from benchmarks.peers.peer import Choices, Embedding
from benchmarks.peers.places import distance_to_nearest

EPOCHS = 1000
N_GENES = 3000
TARGET_SUM = 1e4
REACH = 1.2
"""Radius of the graph by the median distance to the sixth nearest spot: on Visium the six next to a spot, as with the
150 pixels of the authors' DLPFC tutorial; elsewhere six to ten, as their other tutorials aim at."""


def embed(section: AnnData, choices: Choices) -> Embedding:
    """Return the 30 numbers of its bottleneck."""
    import scanpy as sc
    from STAGATE_pyG import Cal_Spatial_Net, Stats_Spatial_Net, train_STAGATE

    epochs = choices.epochs or EPOCHS
    n_genes = min(N_GENES, section.n_vars)
    sc.pp.highly_variable_genes(section, flavor="seurat_v3", n_top_genes=n_genes)
    sc.pp.normalize_total(section, target_sum=TARGET_SUM)
    sc.pp.log1p(section)
    radius = REACH * distance_to_nearest(section.obsm["spatial"], 6)
    Cal_Spatial_Net(section, rad_cutoff=radius)
    train_STAGATE(section, n_epochs=epochs, random_seed=choices.seed, device="cpu")
    return Embedding(
        values=section.obsm["STAGATE"],
        parameters={
            "epochs": epochs,
            "authors_epochs": EPOCHS,
            "n_genes": n_genes,
            "target_sum": TARGET_SUM,
            "rad_cutoff": radius,
            "mean_neighbours": Stats_Spatial_Net(section)["mean_neighbors"],
        },
    )
