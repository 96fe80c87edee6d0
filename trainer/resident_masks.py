"""Which cells are hidden, for a whole batch on its device: the rules of ``napari_stimg.masking.draw_mask``."""

import torch
from torch import Tensor

from napari_stimg.masking import MAX_BLOCK_SIDE, MIN_VISIBLE

MAX_BLOCKS = 3
"""Most blocks that are hidden in one group."""


def draw_masks(places: Tensor, present: Tensor, scattered_share: float, chance: torch.Generator) -> Tensor:
    """Return (B, N, L) which cells are hidden, True = hidden; a cell that stands alone is not, nor is padding.

    Parameters
    ----------
    places : (B, N, L, 2) int
        (row, col) of each cell.
    present : (B, N, L) bool
        True = a cell, False = padding.
    scattered_share : float
        Share of samples whose hidden cells are scattered; blocks are hidden in the others.
    chance : torch Generator
        Source of all chance.
    """
    n_samples, n_groups, n_cells = present.shape
    device = present.device

    def uniform(*shape: int) -> Tensor:
        return torch.rand(*shape, generator=chance, device=device)

    scattered = uniform(n_samples, n_groups, n_cells) < 0.1 + 0.6 * uniform(n_samples, n_groups, 1)
    is_scattered = uniform(n_samples, n_groups, 1) < scattered_share
    hidden = torch.where(is_scattered, scattered, _blocks(places, present, chance)) & present
    n_present = present.sum(-1, keepdim=True)

    # At least one cell is hidden: the one of the largest draw, where none is.
    draws = uniform(*present.shape).masked_fill(~present, -1)
    one = torch.zeros_like(hidden).scatter_(-1, draws.argmax(-1, keepdim=True), value=True)
    hidden = torch.where(hidden.any(-1, keepdim=True), hidden, one)

    # MIN_VISIBLE cells (or half, of fewer) stay visible: those that are, then hidden ones by chance.
    order = (uniform(*present.shape) + hidden + 2 * ~present).argsort(-1)
    rank = torch.empty_like(order).scatter_(-1, order, torch.arange(n_cells, device=device).expand_as(order))
    n_visible = torch.minimum((n_present + 1) // 2, torch.tensor(MIN_VISIBLE, device=device))
    return hidden & (rank >= n_visible) & (n_present > 1)


def _blocks(places: Tensor, present: Tensor, chance: torch.Generator) -> Tensor:
    """Return (B, N, L) cells in one to three square blocks of each group."""
    n_samples, n_groups, n_cells = present.shape
    shape, device = (n_samples, n_groups, MAX_BLOCKS), present.device
    draws = torch.rand(*shape, n_cells, generator=chance, device=device).masked_fill(~present[:, :, None], -1)
    centre = draws.argmax(-1)  # B, N, blocks
    anchor = places.gather(2, centre[..., None].expand(*shape, 2))  # B, N, blocks, 2
    side = torch.randint(1, MAX_BLOCK_SIDE + 1, (*shape, 1), generator=chance, device=device)
    offset = (torch.rand(*shape, 2, generator=chance, device=device) * side).long()
    corner = (anchor - offset)[:, :, None]  # B, N, 1, blocks, 2
    cells = places[:, :, :, None]  # B, N, L, 1, 2
    inside = ((cells >= corner) & (cells < corner + side[:, :, None])).all(-1)  # B, N, L, blocks
    n_blocks = torch.randint(1, MAX_BLOCKS + 1, (n_samples, n_groups, 1, 1), generator=chance, device=device)
    return (inside & (torch.arange(MAX_BLOCKS, device=device) < n_blocks)).any(-1)
