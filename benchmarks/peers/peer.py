"""What a peer is: a package, and a function from a section to an embedding."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from anndata import AnnData
from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True)
class Choices:
    """What is left to whoever runs a peer.

    Parameters
    ----------
    seed : int
        Of all of its chance.
    epochs : int, optional
        Of its training, if not its authors' number.
    n_domains : int
        Domains that it looks for, >= 2.
    """

    seed: int = 0
    epochs: int | None = None
    n_domains: int = 7


@dataclass(frozen=True, kw_only=True, eq=False)
class Embedding:
    """What a peer makes of a section.

    Parameters
    ----------
    values : (S, D) float
        One row a spot, in the section's order.
    parameters : dict
        All that was chosen, and what was found on the way, as JSON has it.
    """

    values: NDArray[np.floating]
    parameters: dict[str, object]


@dataclass(frozen=True, kw_only=True)
class Peer:
    """A method.

    Parameters
    ----------
    distribution : str
        Its package, as PyPI names it.
    embed : callable
        From a section, which it may change, with counts (CSR, float32) in ``X`` and places in ``obsm["spatial"]``.
    options : frozenset of str
        Those of ``epochs`` and ``n_domains`` that it reads.
    """

    distribution: str
    embed: Callable[[AnnData, Choices], Embedding]
    options: frozenset[str] = frozenset()
