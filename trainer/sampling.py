"""One sample: cells of a section by a scheme, their channels, and what is hidden of them.

Shape letters as in ``napari_stimg.model``; besides, N groups of a sample. Cells of one group see each other and no
others: a patch or a slide is one group, single spots and neighbourhoods are many.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from napari_stimg.channels import draw_channels
from napari_stimg.expression import TARGET_SUM
from napari_stimg.masking import draw_mask
from napari_stimg.tokens import precision_of
from trainer.config import CropConfig, MaskConfig
from trainer.schemes import draw_groups
from trainer.sections import TrainingSection
from trainer.store import THINNINGS, Section


class Sample(NamedTuple):
    """N groups of cells; those asked of a group are its hidden cells first, then its visible ones.

    ``weight`` is 0 for what the model was shown (and for padding), else the gene's precision times 1 for hidden cells,
    ``visible_weight`` for hidden counts and genes of visible ones.
    """

    values: NDArray[np.float32]  # (N, L, M) deviation shown of visible cells
    genes: NDArray[np.int64]  # (M,) the model's ids
    shown_precision: NDArray[np.float32]  # (M,) 0 for genes not shown
    positions: NDArray[np.float32]  # (N, L, 2)
    present: NDArray[np.bool_]  # (N, L)
    queries: NDArray[np.float32]  # (N, Q, 2)
    targets: NDArray[np.float32]  # (N, Q, M) deviation to predict
    weight: NDArray[np.float32]  # (N, Q, M)


class Shown(NamedTuple):
    """Counts of cells as the model is shown them, and what was kept back."""

    values: NDArray[np.float32]  # (L, M) deviation from the section's mean at the share kept
    rest: NDArray[np.float32] | None  # (L, M) the same of the other half, where half was kept


def draw_sample(
    training: TrainingSection, side: int, crops: CropConfig, masks: MaskConfig, rng: np.random.Generator
) -> Sample:
    """Return one sample of a section.

    Parameters
    ----------
    training : TrainingSection
        The section.
    side : int
        Side of a square crop; other schemes take side x side cells.
    crops, masks : CropConfig, MaskConfig
        What is shown and what is hidden.
    rng : numpy Generator
        Source of all chance.
    """
    section = training.section
    groups = draw_groups(section.lattice, side, crops, rng)
    cells, slot = np.unique(np.concatenate(groups), return_inverse=True)
    entries = Entries.of(section, cells)
    weights = entries.variance(section)[training.columns]
    channels = draw_channels(weights, crops.channels, rng=rng, rule=crops.channel_rule)
    columns = training.columns[channels]
    counts = entries.dense(columns, section.n_genes)
    library = section.library_size[cells]

    alone = len(groups[0]) == 1
    shown_genes = np.ones(columns.size, dtype=bool)
    if alone or rng.random() < masks.drop_genes:
        shown_genes = rng.random(columns.size) > rng.uniform(0, 0.5)
    shown = _show(section, counts, library, columns, _share(masks, rng), rng)
    whole = _deviation(counts, library, section.moments[1.0].mean[columns])
    kept_back = whole if shown.rest is None else shown.rest
    precision = precision_of(section.moments[1.0])[columns]
    seen_weight = masks.visible_weight * precision * ((shown.rest is not None) | ~shown_genes)

    n_asked = max(len(group) for group in groups)
    queries = np.zeros((len(groups), n_asked, 2), dtype=np.float32)
    targets = np.zeros((len(groups), n_asked, columns.size), dtype=np.float32)
    weight = np.zeros_like(targets)
    visible_slots = []
    places = section.lattice.token_positions
    start = 0
    for number, group in enumerate(groups):
        slots = slot[start : start + len(group)]
        start += len(group)
        hidden = _hide(section, group, masks, rng)
        asked = np.concatenate([slots[hidden], slots[~hidden]])
        n_hidden = int(hidden.sum())
        queries[number, : asked.size] = places[cells[asked]]
        targets[number, :n_hidden] = whole[asked[:n_hidden]]
        targets[number, n_hidden : asked.size] = kept_back[asked[n_hidden:]]
        weight[number, :n_hidden] = precision
        weight[number, n_hidden : asked.size] = seen_weight
        visible_slots.append(slots[~hidden])
    n_visible = np.array([slots.size for slots in visible_slots])
    present = np.arange(n_visible.max()) < n_visible[:, None]
    values = np.zeros((*present.shape, columns.size), dtype=np.float32)
    positions = np.zeros((*present.shape, 2), dtype=np.float32)
    values[present] = shown.values[np.concatenate(visible_slots)]
    positions[present] = places[cells[np.concatenate(visible_slots)]]
    return Sample(
        values=values,
        genes=training.ids[channels],
        shown_precision=precision * shown_genes,
        positions=positions,
        present=present,
        queries=queries,
        targets=targets,
        weight=weight,
    )


def show_all(training: TrainingSection, cells: NDArray[np.intp], n_channels: int) -> Sample:
    """Return a sample of one group in which nothing is hidden and nothing counts: all cells are shown and asked.

    Parameters
    ----------
    training : TrainingSection
        The section.
    cells : (L,) int
        Ascending indices into its ``lattice.occupied``.
    n_channels : int
        m; the genes that vary most over the section are shown.
    """
    section = training.section
    moments = section.moments[1.0]
    channels = np.sort(np.argsort(-moments.variance[training.columns], kind="stable")[:n_channels])
    columns = training.columns[channels]
    counts = Entries.of(section, cells).dense(columns, section.n_genes)
    values = _deviation(counts, section.library_size[cells], moments.mean[columns])[None]
    positions = section.lattice.token_positions[cells][None]
    return Sample(
        values=values,
        genes=training.ids[channels],
        shown_precision=precision_of(moments)[columns],
        positions=positions,
        present=np.ones(positions.shape[:2], dtype=bool),
        queries=positions,
        targets=values,
        weight=np.zeros_like(values),
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class Entries:
    """The stored counts of some cells, straight from the corpus.

    Parameters
    ----------
    genes, counts : (nnz,) int
        Column and count of each entry, cell by cell.
    first : (L + 1,) int64
        Where each cell's entries begin.
    library_size : (L,) int
        Of the cells.
    """

    genes: NDArray[np.unsignedinteger]
    counts: NDArray[np.unsignedinteger]
    first: NDArray[np.int64]
    library_size: NDArray[np.int64]

    @classmethod
    def of(cls, section: Section, cells: NDArray[np.intp]) -> "Entries":
        """Return the entries of ascending cells; those of cells in one row of the lattice lie in one piece."""
        starts, stops = section.indptr[cells], section.indptr[cells + 1]
        ends = np.flatnonzero(np.append(np.diff(cells) != 1, True))
        begins = np.append(0, ends[:-1] + 1)
        pieces = [slice(int(starts[begin]), int(stops[end])) for begin, end in zip(begins, ends, strict=True)]
        return cls(
            genes=np.concatenate([section.genes[piece] for piece in pieces]),
            counts=np.concatenate([section.counts[piece] for piece in pieces]),
            first=np.append(0, np.cumsum(stops - starts)),
            library_size=section.library_size[cells],
        )

    @property
    def expression(self) -> NDArray[np.float32]:
        """(nnz,) log expression of each entry."""
        scale = (TARGET_SUM / np.maximum(self.library_size, 1)).astype(np.float32)
        logged: NDArray[np.float32] = np.log1p(self.counts * np.repeat(scale, np.diff(self.first)))
        return logged

    def variance(self, section: Section) -> NDArray[np.float32]:
        """Return the (G,) population variance of every gene's log expression over the cells."""
        n_cells = self.library_size.size
        by_gene = sp.csc_matrix((self.expression, self.genes, self.first), shape=(section.n_genes, n_cells))
        ones = np.ones(n_cells, dtype=np.float32)
        mean = by_gene @ ones / n_cells  # a product with a sparse matrix takes half as long as numpy's bincount
        by_gene.data *= by_gene.data
        variance: NDArray[np.float32] = np.maximum(by_gene @ ones / n_cells - mean**2, 0.0)
        return variance

    def dense(self, columns: NDArray[np.intp], n_genes: int) -> NDArray[np.float32]:
        """Return the (L, M) counts of these columns."""
        slot_of_gene = np.full(n_genes, -1, dtype=np.int32)
        slot_of_gene[columns] = np.arange(columns.size, dtype=np.int32)
        slots = slot_of_gene.take(self.genes.astype(np.intp))  # by wide indices it takes half as long
        asked = np.flatnonzero(slots >= 0)
        n_cells = self.library_size.size
        start_of_row = np.repeat(np.arange(n_cells) * columns.size, np.diff(self.first))
        dense = np.zeros((n_cells, columns.size), dtype=np.float32)
        dense.ravel()[start_of_row[asked] + slots[asked]] = self.counts[asked]
        return dense


def _share(masks: MaskConfig, rng: np.random.Generator) -> float:
    """Return the share of molecules that a sample is shown."""
    return float(rng.choice(THINNINGS[1:])) if rng.random() < masks.thin else 1.0


def _show(
    section: Section,
    counts: NDArray[np.float32],
    library: NDArray[np.int64],
    columns: NDArray[np.intp],
    share: float,
    rng: np.random.Generator,
) -> Shown:
    """Return what is left of the counts after keeping each molecule with probability ``share``."""
    mean = section.moments[share].mean[columns]
    if share == 1:
        return Shown(values=_deviation(counts, library, mean), rest=None)
    kept = np.zeros_like(counts)
    stored = np.flatnonzero(counts)
    kept.flat[stored] = thin_counts(counts.flat[stored], share, rng)
    rest_of_library = library - counts.sum(axis=1).astype(np.int64)
    kept_library = kept.sum(axis=1).astype(np.int64) + rng.binomial(rest_of_library, share)
    values = _deviation(kept, kept_library, mean)
    return Shown(values=values, rest=_deviation(counts - kept, library - kept_library, mean) if share == 0.5 else None)


def thin_counts(counts: NDArray[np.float32], share: float, rng: np.random.Generator) -> NDArray[np.float32]:
    """Return (n,) positive counts after keeping each molecule with probability ``share``; most counts are 1."""
    kept = (rng.random(counts.size, dtype=np.float32) < share).astype(np.float32)
    several = np.flatnonzero(counts > 1)
    kept[several] = rng.binomial(counts[several].astype(np.int64), share)
    return kept


def _deviation(
    counts: NDArray[np.float32], library: NDArray[np.int64], mean: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Return (L, M) log expression less the section's mean."""
    scale = (TARGET_SUM / np.maximum(library, 1)).astype(np.float32)
    deviation: NDArray[np.float32] = np.log1p(counts * scale[:, None]) - mean
    return deviation


def _hide(section: Section, group: NDArray[np.intp], masks: MaskConfig, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Return which cells of a group are hidden; a cell that stands alone is not."""
    if len(group) == 1:
        return np.zeros(1, dtype=bool)
    return draw_mask(section.lattice.occupied[group], random_share=masks.scattered, rng=rng)
