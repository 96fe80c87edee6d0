"""An embedding as colours: alike colours, alike expression."""

import numpy as np
from numpy.typing import NDArray

PERCENTILES = (1.0, 99.0)
"""Of each component, where its colour begins and ends: a few odd spots must not make the others grey."""

MEDIUM = 128
"""Where a component is missing or the same everywhere."""


def embedding_colors(embedding: NDArray[np.floating]) -> NDArray[np.uint8]:
    """Return an (S, 3) colour for each spot: its first three principal components as red, green and blue, 0 to 255.

    Parameters
    ----------
    embedding : (S, D) float
        From ``inference.embed``.
    """
    centred = embedding - embedding.mean(axis=0, dtype=np.float64)
    _, directions = np.linalg.eigh(centred.T @ centred)  # by rising variance
    directions = directions[:, ::-1][:, :3]
    heaviest = np.abs(directions).argmax(axis=0)
    directions *= np.sign(directions[heaviest, np.arange(directions.shape[1])])  # the same on every machine
    components = centred @ directions
    low, high = np.percentile(components, PERCENTILES, axis=0)
    colors = np.full((len(embedding), 3), MEDIUM, dtype=np.uint8)
    varied = np.flatnonzero(high > low)
    scaled = (components[:, varied] - low[varied]) / (high - low)[varied]
    colors[:, varied] = np.rint(255 * np.clip(scaled, 0, 1))
    return colors
