"""Novae (Blampey et al. 2025, Nature Methods 22, 2539), trained on the section alone: its weights are on a hub."""

from anndata import AnnData

from benchmarks.peers.peer import Choices, Embedding
from benchmarks.peers.places import Layout, distance_to_nearest, layout_of

EPOCHS = 20
GRAPHS: dict[Layout, dict[str, object]] = {
    Layout.HEX: {"technology": "visium"},
    Layout.SQUARE: {"coord_type": "grid", "n_neighs": 4, "delaunay": False},
    Layout.IRREGULAR: {},
}
"""Of ``novae.spatial_neighbors``: six or four neighbours on lattices, else Delaunay's triangulation."""
PITCH_UM = {Layout.HEX: 100.0, Layout.SQUARE: 200.0, Layout.IRREGULAR: 10.0}
"""Between the centres of spots: Visium, legacy ST, and about a cell's width; distances are part of its input."""


def embed(section: AnnData, choices: Choices) -> Embedding:
    """Return its representation of each spot's surroundings."""
    import lightning
    import novae

    lightning.seed_everything(choices.seed)
    epochs = choices.epochs or EPOCHS
    layout = layout_of(section)
    hops = 2 if layout is Layout.IRREGULAR else 1  # its documentation advises 1 for Visium
    novae.settings.scale_to_microns = PITCH_UM[layout] / distance_to_nearest(section.obsm["spatial"])
    novae.spatial_neighbors(section, **GRAPHS[layout])
    model = novae.Novae(section, n_hops_local=hops, n_hops_view=hops)
    model.fit(max_epochs=epochs, accelerator="cpu")
    if model.current_epoch == 0:
        raise ValueError(f"expected spots for one batch at least, found {section.n_obs}: nothing was learned")
    model.compute_representations()
    return Embedding(
        values=section.obsm["novae_latent"],
        parameters={
            "epochs": epochs,
            "authors_epochs": EPOCHS,
            "epochs_trained": model.current_epoch,  # it stops when the loss no longer falls
            "pretrained": False,
            "n_hops_local": hops,
            "n_hops_view": hops,
            "um_per_place": novae.settings.scale_to_microns,
            "n_spots_without_surroundings": int((section.obsm["novae_latent"] == 0).all(axis=1).sum()),
        },
    )
