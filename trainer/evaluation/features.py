"""What spots are told apart by: the embeddings of simple methods and of the model."""

from collections.abc import Callable, Sequence

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from napari_stimg.checkpoint import Checkpoint
from napari_stimg.expression import gene_moments, log_expression, most_variable
from napari_stimg.inference import embed
from napari_stimg.lattice import Lattice
from napari_stimg.neighbours import smooth
from napari_stimg.principal_components import (
    MOST_ROWS,
    Components,
    directions_of,
    fit_components,
    mean_of,
    some_rows,
)
from napari_stimg.progress import run
from napari_stimg.slide import Slide

N_GENES = 2000
"""Most variable genes that components are made of."""

SMOOTHING_SIGMA = 1.5
"""Width, in pitches, of the Gaussian over a spot's surroundings."""

DIFFUSION = 0.8
"""Share that a spot takes from its neighbours in each step of a diffusion; the rest is its own."""

DIFFUSED_COMPONENTS = 100
"""Principal components that are diffused."""

LINKS = 6
"""Nearest spots that a spot is linked to: one ring of a hexagonal lattice."""

DIFFUSION_STEPS = 40
"""Terms of the series; what is left over weighs ``0.8 ** 40``, a ten-thousandth."""

PLACES = "places only (control)"
MODEL = "napari-stimg"

Values = NDArray[np.float64]
"""(S, D) features."""

Maker = Callable[[], Values]
"""What computes features from counts, when it is called."""


def clustered_features(slide: Slide, lattice: Lattice, checkpoint: Checkpoint) -> dict[str, Maker]:
    """Return what makes the features by which domains are found without labels, by the name of the method."""
    positions = lattice.positions
    return {
        "PCA": lambda: components(slide, 20),
        "PCA smoothed": lambda: smooth(components(slide, 20), positions, sigma=SMOOTHING_SIGMA).astype(np.float64),
        "PCA diffused": lambda: diffuse(components(slide, DIFFUSED_COMPONENTS), positions),
        PLACES: lambda: positions.astype(np.float64),
        MODEL: lambda: model_embedding(slide, checkpoint),
    }


def probed_features(slide: Slide, lattice: Lattice, checkpoint: Checkpoint) -> dict[str, Maker]:
    """Return what makes the features that labels of a section are learned from, by the name of the method."""
    return {
        "PCA": lambda: components(slide, 50),
        "PCA smoothed": lambda: smooth(components(slide, 50), lattice.positions, sigma=SMOOTHING_SIGMA).astype(
            np.float64
        ),
        "PCA diffused": lambda: diffuse(components(slide, 50), lattice.positions),
        PLACES: lambda: lattice.positions.astype(np.float64),
        MODEL: lambda: model_embedding(slide, checkpoint),
    }


def components(slide: Slide, n_components: int) -> Values:
    """Return the (S, D) principal components of a slide's most variable genes."""
    shown = sp.csr_matrix(log_expression(slide.counts)[:, most_variable(slide.counts, N_GENES)])
    return fit_components(shown, n_components).scores(shown)


def model_embedding(slide: Slide, checkpoint: Checkpoint) -> Values:
    """Return the (S, D) embedding of the model."""
    return run(embed(slide, checkpoint)).astype(np.float64)


def diffuse(values: Values, positions: NDArray[np.floating]) -> Values:
    """Return (S, D) values spread along the links of each spot with its nearest others.

    The limit of ``x <- DIFFUSION * mean of linked x + (1 - DIFFUSION) * values``, which is personalised PageRank's
    (Gasteiger et al. 2019, ICLR, equation 4).

    Parameters
    ----------
    values : (S, D) float
        What is spread.
    positions : (S, 2) float
        Where the spots lie, in pitches.
    """
    links = nearest_links(positions)
    spread = values
    for _ in range(DIFFUSION_STEPS):
        spread = DIFFUSION * (links @ spread) + (1 - DIFFUSION) * values
    return spread


def nearest_links(positions: NDArray[np.floating]) -> sp.csr_matrix:
    """Return (S, S) weights of each spot's nearest others, equal and of sum 1."""
    n_spots = len(positions)
    n_links = min(LINKS, n_spots - 1)
    nearest = np.asarray(cKDTree(positions).query(positions, k=np.arange(1, n_links + 2))[1])
    others = np.array([row[row != spot][:n_links] for spot, row in enumerate(nearest)])
    rows = np.repeat(np.arange(n_spots), n_links)
    return sp.csr_matrix((np.full(rows.size, 1 / n_links), (rows, others.ravel())), shape=(n_spots, n_spots))


def joint_components(slides: Sequence[Slide], n_components: int, *, centred: bool) -> list[Values]:
    """Return the (S, D) principal components of several slides, fitted on all of them together.

    Parameters
    ----------
    slides : sequence of Slide
        Sections that share genes.
    n_components : int
        How many.
    centred : bool
        Whether each section's own mean is taken off each gene first, as sections differ in these.
    """
    names = shared_names(slides)
    expressions = [sp.csr_matrix(log_expression(slide.counts)[:, slide.columns_of(names)]) for slide in slides]
    variance = np.mean([gene_moments(expression).variance for expression in expressions], axis=0)
    chosen = np.argsort(-variance, kind="stable")[:N_GENES]
    shown = [sp.csr_matrix(expression[:, chosen]) for expression in expressions]
    means = [mean_of(expression) for expression in shown]
    if not centred:
        means = [np.average(means, axis=0, weights=[slide.n_spots for slide in slides])] * len(slides)
    most = max(1, MOST_ROWS // len(slides))
    pairs = list(zip(shown, means, strict=True))
    deviations = [some_rows(expression, most, seed=0).toarray() - mean for expression, mean in pairs]
    directions = directions_of(np.concatenate(deviations), n_components)
    return [Components(mean=mean, directions=directions).scores(expression) for expression, mean in pairs]


def shared_names(slides: Sequence[Slide]) -> list[str]:
    """Return the genes, in the order of the first slide, that all slides have under the same name."""
    shared = set(map(str, slides[0].gene_names)).intersection(*(map(str, slide.gene_names) for slide in slides[1:]))
    return [str(name) for name in slides[0].gene_names if str(name) in shared]
