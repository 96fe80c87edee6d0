"""How well painted domains can be trusted: labels hidden in turn, painted from the others, and compared."""

from collections.abc import Generator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_stimg.domains import PaintParameters, paint
from napari_stimg.lattice import Lattice
from napari_stimg.progress import Progress

BLOCK_SIDE = 6.0
"""Pitches. Labels are hidden in squares of this side: the neighbours of a single hidden spot would give it away."""

N_FOLDS = 5
"""Parts that the labels are hidden in."""


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """How often labels that were hidden came back.

    Parameters
    ----------
    n_spots : int
        Labelled spots that were tested: those whose label was still held by a spot elsewhere.
    accuracy : float
        Share of them that were painted with their own label, 0 to 1; NaN if none could be tested.
    ari : float
        Adjusted Rand index, -0.5 to 1, 0 by chance (Hubert and Arabie 1985); NaN likewise.
    """

    n_spots: int
    accuracy: float
    ari: float


def held_out_agreement(
    embedding: NDArray[np.floating],
    lattice: Lattice,
    labels: NDArray[np.integer],
    *,
    params: PaintParameters,
    seed: int = 0,
) -> Generator[Progress, None, Agreement]:
    """Yield progress, and return how well labels are told from those in other places of the section.

    Parameters
    ----------
    embedding : (S, D) float
        From ``inference.embed``.
    lattice : Lattice
        Where the spots lie.
    labels : (S,) int
        A label for some spots, -1 for the others.
    params : PaintParameters
        How domains are painted.
    seed : int
        Of which squares are hidden together.
    """
    from sklearn.metrics import adjusted_rand_score

    fold = _folds(lattice.positions, seed)
    painted = np.full(len(labels), -1)
    for number in range(N_FOLDS):
        yield Progress(done=number, total=N_FOLDS, message="Testing on hidden labels")
        shown = np.where(fold == number, -1, labels)
        classes = np.unique(shown[shown >= 0])
        asked = (fold == number) & np.isin(labels, classes)
        if classes.size > 1 and asked.any():
            painted[asked] = paint(embedding, lattice.positions, shown, params=params).labels[asked]
    yield Progress(done=N_FOLDS, total=N_FOLDS, message="Testing on hidden labels")
    tested = painted >= 0
    if not tested.any():
        return Agreement(n_spots=0, accuracy=np.nan, ari=np.nan)
    return Agreement(
        n_spots=int(tested.sum()),
        accuracy=float((painted == labels)[tested].mean()),
        ari=float(adjusted_rand_score(labels[tested], painted[tested])),
    )


def _folds(positions: NDArray[np.floating], seed: int) -> NDArray[np.intp]:
    """Return (S,) the part, 0 to ``N_FOLDS`` - 1, that each spot's square belongs to."""
    squares = np.floor(positions / BLOCK_SIDE).astype(np.intp)
    _, square_of_spot = np.unique(squares, axis=0, return_inverse=True)
    n_squares = int(square_of_spot.max()) + 1
    fold_of_square = np.random.default_rng(seed).permutation(n_squares) % N_FOLDS
    return fold_of_square[square_of_spot.ravel()]
