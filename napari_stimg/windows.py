"""A section seen through overlapping windows of its lattice, whose results are blended.

So memory does not grow with the section, and no seam shows.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from napari_stimg.crops import Crop, crop_at, windows
from napari_stimg.errors import InputError
from napari_stimg.lattice import Lattice
from napari_stimg.masking import MIN_VISIBLE


@dataclass(frozen=True, kw_only=True)
class WindowParameters:
    """Through which windows a section is seen.

    Parameters
    ----------
    side : int
        Side of a window, in pitches.
    stride : int
        Pitches from one window to the next, at most ``side``. With the bundled model, strides of 4 to 12 change the
        reconstruction of a 14 x 14 hole, from that with 16, by 2 to 4 % of its spread (root mean square; simulated,
        Visium and STARmap sections), and its standard deviation not at all; windows that do not overlap change it by
        more.
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


def windows_over(lattice: Lattice, params: WindowParameters) -> list[Crop]:
    """Return windows that together cover a lattice."""
    window = params.in_cells(lattice)
    return list(windows(lattice, (window.side, window.side), (window.stride, window.stride)))


def windows_around(
    hidden: NDArray[np.intp], lattice: Lattice, visible: Lattice, params: WindowParameters
) -> list[Crop]:
    """Return windows that hold hidden spots, with the visible cells in each as tokens.

    Far inside a hole, where a window shows fewer cells than the model ever learned from, it shows the visible cells
    nearest to those asked instead, at most as many as a window can hold.
    """
    tree = cKDTree(visible.token_positions)
    n_nearest = min(params.side**2, len(visible.occupied))
    found = []
    for crop in windows_over(lattice, params):
        asked = hidden[inside(crop, lattice.cell_of_spot[hidden])]
        if asked.size == 0:
            continue
        tokens = crop_at(visible, crop.row, crop.col, crop.shape).tokens
        if tokens.size < MIN_VISIBLE:
            nearest = tree.query(lattice.positions[asked].mean(axis=0), k=np.arange(1, n_nearest + 1))[1]
            tokens = np.asarray(nearest, dtype=np.intp)
        found.append(replace(crop, tokens=tokens))
    return found


def tokens_around(crop: Crop, lattice: Lattice, *, pitches: float) -> NDArray[np.intp]:
    """Return a window's tokens, and the cells up to so many pitches beyond its border, ascending."""
    margin = round(pitches / lattice.cell_pitches)
    height, width = crop.shape
    wider = crop_at(lattice, crop.row - margin, crop.col - margin, (height + 2 * margin, width + 2 * margin))
    return np.union1d(crop.tokens, wider.tokens)


def inside(crop: Crop, cells: NDArray[np.integer]) -> NDArray[np.bool_]:
    """Return (N,) which cells lie in a window."""
    corner = np.array([crop.row, crop.col])
    return np.asarray(((cells >= corner) & (cells < corner + crop.shape)).all(axis=1))


class Blend:
    """Weighted mean of states from several windows."""

    def __init__(self, n_places: int, width: int) -> None:
        self._sum = np.zeros((n_places, width), dtype=np.float32)
        self._weight = np.zeros((n_places, 1), dtype=np.float32)

    def add(
        self, places: NDArray[np.intp], states: NDArray[np.float32], crop: Crop, cells: NDArray[np.integer]
    ) -> None:
        """Add (N, D) states of these places, which a window saw at (N, 2) cells."""
        weight = _weight(crop, cells)
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
