"""The visible part of a section before the model, and what the model says of some of it while that is hidden."""

from collections.abc import Generator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.spatial import cKDTree
from torch import Tensor

from napari_stimg.checkpoint import Checkpoint
from napari_stimg.crops import Crop, crop_at
from napari_stimg.lattice import Lattice
from napari_stimg.masking import draw_mask
from napari_stimg.model import MaskedAutoencoder
from napari_stimg.readout import Rehearsal
from napari_stimg.slide import Slide
from napari_stimg.spatial_field import SpatialField
from napari_stimg.tokens import TokenTable, token_table

SCATTERED_SHARE = 0.7
"""Share of rehearsals that hide scattered cells; the others hide blocks."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Visible:
    """The visible part of a section, ready for the model.

    Parameters
    ----------
    lattice : Lattice
        Of the visible spots, K occupied cells.
    places : (K, 2) float32
        Where they lie, (row, col) in pitches.
    tokens : (K, D) Tensor
        Their tokens, on the model's device.
    model : MaskedAutoencoder
        The model.
    """

    lattice: Lattice
    places: NDArray[np.float32]
    tokens: Tensor
    model: MaskedAutoencoder

    @property
    def positions(self) -> Tensor:
        """(K, 2) where the visible cells lie, on the model's device."""
        return torch.from_numpy(self.places).to(self.tokens.device)

    @torch.inference_mode()
    def decode(self, cells: NDArray[np.intp], queries: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return (Q, D) states at (Q, 2) places, from these visible cells alone."""
        positions = self.positions[cells][None]
        present = torch.ones(positions.shape[:2], dtype=torch.bool, device=positions.device)
        latents = self.model.encode(self.tokens[cells][None], positions, present)
        asked = torch.from_numpy(queries).to(positions.device)[None]
        states: NDArray[np.float32] = self.model.decode(latents, positions, present, asked)[0].cpu().numpy()
        return states


def see(slide: Slide, lattice: Lattice, checkpoint: Checkpoint) -> Visible:
    """Return the tokens of a slide, summed sparsely."""
    return see_table(token_table(slide, lattice, checkpoint.vocabulary), lattice, checkpoint)


def see_table(table: TokenTable, lattice: Lattice, checkpoint: Checkpoint) -> Visible:
    """Return the tokens of what the model may know of a slide with this lattice."""
    model = checkpoint.model
    device = next(model.parameters()).device
    genes, precision = (torch.from_numpy(x).to(device) for x in (table.ids, table.precision))
    with torch.inference_mode():
        weighted = model.weighted_loadings(genes, precision)
        on_cpu = weighted.cpu().numpy()
        summed = torch.from_numpy(table.expression @ on_cpu - table.mean @ on_cpu).to(device)
        tokens = model.tokens_of_table(summed, genes, precision)
    return Visible(lattice=lattice, places=table.positions, tokens=tokens, model=model)


def corpus_weights(checkpoint: Checkpoint, slide: Slide) -> NDArray[np.float32]:
    """Return (G, D) the model's read-out of a slide's genes, zero for those that it does not know."""
    match = checkpoint.vocabulary.match(slide)
    weights = np.zeros((slide.n_genes, checkpoint.model.config.width), dtype=np.float32)
    weights[match.columns] = checkpoint.model.gene_out.weight.detach().cpu().numpy()[match.ids]
    return weights


def distance_to(tissue: NDArray[np.float32], places: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return (N,) the distance from each place to the nearest of the visible cells, in pitches."""
    distance, _ = cKDTree(tissue).query(places)
    return np.asarray(distance, dtype=np.float32)


def rehearse(
    visible: Visible,
    *,
    side: int,
    n_rehearsals: int,
    rng: np.random.Generator,
    spatial: SpatialField | None = None,
) -> Generator[int, None, list[Rehearsal]]:
    """Yield how many rehearsals are done, and return them all.

    Parameters
    ----------
    visible : Visible
        The visible part of a section.
    side : int
        Side of the windows they take place in, in cells.
    n_rehearsals : int
        How many, >= 1.
    rng : numpy Generator
        Of windows, and of what is hidden in them.
    spatial : SpatialField, optional
        What is kriged there, too.
    """
    rehearsals = []
    for done, crop in enumerate(practice_windows(visible.lattice, side, n_rehearsals, rng)):
        yield done
        rehearsals.append(_rehearse(visible, crop, rng, spatial))
    return rehearsals


def practice_windows(lattice: Lattice, side: int, n_rehearsals: int, rng: np.random.Generator) -> list[Crop]:
    """Return ``n_rehearsals`` windows spread over the section: all tiles of it in turn, in random order and offset."""
    found: list[Crop] = []
    while len(found) < n_rehearsals:
        offset = rng.integers(side, size=2)
        tiles = [
            crop_at(lattice, row, col, (side, side))
            for row in range(-offset[0], lattice.shape[0], side)
            for col in range(-offset[1], lattice.shape[1], side)
        ]
        tiles = [tile for tile in tiles if tile.tokens.size >= 2]
        if not tiles:  # next to nothing is visible: rehearse on all of it
            tiles = [crop_at(lattice, 0, 0, lattice.shape)]
        found += [tiles[i] for i in rng.permutation(len(tiles))]
    return found[:n_rehearsals]


def _rehearse(visible: Visible, crop: Crop, rng: np.random.Generator, spatial: SpatialField | None) -> Rehearsal:
    """Return what the model, and kriging, say of visible cells of a window while they are hidden."""
    hidden = draw_mask(visible.lattice.occupied[crop.tokens], random_share=SCATTERED_SHARE, rng=rng)
    shown, practised = crop.tokens[~hidden], crop.tokens[hidden]
    if practised.size == 0:  # a section of one cell has no other to tell of it
        practised = shown
    positions = visible.places
    return Rehearsal(
        cells=practised,
        states=visible.decode(shown, positions[practised]),
        distance=distance_to(positions[shown], positions[practised]),
        kriged=spatial.practise(shown, practised) if spatial else np.zeros((practised.size, 0), dtype=np.float32),
    )
