"""What the model says of a section: an embedding of every spot, and what hidden spots should express."""

import time
from collections.abc import Generator, Sequence
from dataclasses import dataclass, field

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from napari_stimg.checkpoint import Checkpoint
from napari_stimg.errors import InputError
from napari_stimg.lattice import Lattice, find_lattice, sum_by_cell
from napari_stimg.neighbours import smoothed_blocks
from napari_stimg.progress import Progress
from napari_stimg.readout import Rehearsal, fit_readout, gene_frame
from napari_stimg.rehearsal import Visible, corpus_weights, distance_to, practice_windows, rehearse, see
from napari_stimg.slide import Slide
from napari_stimg.spatial_components import spatial_components, variable_genes
from napari_stimg.spatial_field import SpatialField, spatial_field
from napari_stimg.windows import Blend, WindowParameters, inside, tokens_around, windows_around

EMBEDDING_SIGMA = 1.5
"""Width, in pitches, of the Gaussian over a spot's surroundings. Chosen on development sections (docs/tried.md)."""


@dataclass(frozen=True, kw_only=True)
class InferenceParameters:
    """How the model looks at a section.

    Parameters
    ----------
    windows : WindowParameters
        Through which windows the section is seen.
    n_rehearsals : int
        Times that visible cells are hidden to fit the section's own read-out, >= 1.
    seed : int
        Of what rehearsals hide.
    uncertainty : bool
        Whether the standard deviation of a reconstruction is wanted, too.
    kriging : bool
        Whether what kriging says of the section's principal components is weighed together with what the model says.
    n_components : int
        Spatial components that an embedding holds, >= 1. Mixtures find better domains without more than 12, which are
        mostly noise; labels of small regions carry over better with up to 30 (docs/tried.md).
    """

    windows: WindowParameters = field(default_factory=WindowParameters)
    n_rehearsals: int = 12
    seed: int = 0
    uncertainty: bool = True
    kriging: bool = True
    n_components: int = 12

    def __post_init__(self) -> None:
        if self.n_rehearsals < 1:
            raise InputError(
                f"expected at least 1 rehearsal, found {self.n_rehearsals}; give how often to hide visible cells."
            )
        if self.n_components < 1:
            raise InputError(
                f"expected at least 1 spatial component, found {self.n_components}; give how many to embed."
            )


QUICK = InferenceParameters(uncertainty=False, kriging=False)
"""For a picture while one draws: what the model alone says, fitted to the visible spots of each mask anew so that
nothing hidden can leak, without the standard deviation."""

KRIGING_MARGIN = 4.0
"""Pitches beyond a window from which is kriged, too, so that two windows say nearly the same."""

FIELD_WINDOWS = 6
"""Windows by which it is found how the principal components vary from place to place."""


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
        expectation (NaN where it was not wanted); what is measured scatters more, by counting noise.
    elapsed_s : float
        Seconds that it took.
    """

    spots: NDArray[np.intp]
    columns: NDArray[np.intp]
    expected: NDArray[np.float32]
    sd: NDArray[np.float32]
    elapsed_s: float


def embed(
    slide: Slide, checkpoint: Checkpoint, *, params: InferenceParameters = InferenceParameters()
) -> Generator[Progress, None, NDArray[np.float32]]:
    """Yield progress, and return the (S, D) float32 embedding of every spot.

    It is what a spot's surroundings express along the section's spatial components, in the model's own coordinates:
    these are told from expression by the section's read-out, so that the same tissue lies near itself on other
    sections. Spots that share a cell of the lattice share its embedding. Where no cell has a neighbour, nothing is
    shared, and the embedding is zero.

    Parameters
    ----------
    slide : Slide
        The section.
    checkpoint : Checkpoint
        The model.
    params : InferenceParameters
        Windows, rehearsals, seed.

    Raises
    ------
    InputError
        If the model knows none of the slide's genes.
    """
    lattice = find_lattice(slide)
    visible = see(slide, lattice, checkpoint)
    total = params.n_rehearsals + 1
    rehearsals = yield from practise(visible, params, done=0, total=total)
    yield Progress(done=total - 1, total=total, message="Embedding")
    counts = sum_by_cell(slide.counts, lattice)
    genes = variable_genes(counts)
    shared = spatial_components(genes, visible.places, n_components=params.n_components, seed=params.seed)
    prior = corpus_weights(checkpoint, slide)
    frame = gene_frame(counts, genes.columns, rehearsals, prior, scale=genes.scale)
    embedding = np.empty((len(visible.places), frame.shape[1]), dtype=np.float32)
    for cells, block in smoothed_blocks(shared.scores, visible.places, sigma=EMBEDDING_SIGMA):
        embedding[cells] = block @ (shared.directions.T @ frame)
    yield Progress(done=total, total=total, message="Embedding")
    return embedding[lattice.token_of_spot]


def reconstruct(
    slide: Slide,
    mask: NDArray[np.bool_],
    checkpoint: Checkpoint,
    *,
    genes: Sequence[str] | None = None,
    params: InferenceParameters = InferenceParameters(),
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
    params : InferenceParameters
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
    columns = np.array(list(dict.fromkeys(columns.tolist())), dtype=np.intp)  # a gene named twice is one gene
    seen = slide.select(~mask)
    expected, sd = yield from expect(seen, find_lattice(slide), mask, checkpoint, columns=columns, params=params)
    return Reconstruction(
        spots=np.flatnonzero(mask),
        columns=columns,
        expected=expected,
        sd=sd,
        elapsed_s=time.monotonic() - started_at,
    )


def expect(
    seen: Slide,
    lattice: Lattice,
    asked: NDArray[np.bool_],
    checkpoint: Checkpoint,
    *,
    columns: NDArray[np.intp],
    params: InferenceParameters,
) -> Generator[Progress, None, tuple[NDArray[np.float32], NDArray[np.float32]]]:
    """Yield progress, and return the (N, K) expected log expression of N places and its standard deviation.

    Parameters
    ----------
    seen : Slide
        The visible spots alone.
    lattice : Lattice
        Of P places: the visible spots, in their order, and those asked for.
    asked : (P,) bool
        True = asked for, False = a visible spot.
    columns : (K,) int
        Genes, as columns of the slide.

    Raises
    ------
    InputError
        If less than two cells are visible, or the model knows none of the genes.
    """
    queried = np.flatnonzero(asked)
    visible = see(seen, lattice.select(~asked), checkpoint)
    if len(visible.lattice.occupied) < 2:
        raise InputError(
            "expected a mask that leaves at least 2 cells visible, found 1; hide only a part of the section."
        )
    crops = windows_around(queried, lattice, visible.lattice, params.windows)
    total = len(crops) + params.n_rehearsals + 1
    counts = sum_by_cell(seen.counts, visible.lattice)
    spatial = _spatial_field(counts, visible, params) if params.kriging else None
    blend = Blend(queried.size, checkpoint.model.config.width + (spatial.n_components if spatial else 0))
    places, cells = lattice.positions[queried], lattice.cell_of_spot[queried]
    for done, crop in enumerate(crops):
        yield Progress(done=done, total=total, message="Reconstructing")
        held = np.flatnonzero(inside(crop, cells))
        states = visible.decode(crop.tokens, places[held])
        if spatial:
            shown = tokens_around(crop, visible.lattice, pitches=KRIGING_MARGIN)
            states = np.hstack([states, spatial.krige(shown, places[held])])
        blend.add(held, states, crop, cells[held])
    rehearsals = yield from practise(visible, params, done=len(crops), total=total, spatial=spatial)
    yield Progress(done=total - 1, total=total, message="Reading out genes")
    readout = fit_readout(
        counts,
        columns,
        rehearsals,
        corpus_weights(checkpoint, seen),
        kriging=spatial.kriged_genes if spatial else None,
        seed=params.seed,
        uncertainty=params.uncertainty,
    )
    predicted = readout.predict(blend.mean(), distance_to(visible.places, places))
    yield Progress(done=total, total=total, message="Reading out genes")
    return predicted


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


def practise(
    visible: Visible, params: InferenceParameters, *, done: int, total: int, spatial: SpatialField | None = None
) -> Generator[Progress, None, list[Rehearsal]]:
    """Yield progress from ``done`` steps on, and return the rehearsals."""
    side = params.windows.in_cells(visible.lattice).side
    rng = np.random.default_rng(params.seed)
    practice = rehearse(visible, side=side, n_rehearsals=params.n_rehearsals, rng=rng, spatial=spatial)
    while True:
        try:
            yield Progress(done=done + next(practice), total=total, message="Rehearsing on visible spots")
        except StopIteration as finished:
            rehearsals: list[Rehearsal] = finished.value
            return rehearsals


def _spatial_field(counts: sp.csr_matrix, visible: Visible, params: InferenceParameters) -> SpatialField:
    """Return the spatial field of the visible cells."""
    side = params.windows.in_cells(visible.lattice).side
    crops = practice_windows(visible.lattice, side, FIELD_WINDOWS, np.random.default_rng(params.seed))
    return spatial_field(counts, visible.places, [crop.tokens for crop in crops], seed=params.seed)
