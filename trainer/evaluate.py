"""What a checkpoint is worth on given sections, beside what can be had without one.

Two protocols: squares of the section are hidden and reconstructed, and expert labels are compared with domains that
were found without them. Every score of every method comes from the same squares, genes, seeds and clustering.
"""

from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.spatial import cKDTree
from sklearn.decomposition import PCA
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score

from napari_stimg.checkpoint import Checkpoint
from napari_stimg.domains import ClusterParameters, cluster
from napari_stimg.errors import InputError
from napari_stimg.expression import log_expression, most_variable
from napari_stimg.inference import embed, reconstruct
from napari_stimg.lattice import Lattice, LatticeKind, find_lattice
from napari_stimg.neighbours import smooth
from napari_stimg.progress import Progress, run
from napari_stimg.scores import correlation, neighbour_means
from napari_stimg.slide import Slide

LABEL_COLUMNS = ("layer", "region")
"""Columns of ``Slide.obs`` that may hold expert labels."""


@dataclass(frozen=True, kw_only=True)
class EvaluateParameters:
    """How a checkpoint is evaluated.

    Parameters
    ----------
    sides : tuple of int
        Sides of hidden squares, in cells (irregular sections: in pitches).
    n_squares : int
        Squares of each side.
    min_tissue : float
        Least share of a square's cells that hold tissue.
    n_genes : int
        Most variable genes that are scored.
    n_seeds : int
        Seeds of the clustering.
    seed : int
        Of the places of squares.
    """

    sides: tuple[int, ...] = (4, 8, 14)
    n_squares: int = 20
    min_tissue: float = 0.9
    n_genes: int = 2000
    n_seeds: int = 5
    seed: int = 0


@dataclass(frozen=True, kw_only=True, eq=False)
class Report:
    """Tables of an evaluation, one row a section, method and setting.

    Parameters
    ----------
    reconstruction : DataFrame
        ``section, side, method, mse, mae, pcc, gain_percent, n_squares``; a gain is over the slide's gene mean.
    domains : DataFrame
        ``section, method, ari, nmi, ari_refined, nmi_refined, ari_refined_sd``.
    """

    reconstruction: pd.DataFrame
    domains: pd.DataFrame


def evaluate(
    slides: Sequence[Slide],
    checkpoint: Checkpoint,
    *,
    params: EvaluateParameters = EvaluateParameters(),
    genes: Sequence[str] | None = None,
) -> Generator[Progress, None, Report]:
    """Yield progress, and return the tables of a checkpoint on some sections.

    Parameters
    ----------
    slides : sequence of Slide
        Sections, better not those the model was trained on.
    checkpoint : Checkpoint
        The model.
    params : EvaluateParameters
        Squares, genes, seeds.
    genes : sequence of str, optional
        Genes that are scored; each section's own most variable ones if None.
    """
    reconstruction: list[dict[str, object]] = []
    domains: list[dict[str, object]] = []
    for done, slide in enumerate(slides):
        yield Progress(done=done, total=len(slides), message=f"Evaluating {slide.name}")
        columns = most_variable(slide.counts, params.n_genes) if genes is None else slide.columns_of(genes)
        for side in params.sides:
            reconstruction += _score_squares(slide, checkpoint, columns, side, params)
        domains += _score_domains(slide, checkpoint, params)
    yield Progress(done=len(slides), total=len(slides), message="Evaluating")
    return Report(reconstruction=pd.DataFrame(reconstruction), domains=pd.DataFrame(domains))


def shared_genes(reference: Slide, slides: Sequence[Slide], n_genes: int) -> list[str]:
    """Return the names of the most variable genes of a reference that all slides have.

    Raises
    ------
    InputError
        If no gene is on all of them.
    """
    shared = set(reference.gene_names).intersection(*(slide.gene_names for slide in slides))
    ranked = reference.gene_names[most_variable(reference.counts, reference.n_genes)]
    names = [str(name) for name in ranked if name in shared][:n_genes]
    if not names:
        raise InputError(
            f"expected genes of {reference.name} that all sections have, found none; evaluate sections of one platform."
        )
    return names


def squares(lattice: Lattice, side: int, params: EvaluateParameters) -> Iterator[NDArray[np.bool_]]:
    """Yield (S,) masks of squares at random places full of tissue; none if the section has no such place.

    On regular lattices a square is ``side`` cells of the raster. Irregular sections have cells of less than a pitch,
    most of them empty; there it is ``side`` pitches, and all within a pitch of a spot counts as tissue.
    """
    rng = np.random.default_rng([params.seed, side])
    if lattice.kind is LatticeKind.IRREGULAR:
        origin = np.floor(lattice.positions.min(axis=0)).astype(int)
        cell_of_spot = np.floor(lattice.positions).astype(int) - origin
        shape = tuple(cell_of_spot.max(axis=0) + 1)
        centres = np.moveaxis(np.indices(shape), 0, -1) + origin + 0.5
        tissue = np.asarray(cKDTree(lattice.positions).query(centres)[0]) <= 1
    else:
        cell_of_spot, shape, tissue = lattice.cell_of_spot, lattice.shape, lattice.tissue
    if min(shape) < side:
        return
    filled = np.lib.stride_tricks.sliding_window_view(tissue, (side, side)).mean(axis=(2, 3))
    corners = np.argwhere(filled >= params.min_tissue)
    for corner in rng.permutation(corners)[: params.n_squares]:
        mask = ((cell_of_spot >= corner) & (cell_of_spot < corner + side)).all(axis=1)
        if mask.any() and mask.mean() <= 0.5:
            yield mask


Method = Callable[[NDArray[np.bool_]], NDArray[np.floating]]
"""From a mask (S,) to the (N, K) log expression of what it hides."""


def _score_squares(
    slide: Slide, checkpoint: Checkpoint, columns: NDArray[np.intp], side: int, params: EvaluateParameters
) -> list[dict[str, object]]:
    """Return one row a method, over all squares of one side."""
    lattice = find_lattice(slide)
    expression = log_expression(slide.counts)[:, columns].tocsr()
    masks = list(squares(lattice, side, params))
    if not masks:
        return []
    truth = np.concatenate([expression[mask].toarray() for mask in masks])
    methods = reconstruction_methods(slide, lattice, expression, columns, checkpoint)
    mean_error = 0.0
    rows: list[dict[str, object]] = []
    for name, method in methods.items():
        predicted = np.concatenate([method(mask) for mask in masks])
        error = float(np.square(truth - predicted).mean())
        mean_error = mean_error or error  # the slide's mean comes first
        rows.append(
            {
                "section": slide.name,
                "side": side,
                "method": name,
                "mse": error,
                "mae": float(np.abs(truth - predicted).mean()),
                "pcc": float(np.nanmean(correlation(truth, predicted))),
                "gain_percent": 100 * (1 - error / mean_error),
                "n_squares": len(masks),
            }
        )
    return rows


def reconstruction_methods(
    slide: Slide, lattice: Lattice, expression: sp.csr_matrix, columns: NDArray[np.intp], checkpoint: Checkpoint
) -> dict[str, Method]:
    """Return the methods by name, the slide's mean first; each sees only what its mask leaves visible."""
    names = [str(name) for name in slide.gene_names[columns]]

    def slide_mean(mask: NDArray[np.bool_]) -> NDArray[np.floating]:
        mean = np.asarray(expression[~mask].mean(axis=0))
        return np.broadcast_to(mean, (int(mask.sum()), columns.size))

    def neighbours(sigma: float) -> Method:
        return lambda mask: neighbour_means(expression, lattice.positions, np.flatnonzero(mask), sigma=sigma)

    def model(mask: NDArray[np.bool_]) -> NDArray[np.floating]:
        return run(reconstruct(slide, mask, checkpoint, genes=names)).expected

    return {
        "slide mean": slide_mean,
        "neighbours, sigma 2": neighbours(2.0),
        "neighbours, sigma 4": neighbours(4.0),
        "napari-stimg": model,
    }


def _score_domains(slide: Slide, checkpoint: Checkpoint, params: EvaluateParameters) -> list[dict[str, object]]:
    """Return one row a method for a labelled section, none for an unlabelled one."""
    column = next((name for name in LABEL_COLUMNS if name in slide.obs), None)
    if column is None:
        return []
    labelled = slide.obs[column].notna().to_numpy()
    truth = slide.obs[column].astype(str).to_numpy()[labelled]
    lattice = find_lattice(slide)
    rows: list[dict[str, object]] = []
    for name, features in embeddings(slide, lattice, checkpoint).items():
        scores: dict[str, list[float]] = {"ari": [], "nmi": [], "ari_refined": [], "nmi_refined": []}
        for seed in range(params.n_seeds):
            for refine, suffix in ((False, ""), (True, "_refined")):
                found = cluster(
                    features,
                    lattice.positions,
                    params=ClusterParameters(n_domains=len(np.unique(truth)), refine=refine, seed=seed),
                )[labelled]
                scores["ari" + suffix].append(adjusted_rand_score(truth, found))
                scores["nmi" + suffix].append(normalized_mutual_info_score(truth, found))
        means = {score: float(np.mean(values)) for score, values in scores.items()}
        spread = float(np.std(scores["ari_refined"]))
        rows.append({"section": slide.name, "method": name, **means, "ari_refined_sd": spread})
    return rows


def embeddings(slide: Slide, lattice: Lattice, checkpoint: Checkpoint) -> dict[str, NDArray[np.floating]]:
    """Return (S, D) features of each method by name."""
    expression = log_expression(slide.counts)
    shown = expression[:, most_variable(slide.counts, 2000)].toarray()
    components = PCA(min(20, *shown.shape), svd_solver="full").fit_transform(shown)
    smoothed = smooth(components, lattice.positions, sigma=1.5)
    return {
        "PCA": components,
        "PCA smoothed, sigma 1.5": smoothed,
        "napari-stimg": run(embed(slide, checkpoint)),
    }
