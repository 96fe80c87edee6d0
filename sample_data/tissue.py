"""The shape of simulated tissue: which spots of the array it covers, and how deep in the cortex each lies."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from napari_stimg.errors import InputError
from sample_data.parameters import LatticeName, TissueParameters
from sample_data.programs import LAYERS

Floats = NDArray[np.floating[Any]]

MARGIN = 0.94
"""Half height and half width of the tissue, as a share of the array's."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Tissue:
    """Spots under tissue, and the truth of their layers.

    Parameters
    ----------
    array_indices : (S, 2) int64
        The platform's (row, col) indices; hexagonal columns step by 2.
    positions : (S, 2) float64
        (row, col) in pitches.
    cortical_depth : (S,) float64
        0 at the surface of the brain, 1 at the deepest white matter.
    layer : (S,) int64
        Index into ``LAYERS``.
    layer_weights : (S, 7) float64
        Share of each layer in a spot, each row summing to 1; mixed near boundaries.
    """

    array_indices: NDArray[np.int64]
    positions: Floats
    cortical_depth: Floats
    layer: NDArray[np.int64]
    layer_weights: Floats


def grow_tissue(params: TissueParameters, rng: np.random.Generator) -> Tissue:
    """Return the tissue that the parameters describe.

    Raises
    ------
    InputError
        If tears leave too little tissue: fewer spots than two for each layer asked for.
    """
    array_indices = array_grid(params.lattice, params.n_rows, params.n_cols)
    positions = positions_of(params.lattice, array_indices)
    across, down, half_width, half_height = _tissue_axes(positions, params.tilt_degrees)
    bend = params.layer_curvature * half_height * _bend(across / half_width, rng)
    reach = half_height * (1 - params.layer_curvature / 2)
    depth = (down + bend) / reach
    inside = (np.abs(depth) <= 1) & _between_cut_edges(across / half_width, depth, params.edge_roughness, rng)
    inside &= ~_in_tears(positions, inside, params, rng)
    n_layers = np.count_nonzero(params.layer_shares)
    if np.count_nonzero(inside) < 2 * n_layers:
        raise InputError(
            f"simulated section: expected tissue of at least {2 * n_layers} spots for {n_layers} layers, found "
            f"{np.count_nonzero(inside)} left; enlarge the array or ask for fewer or smaller holes."
        )
    depth = (depth[inside] + 1) / 2
    boundaries = _boundaries(depth, params.layer_shares)
    return Tissue(
        array_indices=array_indices[inside],
        positions=positions[inside],
        cortical_depth=depth,
        layer=np.searchsorted(boundaries, depth, side="right"),
        layer_weights=_layer_weights(depth, boundaries, width=params.boundary_width / (2 * reach)),
    )


def array_grid(lattice: LatticeName, n_rows: int, n_cols: int) -> NDArray[np.int64]:
    """Return the (row, col) indices of all spots of an array, (n_rows * n_cols, 2), row by row."""
    row, col = np.indices((n_rows, n_cols)).reshape(2, -1)
    if lattice == "hexagonal":
        col = 2 * col + row % 2
    return np.stack([row, col], axis=1)


def positions_of(lattice: LatticeName, array_indices: NDArray[np.int64]) -> Floats:
    """Return the true (row, col) of array indices, (S, 2), in pitches."""
    scale = (np.sqrt(3) / 2, 0.5) if lattice == "hexagonal" else (1.0, 1.0)
    positions: Floats = array_indices * np.array(scale)
    return positions


def smooth_field(positions: Floats, length: float, rng: np.random.Generator) -> Floats:
    """Return a smooth random field over (S, 2) positions, (S,), of mean 0 and standard deviation 1.

    A sum of eight plane waves of random direction and phase; wavelengths from ``length`` to twice that, in pitches.
    """
    angle, phase = rng.uniform(0, 2 * np.pi, (2, 8))
    wavelength = length * rng.uniform(1, 2, 8)
    waves = np.stack([np.sin(angle), np.cos(angle)]) / wavelength
    field = np.cos(2 * np.pi * positions @ waves + phase).sum(axis=1)
    standardised: Floats = (field - field.mean()) / field.std()
    return standardised


def _tissue_axes(positions: Floats, tilt_degrees: float) -> tuple[Floats, Floats, float, float]:
    """Return coordinates across and down the tissue from its middle, (S,) each, and its half width and height."""
    middle = (positions.min(axis=0) + positions.max(axis=0)) / 2
    half_row, half_col = MARGIN * (positions.max(axis=0) - middle)
    row, col = (positions - middle).T
    tilt = np.deg2rad(tilt_degrees)
    across = col * np.cos(tilt) + row * np.sin(tilt)
    down = row * np.cos(tilt) - col * np.sin(tilt)
    half_width = float(np.hypot(half_col * np.cos(tilt), half_row * np.sin(tilt)))
    half_height = float(np.hypot(half_row * np.cos(tilt), half_col * np.sin(tilt)))
    return across, down, half_width, half_height


def _bend(across: Floats, rng: np.random.Generator) -> Floats:
    """Return how far layers bend at each place across the tissue (-1 to 1), between about -0.6 and 0.6."""
    phase = rng.uniform(0, 2 * np.pi)
    arch = 0.5 * np.cos(np.pi * across / 1.2 + 0.3 * np.sin(phase))
    wave = 0.1 * np.cos(2.2 * np.pi * across + phase)
    bend: Floats = arch + wave
    return bend


def _between_cut_edges(across: Floats, depth: Floats, roughness: float, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Return which places lie between the two wavering cut edges of the tissue, (S,) bool."""
    phases = rng.uniform(0, 2 * np.pi, (2, 3))
    waves_of = [sum(np.sin((k + 1.5) * 2 * depth + phase) / 3 for k, phase in enumerate(side)) for side in phases]
    left, right = (1 - roughness * (1 + waves) / 2 for waves in waves_of)
    between: NDArray[np.bool_] = (-left <= across) & (across <= right)
    return between


def _in_tears(
    positions: Floats, inside: NDArray[np.bool_], params: TissueParameters, rng: np.random.Generator
) -> NDArray[np.bool_]:
    """Return which places lie in a tear, (S,) bool; tears lie at random around spots of the tissue."""
    candidates = np.flatnonzero(inside)
    if params.n_holes == 0 or candidates.size == 0:
        return np.zeros(len(positions), dtype=bool)
    centres = positions[rng.choice(candidates, params.n_holes)]
    distance = np.linalg.norm(positions[:, None] - centres, axis=2)
    torn: NDArray[np.bool_] = (distance <= params.hole_radius).any(axis=1)
    return torn


def _boundaries(depth: Floats, shares: tuple[float, ...]) -> Floats:
    """Return the depths between layers, (6,), so that each layer gets its share of the spots."""
    cumulative = np.cumsum(shares)
    ends = cumulative[:-1] / cumulative[-1]
    boundaries: Floats = np.quantile(depth, ends)
    boundaries[ends <= 0] = -np.inf
    boundaries[ends >= 1] = np.inf
    return boundaries


def _layer_weights(depth: Floats, boundaries: Floats, *, width: float) -> Floats:
    """Return each layer's share in each spot, (S, 7); boundaries are blurred by a Gaussian of this width."""
    beyond = depth[:, None] - boundaries
    passed = ndtr(beyond / width) if width > 0 else (beyond >= 0).astype(np.float64)
    edges = np.hstack([np.ones((depth.size, 1)), passed, np.zeros((depth.size, 1))])
    weights: Floats = -np.diff(edges, axis=1)
    return weights.reshape(depth.size, len(LAYERS))
