"""Which spots are like a given one."""

import numpy as np
from numpy.typing import NDArray


def similarity(embedding: NDArray[np.floating], spot: int) -> NDArray[np.float32]:
    """Return how alike each spot (S,) is to one: the cosine of what sets them apart from the section's mean, -1 to 1.

    Parameters
    ----------
    embedding : (S, D) float
        From ``inference.embed``.
    spot : int
        Its row; itself it is 1 like, or 0 where nothing sets it apart.
    """
    apart = embedding - embedding.mean(axis=0)
    length = np.linalg.norm(apart, axis=1)
    products = apart @ apart[spot]
    cosine = np.divide(products, length * length[spot], out=np.zeros_like(products), where=length * length[spot] > 0)
    return np.asarray(np.clip(cosine, -1, 1), dtype=np.float32)
