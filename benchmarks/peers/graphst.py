"""GraphST (Long et al. 2023, Nature Communications 14, 1155)."""

from anndata import AnnData

from benchmarks.peers.peer import Choices, Embedding
from benchmarks.peers.places import Layout, layout_of

EPOCHS = 600
N_COMPONENTS = 20
"""Components of its reconstruction that its own clustering starts from."""


def embed(section: AnnData, choices: Choices) -> Embedding:
    """Return the principal components of the reconstruction that it clusters."""
    import torch
    from GraphST.GraphST import GraphST
    from sklearn.decomposition import PCA

    datatype = "Slide" if layout_of(section) is Layout.IRREGULAR else "10X"
    epochs = choices.epochs or EPOCHS
    model = GraphST(section, device=torch.device("cpu"), epochs=epochs, random_seed=choices.seed, datatype=datatype)
    if not model.adj.is_sparse:
        model.adj = model.adj.to_sparse()  # the same sums, without the zeros of a spots x spots matrix
    reconstruction = model.train().obsm["emb"]
    n_components = min(N_COMPONENTS, *reconstruction.shape)
    return Embedding(
        values=PCA(n_components, random_state=choices.seed).fit_transform(reconstruction),
        parameters={
            "epochs": epochs,
            "authors_epochs": EPOCHS,
            "datatype": datatype,
            "n_genes": reconstruction.shape[1],
            "n_components": n_components,
        },
    )
