"""What a method is given to reconstruct hidden spots from: the visible ones, and where the hidden ones lie."""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd
import scipy.sparse as sp
from numpy.typing import NDArray

from napari_stimg.lattice import Lattice
from napari_stimg.slide import Slide


@dataclass(frozen=True, kw_only=True, eq=False)
class Puzzle:
    """A section with a hole.

    Parameters
    ----------
    slide : Slide
        The section; hidden spots have their place, but neither counts nor annotations.
    lattice : Lattice
        Its lattice.
    mask : (S,) bool
        True = hidden.
    columns : (K,) int
        The genes asked for.
    visible : (V, K) CSR float32
        Log expression of the visible spots.
    """

    slide: Slide
    lattice: Lattice
    mask: NDArray[np.bool_]
    columns: NDArray[np.intp]
    visible: sp.csr_matrix

    @property
    def n_hidden(self) -> int:
        """N, the number of hidden spots."""
        return int(self.mask.sum())

    @property
    def genes(self) -> list[str]:
        """Names of the K genes asked for."""
        return [str(name) for name in self.slide.gene_names[self.columns]]

    @property
    def visible_positions(self) -> NDArray[np.float32]:
        """(V, 2) where the visible spots lie, in pitches."""
        return self.lattice.positions[~self.mask]

    @property
    def hidden_positions(self) -> NDArray[np.float32]:
        """(N, 2) where the hidden spots lie, in pitches."""
        return self.lattice.positions[self.mask]

    @cached_property
    def mean(self) -> NDArray[np.float32]:
        """(K,) mean log expression of the visible spots."""
        return np.asarray(self.visible.mean(axis=0), dtype=np.float32).ravel()


def pose(
    slide: Slide, lattice: Lattice, mask: NDArray[np.bool_], *, columns: NDArray[np.intp], expression: sp.csr_matrix
) -> Puzzle:
    """Return the puzzle of reconstructing the spots of a mask.

    Parameters
    ----------
    slide : Slide
        The whole section.
    lattice : Lattice
        Its lattice.
    mask : (S,) bool
        True = hidden.
    columns : (K,) int
        The genes asked for.
    expression : (S, K) CSR
        Their log expression; a row depends on the counts of its spot alone.
    """
    without = replace(slide, counts=blank_rows(slide.counts, mask), obs=pd.DataFrame())
    return Puzzle(slide=without, lattice=lattice, mask=mask, columns=columns, visible=expression[~mask])


def blank_rows(counts: sp.csr_matrix, mask: NDArray[np.bool_]) -> sp.csr_matrix:
    """Return (S, G) counts without the entries of masked rows."""
    per_row = np.diff(counts.indptr)
    kept = np.repeat(~mask, per_row)
    indptr = np.concatenate([[0], np.cumsum(np.where(mask, 0, per_row))])
    return sp.csr_matrix((counts.data[kept], counts.indices[kept], indptr), shape=counts.shape)
