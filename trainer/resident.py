"""The whole corpus on the device, and batches made there, so that no loader can starve a fast model.

The same samples as ``trainer.sampling`` draws, by the same rules, but a whole batch at a time and by torch's generator.
Sums are of integers, which are the same in any order: so a batch is the same each time, also where threads race.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.spatial import cKDTree
from torch import Tensor, nn

from napari_stimg.channels import ChannelRule
from napari_stimg.crops import MIN_TISSUE
from napari_stimg.expression import TARGET_SUM
from napari_stimg.tokens import precision_of
from trainer.batches import Batch, section_shares
from trainer.config import CropConfig, MaskConfig
from trainer.resident_masks import draw_masks
from trainer.sections import TrainingSection
from trainer.store import THINNINGS

TRIES = 16
"""Places tried for each crop at once; the first with enough tissue is taken, else the fullest."""

FIXED_POINT = 2**16
"""Units in 1 of the integers that log expression is summed in."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Resident:
    """All training sections one after the other; known genes only.

    Parameters
    ----------
    first_entry : (K + 1,) int64
        Where each cell's entries begin.
    columns : (nnz,) int32
        Gene of each entry, as its place among its section's known genes.
    counts : (nnz,) uint8 or int32
        Its count.
    library_size : (K,) int64
        Counts of all genes of each cell.
    positions : (K, 2) float32
        In pitches.
    occupied : (K, 2) int32
        (row, col) of each cell's place on its section's lattice.
    raster : (cells of all lattices,) int32
        The cell at each place, -1 where there is none.
    neighbours : (K, k) int32
        Each cell and its nearest (``neighbourhood`` only, else k = 0).
    genes : (genes of all sections,) int64
        The model's id of each section's known genes.
    precision : (genes of all sections,) float32
        1 / variance.
    means : (thinnings, genes of all sections) float32
        At each of ``THINNINGS``.
    first_cell, first_gene, first_place : (sections + 1,) int64
        Where each section begins in cells, genes and raster.
    extent : (sections, 2) int64
        (H, W) of each lattice.
    shares : (sections,) float32
        How often each section is drawn.
    """

    first_entry: Tensor
    columns: Tensor
    counts: Tensor
    library_size: Tensor
    positions: Tensor
    occupied: Tensor
    raster: Tensor
    neighbours: Tensor
    genes: Tensor
    precision: Tensor
    means: Tensor
    first_cell: Tensor
    first_gene: Tensor
    first_place: Tensor
    extent: Tensor
    shares: Tensor


def resident_bytes(sections: Sequence[TrainingSection], crops: CropConfig) -> int:
    """Return about how much memory the sections take on a device."""
    entries, small = 0, True
    for training in sections:
        entries += training.section.counts.size
        small &= training.section.counts.dtype == np.uint8
    places = sum(int(np.prod(training.section.lattice.shape)) for training in sections)
    of_cell = 32 + (4 * (crops.neighbours + 1) if crops.scheme == "neighbourhood" else 0)
    of_cells = sum(of_cell * training.section.n_cells + 24 * training.ids.size for training in sections)
    return (5 if small else 8) * entries + 4 * places + of_cells


def to_device(sections: Sequence[TrainingSection], crops: CropConfig, device: torch.device) -> Resident:
    """Return the sections on a device."""
    parts = [_part(training, crops) for training in sections]
    joined = {key: np.concatenate([part[key] for part in parts], axis=-1 if key == "means" else 0) for key in parts[0]}
    lengths = joined.pop("lengths")
    n_cells = np.cumsum([0] + [training.section.n_cells for training in sections])
    starts = np.cumsum([0] + [training.ids.size for training in sections])
    shapes = np.array([training.section.lattice.shape for training in sections])
    joined["raster"] += np.where(joined["raster"] < 0, 0, np.repeat(n_cells[:-1], shapes.prod(axis=1))).astype(np.int32)
    if joined["neighbours"].size:
        joined["neighbours"] += np.repeat(n_cells[:-1], np.diff(n_cells))[:, None].astype(np.int32)
    arrays = joined | {
        "first_entry": np.append(0, np.cumsum(lengths)),
        "first_cell": n_cells,
        "first_gene": starts,
        "first_place": np.append(0, np.cumsum(shapes.prod(axis=1))),
        "extent": shapes,
        "shares": section_shares(sections).astype(np.float32),
    }
    return Resident(**{key: torch.from_numpy(array).to(device) for key, array in arrays.items()})


def _part(training: TrainingSection, crops: CropConfig) -> dict[str, NDArray[np.generic]]:
    """Return the arrays of one section, cells counted from its own first."""
    section, lattice = training.section, training.section.lattice
    slot_of_column = np.full(section.n_genes, -1, dtype=np.int32)
    slot_of_column[training.columns] = np.arange(training.columns.size, dtype=np.int32)
    columns = slot_of_column[section.genes]
    known = columns >= 0
    rows = np.repeat(np.arange(section.n_cells), np.diff(section.indptr))
    raster = np.full(lattice.shape, -1, dtype=np.int32)
    raster[tuple(lattice.occupied.T)] = np.arange(section.n_cells, dtype=np.int32)
    counts = section.counts[known]
    neighbours = np.empty((section.n_cells, 0), dtype=np.int32)
    if crops.scheme == "neighbourhood":
        n_together = min(crops.neighbours + 1, section.n_cells)
        places = lattice.token_positions
        nearest = np.asarray(cKDTree(places).query(places, k=np.arange(1, n_together + 1))[1])
        padding = np.repeat(nearest[:, -1:], crops.neighbours + 1 - n_together, axis=1)
        neighbours = np.concatenate([nearest, padding], axis=1).astype(np.int32)
    return {
        "lengths": np.bincount(rows[known], minlength=section.n_cells),
        "columns": columns[known],
        "counts": counts.astype(np.uint8 if counts.dtype == np.uint8 else np.int32),
        "library_size": np.asarray(section.library_size),
        "positions": lattice.token_positions,
        "occupied": np.asarray(lattice.occupied),
        "raster": raster.ravel(),
        "neighbours": neighbours,
        "genes": training.ids,
        "precision": precision_of(section.moments[1.0])[training.columns],
        "means": np.stack([section.moments[share].mean[training.columns] for share in THINNINGS]),
    }


class Cells(NamedTuple):
    """The cells of a batch, N groups a sample; -1 is padding."""

    section: Tensor  # (B,)
    cells: Tensor  # (B, N, L)


def draw_resident_batch(resident: Resident, crops: CropConfig, masks: MaskConfig, *, seed: int, number: int) -> Batch:
    """Return a run's batch of this number, as ``draw_batch`` does; its crops are as many as fill ``crops.tokens``.

    Parameters
    ----------
    resident : Resident
        The training sections.
    crops, masks : CropConfig, MaskConfig
        What samples show and hide.
    seed : int
        The run's.
    number : int
        The batch's, counted over all steps and processes of the run.
    """
    host = np.random.default_rng([seed, number])
    side = int(host.choice(crops.sides))
    chance = torch.Generator(resident.shares.device)
    chance.manual_seed(int(host.integers(2**62)))
    drawn = draw_cells(resident, side, crops, chance)
    return _assemble(resident, drawn, crops, masks, chance)


def draw_cells(resident: Resident, side: int, crops: CropConfig, chance: torch.Generator) -> Cells:
    """Return the cells of a batch by the scheme (see ``trainer.schemes``)."""
    n_samples = crops.tokens if crops.scheme == "slide" else max(1, round(crops.tokens / side**2))
    section = torch.multinomial(resident.shares, n_samples, replacement=True, generator=chance)
    if crops.scheme == "patch":
        return Cells(section, _patches(resident, section, side, chance)[:, None])
    if crops.scheme == "slide":
        n_cells = (resident.first_cell[section + 1] - resident.first_cell[section]).clamp(max=crops.tokens)
        section = section[: int((n_cells.cumsum(0) < crops.tokens).sum()) + 1]
        return Cells(section, _slides(resident, section, crops.tokens, chance)[:, None])
    n_groups = side**2 if crops.scheme == "spot" else max(1, side**2 // (crops.neighbours + 1))
    centres = _random_cells(resident, section, n_groups, chance)
    if crops.scheme == "spot":
        return Cells(section, centres[..., None])
    cells = resident.neighbours[centres].long()
    repeated = (cells[..., 1:] == cells[..., :-1]).cumsum(-1) > 0  # a section of few cells: its last one is repeated
    return Cells(section, torch.cat([cells[..., :1], cells[..., 1:].masked_fill(repeated, -1)], dim=-1))


def _random_cells(resident: Resident, section: Tensor, n_cells: int, chance: torch.Generator) -> Tensor:
    """Return (B, n) cells of each sample's section."""
    first, stop = resident.first_cell[section], resident.first_cell[section + 1]
    share = torch.rand(len(section), n_cells, generator=chance, device=section.device, dtype=torch.float64)
    return first[:, None] + (share * (stop - first)[:, None]).long()


def _patches(resident: Resident, section: Tensor, side: int, chance: torch.Generator) -> Tensor:
    """Return (B, L) cells of square crops around random cells: of several places, the first with enough tissue."""
    centre = resident.occupied[_random_cells(resident, section, TRIES, chance)].long()  # B, tries, 2
    corner = centre - torch.randint(side, centre.shape, generator=chance, device=section.device)
    steps = torch.arange(side, device=section.device)
    rows, cols = corner[..., 0, None] + steps, corner[..., 1, None] + steps  # B, tries, side
    height, width = resident.extent[section].unbind(1)
    inside_rows = (rows >= 0) & (rows < height[:, None, None])
    inside_cols = (cols >= 0) & (cols < width[:, None, None])
    places = resident.first_place[section][:, None, None, None] + (
        rows[..., :, None] * width[:, None, None, None] + cols[..., None, :]
    )
    inside = inside_rows[..., :, None] & inside_cols[..., None, :]
    cells = torch.where(inside, resident.raster[places.where(inside, 0)].long(), -1).flatten(2)  # B, tries, side * side
    filled = (cells >= 0).sum(-1)
    enough = (filled >= MIN_TISSUE * side**2).long()
    taken = torch.where(enough.any(1), enough.argmax(1), filled.argmax(1))
    chosen = cells[torch.arange(len(section), device=section.device), taken]
    order = (chosen < 0).long().argsort(dim=1, stable=True)
    return chosen.gather(1, order)[:, : int((chosen >= 0).sum(1).max())]


def _slides(resident: Resident, section: Tensor, most: int, chance: torch.Generator) -> Tensor:
    """Return (B, L) cells of whole sections: all, or ``most`` of more."""
    bounds = torch.stack([resident.first_cell[section], resident.first_cell[section + 1]], dim=1).tolist()
    orders = [torch.randperm(stop - first, generator=chance, device=section.device)[:most] for first, stop in bounds]
    slides = [first + order.sort().values for order, (first, _) in zip(orders, bounds, strict=True)]
    return nn.utils.rnn.pad_sequence(slides, batch_first=True, padding_value=-1)


def _assemble(resident: Resident, drawn: Cells, crops: CropConfig, masks: MaskConfig, chance: torch.Generator) -> Batch:
    """Return the batch of these cells: channels drawn, counts thinned, cells and genes hidden."""
    n_samples, n_groups, n_cells = drawn.cells.shape
    present = drawn.cells >= 0
    cells = drawn.cells.clamp(min=0).flatten(1)  # B, N * L
    entries = _entries(resident, cells, present.flatten(1))
    channels, real = _channels(resident, drawn.section, entries, cells, present.flatten(1), crops, chance)
    counts = _dense(entries, channels, cells.shape)  # B, N * L, M
    slots = resident.first_gene[drawn.section][:, None] + channels  # B, M, into genes of all sections
    slots = slots.where(real, 0)
    library = resident.library_size[cells]

    def uniform(*shape: int) -> Tensor:
        return torch.rand(*shape, generator=chance, device=cells.device)

    drop = uniform(n_samples, 1) < (1.0 if n_cells == 1 else masks.drop_genes)
    shown_genes = ~drop | (uniform(*slots.shape) > 0.5 * uniform(n_samples, 1))
    precision = resident.precision[slots] * real
    thinning = torch.where(
        uniform(n_samples) < masks.thin,
        torch.randint(1, len(THINNINGS), (n_samples,), generator=chance, device=cells.device),
        0,
    )
    share = torch.tensor(THINNINGS, device=cells.device)[thinning][:, None]  # B, 1
    mean = resident.means[thinning[:, None], slots]  # B, M
    kept = torch.binomial(counts, share[..., None].expand_as(counts), generator=chance)
    rest_of_library = library - counts.sum(-1)
    kept_library = kept.sum(-1) + torch.binomial(rest_of_library, share.expand_as(rest_of_library), generator=chance)
    whole = _deviation(counts, library, resident.means[0][slots])
    half = (share == THINNINGS[-1])[..., None]  # B, 1, 1
    kept_back = torch.where(half, _deviation(counts - kept, library - kept_library, mean), whole)
    shown = torch.where(share[..., None] == 1, whole, _deviation(kept, kept_library, mean))

    hidden = draw_masks(resident.occupied[cells].reshape(*drawn.cells.shape, 2), present, masks.scattered, chance)
    hidden = hidden.flatten(1)[..., None]  # B, N * L, 1
    seen_weight = masks.visible_weight * precision[:, None] * (half | ~shown_genes[:, None])
    weight = torch.where(hidden, precision[:, None], seen_weight) * present.flatten(1)[..., None]
    targets = torch.where(hidden, whole, kept_back)
    positions = resident.positions[cells] * present.flatten(1)[..., None]

    hidden_first = torch.where(hidden.view_as(present), 0, torch.where(present, 1, 2)).argsort(dim=-1, stable=True)
    visible_first = torch.where(present & ~hidden.view_as(present), 0, 1).argsort(dim=-1, stable=True)
    n_visible = (present & ~hidden.view_as(present)).sum(-1)  # B, N
    visible = visible_first[..., : int(n_visible.max())]

    def ordered(flat: Tensor, order: Tensor) -> Tensor:
        grouped = flat.reshape(n_samples, n_groups, n_cells, -1)
        return grouped.gather(2, order[..., None].expand(*order.shape, grouped.shape[-1]))

    is_there = torch.arange(visible.shape[-1], device=cells.device) < n_visible[..., None]
    return Batch(
        values=ordered(shown, visible) * is_there[..., None],
        genes=resident.genes[slots],
        shown_precision=precision * shown_genes,
        positions=ordered(positions, visible) * is_there[..., None],
        present=is_there,
        queries=ordered(positions, hidden_first),
        targets=ordered(targets, hidden_first),
        weight=ordered(weight, hidden_first),
    )


class Entries(NamedTuple):
    """The stored counts of a batch's cells."""

    columns: Tensor  # (nnz,) gene within its section
    counts: Tensor  # (nnz,)
    rows: Tensor  # (nnz,) which of the (B * N * L) cells
    samples: Tensor  # (nnz,) which of the B samples


def _entries(resident: Resident, cells: Tensor, present: Tensor) -> Entries:
    starts = resident.first_entry[cells]
    lengths = (resident.first_entry[cells + 1] - starts) * present
    flat = lengths.flatten()
    rows = torch.repeat_interleave(flat)
    before = flat.cumsum(0) - flat
    stored = starts.flatten()[rows] + torch.arange(len(rows), device=cells.device) - before[rows]
    return Entries(
        columns=resident.columns[stored].long(),
        counts=resident.counts[stored].float(),
        rows=rows,
        samples=rows // cells.shape[1],
    )


def _channels(
    resident: Resident,
    section: Tensor,
    entries: Entries,
    cells: Tensor,
    present: Tensor,
    crops: CropConfig,
    chance: torch.Generator,
) -> tuple[Tensor, Tensor]:
    """Return (B, M) genes of each sample within its section, and which of them are real: sections may have fewer."""
    n_genes = resident.first_gene[section + 1] - resident.first_gene[section]  # B
    most = int(n_genes.max())
    scale = TARGET_SUM / resident.library_size[cells].clamp(min=1).flatten().float()
    values = torch.log1p(entries.counts * scale[entries.rows])
    where = entries.samples * most + entries.columns
    total, square = (
        torch.zeros(len(section) * most, dtype=torch.int64, device=cells.device)
        .index_add_(0, where, (part * FIXED_POINT).round().long())
        .view(-1, most)
        .double()
        / FIXED_POINT
        for part in (values, values.square())
    )
    n_cells = present.sum(1, keepdim=True)
    variance = (square / n_cells - (total / n_cells).square()).clamp(min=0)
    keys = _keys(variance, crops.channel_rule, chance)
    there = torch.arange(most, device=cells.device) < n_genes[:, None]
    n_drawn = min(crops.channels, most)
    drawn = keys.masked_fill(~there, -torch.inf).topk(n_drawn, dim=1).indices.sort(dim=1).values
    return drawn, there.gather(1, drawn)


def _keys(weights: Tensor, rule: ChannelRule, chance: torch.Generator) -> Tensor:
    """Return (B, G) keys of which the largest are drawn (see ``draw_channels``); finite ones."""
    chances = torch.rand(weights.shape, generator=chance, device=weights.device, dtype=torch.float64)
    if rule == "variance":
        return (chances.log() / weights).clamp(min=-1e300)
    return chances if rule == "uniform" else weights


def _dense(entries: Entries, channels: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Return (B, N * L, M) counts."""
    n_samples, n_channels = channels.shape
    most = int(max(int(entries.columns.max()) if len(entries.columns) else 0, int(channels.max()))) + 1
    slot_of_gene = torch.full((n_samples, most), -1, device=channels.device)
    slot_of_gene.scatter_(1, channels, torch.arange(n_channels, device=channels.device).expand_as(channels))
    slots = slot_of_gene[entries.samples, entries.columns]
    asked = slots >= 0
    dense = torch.zeros(*shape, n_channels, device=channels.device)
    dense.view(-1, n_channels)[entries.rows[asked], slots[asked]] = entries.counts[asked]
    return dense


def _deviation(counts: Tensor, library: Tensor, mean: Tensor) -> Tensor:
    """Return (B, C, M) log expression less each section's (B, M) mean."""
    return torch.log1p(counts * (TARGET_SUM / library.clamp(min=1).float())[..., None]) - mean[:, None]
