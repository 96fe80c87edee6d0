"""What is shown of a reconstructed gene: what the model saw, truth, reconstruction, difference and uncertainty."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from napari.utils.colormaps import Colormap
from numpy.typing import NDArray

from napari_stimg._widgets.layers import Role
from napari_stimg._widgets.session import Session
from napari_stimg.planes import contrast_limits

DIFFERENCE_COLORS = Colormap(["#2166ac", "#67a9cf", "#f7f7f7", "#ef8a62", "#b2182b"], name="difference")
"""ColorBrewer's RdBu, safe for the colour-blind: blue where the reconstruction is too low, red where too high.

A short name: napari's layer controls become as wide as the longest one, and stay so.
"""


class Picture(NamedTuple):
    """One value a spot, (S,), and how it is shown."""

    role: Role
    title: str
    values: NDArray[np.float32]
    limits: tuple[float, float]
    colormap: str | Colormap


def reconstruction_pictures(session: Session, column: int) -> Iterator[Picture]:
    """Yield the pictures of the gene in this column of the slide; none if it was not reconstructed."""
    display, expected, uncertainty = session.display, session.expected(column), session.uncertainty(column)
    if session.reconstruction is None or expected is None or uncertainty is None:
        return
    spots, truth = session.reconstruction.spots, session.planes.expression(column)
    filled = truth.copy()
    filled[spots] = expected
    limits = contrast_limits(truth, display.clip_percent)
    yield Picture(Role.SEEN, "Model saw", session.seen(column), limits, display.colormap)
    yield Picture(Role.TRUTH, "Truth", truth, limits, display.colormap)
    yield Picture(Role.RECONSTRUCTION, "Reconstruction", filled, limits, display.colormap)
    difference = _scattered(expected - truth[spots], spots, session)
    largest = max(abs(limit) for limit in contrast_limits(difference))
    yield Picture(Role.DIFFERENCE, "Difference", difference, (-largest, largest), DIFFERENCE_COLORS)
    spread = _scattered(uncertainty, spots, session)
    yield Picture(Role.UNCERTAINTY, "Uncertainty (sd)", spread, (0.0, contrast_limits(spread)[1]), "magma")


def _scattered(values: NDArray[np.float32], spots: NDArray[np.intp], session: Session) -> NDArray[np.float32]:
    """Return (S,) values, NaN in all other spots than (N,) these."""
    everywhere = np.full(session.slide.n_spots, np.nan, dtype=np.float32)
    everywhere[spots] = values
    return everywhere
