"""What the model says of a section: an embedding of every spot, and what hidden spots should express.

Whole sections are seen through overlapping windows of the lattice whose results are blended, so memory does not grow
with the section and no seam shows.
"""

import time
from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.spatial import cKDTree
from torch import Tensor

from napari_stimg.checkpoint import Checkpoint
from napari_stimg.crops import Crop, crop_at, windows
from napari_stimg.errors import InputError
from napari_stimg.lattice import Lattice, find_lattice, sum_by_cell
from napari_stimg.masking import MIN_VISIBLE, draw_mask
from napari_stimg.model import MaskedAutoencoder
from napari_stimg.progress import Progress
from napari_stimg.readout import Rehearsal, fit_readout
from napari_stimg.slide import Slide
from napari_stimg.tokens import TokenTable, token_table


@dataclass(frozen=True, kw_only=True)
class WindowParameters:
    """Through which windows a section is seen.

    Parameters
    ----------
    side : int
        Side of a window, in pitches.
    stride : int
        Pitches from one window to the next, at most ``side``.
    """

    side: int = 32
    stride: int = 16

    def __post_init__(self) -> None:
        if not 1 <= self.stride <= self.side:
            raise InputError(
                f"expected windows every 1 to {self.side} pitches (their side), found every {self.stride}; "
                "choose a stride that leaves no gap."
            )

    def in_cells(self, lattice: Lattice) -> "WindowParameters":
        """Return the windows counted in cells of a lattice, which on irregular sections are smaller than a pitch."""
        side, stride = (max(1, round(length / lattice.cell_pitches)) for length in (self.side, self.stride))
        return WindowParameters(side=side, stride=stride)


@dataclass(frozen=True, kw_only=True)
class ReconstructParameters:
    """How hidden spots are reconstructed.

    Parameters
    ----------
    windows : WindowParameters
        Through which windows the section is seen.
    n_rehearsals : int
        Times that visible cells are hidden to fit the section's own read-out and its uncertainty, >= 1.
    seed : int
        Of what rehearsals hide.
    """

    windows: WindowParameters = WindowParameters()
    n_rehearsals: int = 12
    seed: int = 0

    def __post_init__(self) -> None:
        if self.n_rehearsals < 1:
            raise InputError(
                f"expected at least 1 rehearsal, found {self.n_rehearsals}; give how often to hide visible cells."
            )


@dataclass(frozen=True, kw_only=True, eq=False)
class Reconstruction:
    """Expected log expression of hidden spots.

    Parameters
    ----------
    spots : (N,) int
        The hidden spots, as rows of the slide.
    columns : (K,) int
        The genes, as columns of the slide.
    expected, sd : (N, K) float32
        Expected log expression (``log1p`` of counts per ten thousand), and the standard deviation of that
        expectation; what is measured scatters more, by counting noise.
    elapsed_s : float
        Seconds that it took.
    """

    spots: NDArray[np.intp]
    columns: NDArray[np.intp]
    expected: NDArray[np.float32]
    sd: NDArray[np.float32]
    elapsed_s: float


@dataclass(frozen=True, kw_only=True, eq=False)
class _Visible:
    """The visible part of a section, ready for the model: its table, its tokens, the lattice they lie on."""

    lattice: Lattice
    table: TokenTable
    tokens: Tensor
    model: MaskedAutoencoder

    @property
    def positions(self) -> Tensor:
        return torch.from_numpy(self.table.positions).to(self.tokens.device)

    @torch.inference_mode()
    def decode(self, cells: NDArray[np.intp], queries: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return (Q, D) states at (Q, 2) places, from these visible cells alone."""
        positions = self.positions[cells][None]
        present = torch.ones(positions.shape[:2], dtype=torch.bool, device=positions.device)
        latents = self.model.encode(self.tokens[cells][None], positions, present)
        asked = torch.from_numpy(queries).to(positions.device)[None]
        states: NDArray[np.float32] = self.model.decode(latents, positions, present, asked)[0].cpu().numpy()
        return states


def embed(
    slide: Slide, checkpoint: Checkpoint, *, params: WindowParameters = WindowParameters()
) -> Generator[Progress, None, NDArray[np.float32]]:
    """Yield progress, and return the (S, D) float32 embedding of every spot.

    Spots that share a cell of the lattice share its embedding.

    Parameters
    ----------
    slide : Slide
        The section.
    checkpoint : Checkpoint
        The model.
    params : WindowParameters
        Through which windows the section is seen.

    Raises
    ------
    InputError
        If the model knows none of the slide's genes.
    """
    lattice = find_lattice(slide)
    visible = _see(slide, lattice, checkpoint)
    places = visible.table.positions
    window = params.in_cells(lattice)
    crops = list(windows(lattice, (window.side, window.side), (window.stride, window.stride)))
    blend = _Blend(len(places), checkpoint.model.config.width)
    for done, crop in enumerate(crops):
        yield Progress(done=done, total=len(crops), message="Embedding")
        states = visible.decode(crop.tokens, places[crop.tokens])
        blend.add(crop.tokens, states, _weight(crop, lattice.occupied[crop.tokens]))
    yield Progress(done=len(crops), total=len(crops), message="Embedding")
    return blend.mean()[lattice.token_of_spot]


def reconstruct(
    slide: Slide,
    mask: NDArray[np.bool_],
    checkpoint: Checkpoint,
    *,
    genes: Sequence[str] | None = None,
    params: ReconstructParameters = ReconstructParameters(),
) -> Generator[Progress, None, Reconstruction]:
    """Yield progress, and return what hidden spots should express, judged from the visible ones alone.

    The hidden spots are dropped from the slide before anything is computed of it: only their places are used.

    Parameters
    ----------
    slide : Slide
        The section, S spots.
    mask : (S,) bool
        True = hidden.
    checkpoint : Checkpoint
        The model.
    genes : sequence of str, optional
        Genes asked for, by symbol or Ensembl id; all of the slide if None. Genes that the model does not know are
        reconstructed too: from their part in what the visible spots have in common with those it knows.
    params : ReconstructParameters
        Windows, rehearsals, seed.

    Raises
    ------
    InputError
        If nothing is hidden or less than two cells are left visible, a gene is not on the slide, or the model knows
        none of its genes.
    """
    started_at = time.monotonic()
    check_mask(mask, slide)
    columns = np.arange(slide.n_genes) if genes is None else slide.columns_of(genes)
    lattice = find_lattice(slide)
    hidden = np.flatnonzero(mask)
    seen = slide.select(~mask)
    visible = _see(seen, lattice.select(~mask), checkpoint)
    if len(visible.lattice.occupied) < 2:
        raise InputError(
            "expected a mask that leaves at least 2 cells visible, found 1; hide only a part of the section."
        )
    crops = _windows_around(hidden, lattice, visible.lattice, params.windows)
    total = len(crops) + params.n_rehearsals + 1
    blend = _Blend(hidden.size, checkpoint.model.config.width)
    places, cells = lattice.positions[hidden], lattice.cell_of_spot[hidden]
    for done, crop in enumerate(crops):
        yield Progress(done=done, total=total, message="Reconstructing")
        asked = np.flatnonzero(_inside(crop, cells))
        blend.add(asked, visible.decode(crop.tokens, places[asked]), _weight(crop, cells[asked]))
    rehearsals = []
    rng = np.random.default_rng(params.seed)
    for done, crop in enumerate(_practice_windows(visible.lattice, params, rng)):
        yield Progress(done=len(crops) + done, total=total, message="Rehearsing on visible spots")
        rehearsals.append(_rehearse(visible, crop, rng))
    yield Progress(done=total - 1, total=total, message="Reading out genes")
    readout = fit_readout(
        sum_by_cell(seen.counts, visible.lattice),
        columns,
        rehearsals,
        _corpus_weights(checkpoint, seen),
        seed=params.seed,
    )
    expected, sd = readout.predict(blend.mean(), _distance_to(visible.table.positions, places))
    yield Progress(done=total, total=total, message="Reading out genes")
    return Reconstruction(
        spots=hidden, columns=columns, expected=expected, sd=sd, elapsed_s=time.monotonic() - started_at
    )


def check_mask(mask: NDArray[np.bool_], slide: Slide) -> None:
    """Check that a mask hides some of a slide's spots, and not all.

    Raises
    ------
    InputError
        If it is not boolean, its shape is not (S,), or nothing or everything is hidden.
    """
    if mask.dtype != np.bool_:
        raise InputError(
            f"expected a mask of True and False, found values of type {mask.dtype}; give mask.astype(bool)."
        )
    if mask.shape != (slide.n_spots,):
        raise InputError(
            f"expected a mask of {slide.n_spots:,} spots, found the shape {mask.shape}; "
            "give True or False for each spot."
        )
    n_hidden = int(np.count_nonzero(mask))
    if n_hidden == 0:
        raise InputError("expected a mask that hides spots, found none hidden; draw or place it on the tissue.")
    if n_hidden == slide.n_spots:
        raise InputError(
            f"expected a mask that leaves spots visible, found all {n_hidden:,} hidden; "
            "hide only a part of the section."
        )


def _see(slide: Slide, lattice: Lattice, checkpoint: Checkpoint) -> _Visible:
    """Return the tokens of a slide, summed sparsely."""
    table = token_table(slide, lattice, checkpoint.vocabulary)
    model = checkpoint.model
    device = next(model.parameters()).device
    genes, precision = (torch.from_numpy(x).to(device) for x in (table.ids, table.precision))
    with torch.inference_mode():
        weighted = model.weighted_loadings(genes, precision)
        on_cpu = weighted.cpu().numpy()
        summed = torch.from_numpy(table.expression @ on_cpu - table.mean @ on_cpu).to(device)
        tokens = model.tokens_of_table(summed, genes, precision)
    return _Visible(lattice=lattice, table=table, tokens=tokens, model=model)


class _Blend:
    """Weighted mean of states from several windows."""

    def __init__(self, n_places: int, width: int) -> None:
        self._sum = np.zeros((n_places, width), dtype=np.float32)
        self._weight = np.zeros((n_places, 1), dtype=np.float32)

    def add(self, places: NDArray[np.intp], states: NDArray[np.float32], weight: NDArray[np.float32]) -> None:
        """Add (N, D) states of these places with (N,) weights."""
        self._sum[places] += states * weight[:, None]
        self._weight[places] += weight[:, None]

    def mean(self) -> NDArray[np.float32]:
        """Return the (places, D) mean."""
        return self._sum / self._weight


def _weight(crop: Crop, cells: NDArray[np.integer]) -> NDArray[np.float32]:
    """Return (N,) how much a window counts for cells in it: most in its middle, next to nothing at its border."""
    centre = np.array([crop.row, crop.col]) + (np.array(crop.shape) - 1) / 2
    reach = np.abs(cells - centre) / (np.array(crop.shape) / 2)  # 0 in the middle, almost 1 at the border
    weight: NDArray[np.float32] = (np.cos(np.pi / 2 * reach) ** 2).prod(axis=1).astype(np.float32)
    return weight


def _inside(crop: Crop, cells: NDArray[np.integer]) -> NDArray[np.bool_]:
    """Return (N,) which cells lie in a window."""
    corner = np.array([crop.row, crop.col])
    return np.asarray(((cells >= corner) & (cells < corner + crop.shape)).all(axis=1))


def _windows_around(
    hidden: NDArray[np.intp], lattice: Lattice, visible: Lattice, params: WindowParameters
) -> list[Crop]:
    """Return windows that hold hidden spots, with the visible cells in each as tokens.

    Far inside a hole, where a window shows fewer cells than the model ever learned from, it shows the visible cells
    nearest to those asked instead, at most as many as a window can hold.
    """
    window = params.in_cells(lattice)
    shape, stride = (window.side, window.side), (window.stride, window.stride)
    tree = cKDTree(visible.token_positions)
    n_nearest = min(params.side**2, len(visible.occupied))
    found = []
    for crop in windows(lattice, shape, stride):
        asked = hidden[_inside(crop, lattice.cell_of_spot[hidden])]
        if asked.size == 0:
            continue
        tokens = crop_at(visible, crop.row, crop.col, shape).tokens
        if tokens.size < MIN_VISIBLE:
            nearest = tree.query(lattice.positions[asked].mean(axis=0), k=np.arange(1, n_nearest + 1))[1]
            tokens = np.asarray(nearest, dtype=np.intp)
        found.append(replace(crop, tokens=tokens))
    return found


def _practice_windows(lattice: Lattice, params: ReconstructParameters, rng: np.random.Generator) -> list[Crop]:
    """Return ``n_rehearsals`` windows spread over the section: all tiles of it in turn, in random order and offset."""
    side = params.windows.in_cells(lattice).side
    found: list[Crop] = []
    while len(found) < params.n_rehearsals:
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
    return found[: params.n_rehearsals]


def _rehearse(visible: _Visible, crop: Crop, rng: np.random.Generator) -> Rehearsal:
    """Return what the model says of visible cells of a window while they are hidden."""
    hidden = draw_mask(visible.lattice.occupied[crop.tokens], random_share=0.7, rng=rng)
    shown, practised = crop.tokens[~hidden], crop.tokens[hidden]
    positions = visible.table.positions
    return Rehearsal(
        cells=practised,
        states=visible.decode(shown, positions[practised]),
        distance=_distance_to(positions[shown], positions[practised]),
    )


def _distance_to(tissue: NDArray[np.float32], places: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return (N,) the distance from each place to the nearest of the visible cells, in pitches."""
    distance, _ = cKDTree(tissue).query(places)
    return np.asarray(distance, dtype=np.float32)


def _corpus_weights(checkpoint: Checkpoint, slide: Slide) -> NDArray[np.float32]:
    """Return (G, D) the model's read-out of a slide's genes, zero for those that it does not know."""
    match = checkpoint.vocabulary.match(slide)
    weights = np.zeros((slide.n_genes, checkpoint.model.config.width), dtype=np.float32)
    weights[match.columns] = checkpoint.model.gene_out.weight.detach().cpu().numpy()[match.ids]
    return weights
