"""Which genes a crop shows: m channels drawn anew for each crop."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from napari_stimg.errors import InputError

ChannelRule = Literal["variance", "uniform", "top-hvg"]


def draw_channels(
    weights: NDArray[np.floating], n_channels: int, *, rng: np.random.Generator, rule: ChannelRule = "variance"
) -> NDArray[np.intp]:
    """Return the sorted columns of the genes that a crop shows, ``min(n_channels, G)`` of them.

    ``variance`` draws without replacement with the given weights by weighted reservoir sampling, A-Res
    (Efraimidis and Spirakis 2006): each gene gets the key ``u ** (1 / weight)``, the largest keys stay.
    Genes of weight 0 come only after all others. ``uniform`` ignores the weights; ``top-hvg`` takes the
    heaviest genes, without chance.

    Parameters
    ----------
    weights : (G,) float, >= 0
        Each gene's variance within the crop.
    n_channels : int
        m, >= 1.
    rng : numpy Generator
        Source of randomness.
    rule : {"variance", "uniform", "top-hvg"}
        How genes are chosen.

    Raises
    ------
    InputError
        If the rule is not one of the three, or ``n_channels`` is below 1.
    """
    if n_channels < 1:
        raise InputError(f"expected at least 1 channel, found {n_channels}; give a number of genes for each crop.")
    if rule == "variance":
        with np.errstate(divide="ignore"):
            keys = np.log(rng.random(weights.size)) / weights
    elif rule == "uniform":
        keys = rng.random(weights.size)
    elif rule == "top-hvg":
        keys = np.asarray(weights, dtype=np.float64)
    else:
        raise InputError(f"expected a channel rule of variance, uniform or top-hvg, found {rule}; choose one of them.")
    n_drawn = min(n_channels, weights.size)
    return np.sort(np.argpartition(-keys, n_drawn - 1)[:n_drawn])
