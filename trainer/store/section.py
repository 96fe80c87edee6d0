"""A section of a corpus as training reads it: arrays on disk, mapped into memory."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from napari_stimg.errors import InputError
from napari_stimg.expression import GeneMoments
from napari_stimg.lattice import Lattice, LatticeKind
from trainer.store.journal import Entry

THINNINGS = (1.0, 0.7, 0.5)
"""Shares of the counts that a crop may show; a section's gene moments are known at each."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Section:
    """A training section, one row a cell; its arrays are mapped from disk and may not be written to.

    Parameters
    ----------
    name : str
        Of the slide.
    lattice : Lattice
        Its K occupied cells, one spot each.
    indptr : (K + 1,) int64
        Where each cell's entries begin in ``genes`` and ``counts``.
    genes : (nnz,) uint16 or uint32
        Columns, ascending in each row; low ones were counted in many spots.
    counts : (nnz,) uint8, uint16 or uint32
        Counts > 0, those of spots that share a cell added.
    library_size : (K,) int64
        Counts of all genes.
    ids : (G,) int64
        Each column's gene in the vocabulary, none twice.
    moments : dict of float to GeneMoments
        Mean and variance of log expression at each of ``THINNINGS``.
    n_detected : (G,) int64
        Cells in which each gene was counted.
    labels : dict of str to (K,) str
        Labels by their column of ``obs``, of the first spot of each cell; "" = none. For validation only.
    """

    name: str
    lattice: Lattice
    indptr: NDArray[np.int64]
    genes: NDArray[np.unsignedinteger[Any]]
    counts: NDArray[np.unsignedinteger[Any]]
    library_size: NDArray[np.int64]
    ids: NDArray[np.int64]
    moments: dict[float, GeneMoments]
    n_detected: NDArray[np.int64]
    labels: dict[str, NDArray[np.str_]]

    @property
    def n_cells(self) -> int:
        """K, the number of occupied cells."""
        return len(self.library_size)

    @property
    def n_genes(self) -> int:
        """G, the number of genes."""
        return len(self.ids)

    def count_matrix(self) -> sp.csr_matrix:
        """Return the (K, G) counts in memory, CSR float32."""
        parts = (self.counts.astype(np.float32), self.genes.astype(np.int32), self.indptr)
        return sp.csr_matrix(parts, shape=(self.n_cells, self.n_genes))


def read_section(folder: Path, entry: Entry) -> Section:
    """Return the section that was unpacked to a folder.

    Raises
    ------
    InputError
        If an array is missing or cut short.
    """

    def mapped(name: str) -> NDArray[Any]:
        try:
            array: NDArray[Any] = np.load(folder / f"{name}.npy", mmap_mode="r")
        except (FileNotFoundError, ValueError, EOFError) as error:
            raise InputError(
                f"{folder}: expected the unpacked arrays of section {entry.name}, found {name}.npy damaged or gone; "
                "remove the folder, and it is unpacked again."
            ) from error
        return array

    lattice = Lattice(
        kind=LatticeKind(entry.kind),
        shape=entry.shape,
        cell_of_spot=mapped("cells"),
        positions=mapped("positions"),
        pitch=entry.pitch,
        pitch_um=entry.pitch_um,
        found_by=entry.found_by,
    )
    moments = mapped("moments")
    return Section(
        name=entry.name,
        lattice=lattice,
        indptr=mapped("indptr"),
        genes=mapped("genes"),
        counts=mapped("counts"),
        library_size=mapped("library_size"),
        ids=mapped("ids"),
        moments={
            share: GeneMoments(mean=mean, variance=variance)
            for share, (mean, variance) in zip(THINNINGS, moments, strict=True)
        },
        n_detected=mapped("n_detected"),
        labels={key: mapped(f"label_{key}") for key in entry.labels},
    )
