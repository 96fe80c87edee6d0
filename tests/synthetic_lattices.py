"""Slides on lattices whose kind, pitch, turn, jitter and holes are known, and what tests say of their positions."""

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from napari_stimg.affine import fit_affine
from napari_stimg.lattice import ARRAY_STEPS, LatticeKind
from napari_stimg.slide import Slide

HEXAGONAL, SQUARE, CHECKERBOARD = LatticeKind.HEXAGONAL, LatticeKind.SQUARE, LatticeKind.CHECKERBOARD
REGULAR = (HEXAGONAL, SQUARE, CHECKERBOARD)


def array_of(kind: LatticeKind, n_rows: int, n_cols: int) -> NDArray[np.int64]:
    """Return the (S, 2) array indices of a full array, in row-major order."""
    rows, cols = np.indices((n_rows, n_cols)).reshape(2, -1)
    return np.stack([rows, cols if kind is LatticeKind.SQUARE else 2 * cols + rows % 2], axis=1)


def place(
    indices: NDArray[np.int64],
    kind: LatticeKind,
    *,
    pitch: float = 1.0,
    turn_deg: float = 0.0,
    jitter: float = 0.0,
    seed: int = 0,
) -> NDArray[np.float64]:
    """Return (S, 2) places of an array's spots, turned, shifted by Gaussian jitter (in pitches), then scaled."""
    turn = np.radians(turn_deg)
    rotation = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    shifts = jitter * np.random.default_rng(seed).normal(size=indices.shape)
    return pitch * (indices * ARRAY_STEPS[kind] @ rotation + shifts) + [-1234.5, 678.9]


def slide_at(places: NDArray[np.float64], *, indices: NDArray[np.int64] | None = None, **fields: object) -> Slide:
    """Return a slide with spots at these (S, 2) places, one gene, and spot i having i counts of it."""
    n_spots = len(places)
    spot_names = np.array([f"spot{i}" for i in range(n_spots)])
    return Slide(
        name="synthetic",
        counts=sp.csr_matrix(np.arange(n_spots, dtype=np.float32)[:, None]),
        places=places,
        spot_names=spot_names,
        gene_names=np.array(["GENE"]),
        array_indices=indices,
        obs=pd.DataFrame(index=spot_names),
        **fields,
    )


def with_holes(indices: NDArray[np.int64], share: float, *, seed: int = 0) -> NDArray[np.int64]:
    """Return indices without a random share of them, the rest in random order."""
    rng = np.random.default_rng(seed)
    return rng.permutation(indices[rng.random(len(indices)) >= share])


def neighbour_distances(positions: NDArray[np.floating], n_neighbours: int) -> NDArray[np.float64]:
    """Return (S, n_neighbours) distances of each position to its nearest others, ascending."""
    return cKDTree(positions).query(positions, k=n_neighbours + 1)[0][:, 1:]


def assert_same_up_to_turn_and_shift(found: NDArray[np.floating], true: NDArray[np.floating]) -> None:
    """Check that positions differ from the true ones by nothing but a rigid motion without reflection."""
    motion = fit_affine(true, found)
    np.testing.assert_allclose(motion(true), found, atol=1e-4)
    assert motion.scale == pytest.approx(1)
    assert motion.anisotropy == pytest.approx(1)
    assert np.linalg.det(motion.matrix) > 0
