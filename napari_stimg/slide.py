"""A slide: the counts of one tissue section and where its spots lie."""

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
import scipy.sparse as sp
from numpy.typing import NDArray

from napari_stimg.errors import InputError
from napari_stimg.expression import all_integers

LARGEST_SHARE_ON_SHARED_PLACES = 0.2
"""Of cells at irregular places, so many may lie on another's: segmentation splits cells (osmFISH: 10 %)."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Histology:
    """A picture of the stained section.

    Parameters
    ----------
    image : (rows, cols, 3) uint8
        RGB picture.
    px_per_place : float
        Picture pixels in one unit of ``Slide.places`` (Space Ranger's scale factor), > 0.
    """

    image: NDArray[np.uint8]
    px_per_place: float


@dataclass(frozen=True, kw_only=True, eq=False)
class Slide:
    """One tissue section, checked once when it is made.

    Parameters
    ----------
    name : str
        What the section is called, e.g. the stem of its file.
    counts : (S, G) CSR matrix, float32
        Counts, >= 0. Of a file that holds only logged values: their ``expm1`` (see ``logged``).
    places : (S, 2) float64
        Position of each spot as (row, col), in the source's own unit (picture pixels, microns, or array steps).
    spot_names, gene_names : (S,) and (G,) str
        Unique names; genes as in the file.
    gene_ids : (G,) str or None
        Ensembl ids, where the file has them; an empty string where one is missing.
    array_indices : (S, 2) int64 or None
        The platform's own (row, col) indices, where it has an array.
    obs : DataFrame of S rows
        Everything else that the file says of its spots (labels, for example).
    histology : Histology or None
        The stained picture, where there is one.
    um_per_place : float or None
        Microns in one unit of ``places``, where known.
    logged : bool
        True if the file held no counts but logged values: then ``counts`` are relative, not integers.
    counts_from : str
        Where in the file the counts were found, e.g. ``layers["counts"]``.
    source : Path or None
        The file or folder it was read from.
    notes : tuple of str
        What a user should know: one sentence each.

    Raises
    ------
    InputError
        If there are no spots or genes, shapes disagree, names repeat, positions are not finite or coincide (without
        an array: more than ``LARGEST_SHARE_ON_SHARED_PLACES``), or counts are negative, not finite or (unless
        ``logged``) not integers.
    """

    name: str
    counts: sp.csr_matrix
    places: NDArray[np.float64]
    spot_names: NDArray[np.str_]
    gene_names: NDArray[np.str_]
    gene_ids: NDArray[np.str_] | None = None
    array_indices: NDArray[np.int64] | None = None
    obs: pd.DataFrame = field(default_factory=pd.DataFrame)
    histology: Histology | None = None
    um_per_place: float | None = None
    logged: bool = False
    counts_from: str = "counts"
    source: Path | None = None
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _check_shapes(self)
        _check_names(self.gene_names, what="gene", name=self.name)
        _check_names(self.spot_names, what="spot", name=self.name)
        _check_places(self.places, on_array=self.array_indices is not None, name=self.name)
        if self.array_indices is not None:
            _check_indices(self.array_indices, name=self.name)
        _check_counts(self.counts, integers=not self.logged, name=self.name)

    @property
    def n_spots(self) -> int:
        """S, the number of spots."""
        return int(self.counts.shape[0])

    @property
    def n_genes(self) -> int:
        """G, the number of genes."""
        return int(self.counts.shape[1])

    def select(self, spots: NDArray[np.bool_] | NDArray[np.intp]) -> "Slide":
        """Return the slide of these spots alone, in the order given; everything else of it is gone.

        Parameters
        ----------
        spots : (S,) bool or (N,) int
            Which spots to keep.

        Raises
        ------
        InputError
            If no spot is left.
        """
        rows = np.flatnonzero(spots) if spots.dtype == np.bool_ else spots
        if rows.size == 0:
            raise InputError(
                f"{self.name}: expected at least one spot to keep, found none; choose spots of the section."
            )
        selected = copy(self)  # what was checked of all spots holds of some
        parts = {
            "counts": self.counts[rows],
            "places": self.places[rows],
            "spot_names": self.spot_names[rows],
            "array_indices": None if self.array_indices is None else self.array_indices[rows],
            "obs": self.obs.iloc[rows] if len(self.obs) else self.obs,
        }
        for name, part in parts.items():
            object.__setattr__(selected, name, part)
        return selected

    def columns_of(self, genes: Sequence[str]) -> NDArray[np.intp]:
        """Return the (K,) columns of these genes, named by symbol (any case) or Ensembl id.

        Raises
        ------
        InputError
            If a gene is not on the slide; the message names those that are missing.
        """
        columns = self.find_genes(genes)
        missing = [gene for gene, column in zip(genes, columns, strict=True) if column is None]
        if missing:
            raise InputError(
                f"{self.name}: expected genes of this slide, found {', '.join(missing[:5])} not among its "
                f"{self.n_genes:,} genes (such as {', '.join(map(str, self.gene_names[:3]))}); "
                "check the spelling, and name genes by a symbol or Ensembl id that the section has."
            )
        return np.array(columns, dtype=np.intp)

    def find_genes(self, genes: Sequence[str]) -> list[int | None]:
        """Return the columns of these genes, named by symbol (any case) or Ensembl id, None of those that it lacks."""
        lookup = {name.upper(): column for column, name in reversed(list(enumerate(self.gene_names)))}
        if self.gene_ids is not None:
            lookup |= {gene_id.upper(): column for column, gene_id in enumerate(self.gene_ids) if gene_id}
        lookup |= {str(name): column for column, name in enumerate(self.gene_names)}
        return [lookup.get(gene, lookup.get(gene.upper())) for gene in genes]


def _check_shapes(slide: Slide) -> None:
    n_spots, n_genes = slide.counts.shape
    if n_spots == 0 or n_genes == 0:
        raise InputError(
            f"{slide.name}: expected at least one spot and one gene, found {n_spots} spots and {n_genes} genes; "
            "choose a file that holds a measured section."
        )
    expected = {
        "places": (slide.places, (n_spots, 2)),
        "spot_names": (slide.spot_names, (n_spots,)),
        "gene_names": (slide.gene_names, (n_genes,)),
        "gene_ids": (slide.gene_ids, (n_genes,)),
        "array_indices": (slide.array_indices, (n_spots, 2)),
    }
    for what, (array, shape) in expected.items():
        if array is not None and array.shape != shape:
            raise InputError(
                f"{slide.name}: expected {what} of shape {shape} for {n_spots} spots and {n_genes} genes, "
                f"found {array.shape}; the file's tables do not belong together."
            )
    if slide.obs.columns.size and len(slide.obs) != n_spots:
        raise InputError(
            f"{slide.name}: expected {n_spots} rows of spot annotations, found {len(slide.obs)}; "
            "the file's tables do not belong together."
        )


def _check_names(names: NDArray[np.str_], *, what: str, name: str) -> None:
    unique, count = np.unique(names, return_counts=True)
    if unique.size < names.size:
        repeated = unique[count > 1]
        raise InputError(
            f"{name}: expected unique {what} names, found {repeated.size:,} that repeat (such as {repeated[0]}); "
            f"make them unique, for example with AnnData's {'var' if what == 'gene' else 'obs'}_names_make_unique()."
        )


def _check_places(places: NDArray[np.float64], *, on_array: bool, name: str) -> None:
    lost = ~np.isfinite(places).all(axis=1)
    if lost.any():
        raise InputError(
            f"{name}: expected a finite position for every spot, found {lost.sum():,} of {len(places):,} without; "
            "remove those spots or mend their positions."
        )
    n_shared = len(places) - len(np.unique(places, axis=0))
    if n_shared > (0 if on_array else LARGEST_SHARE_ON_SHARED_PLACES * len(places)):
        raise InputError(
            f"{name}: expected every spot at a place of its own, found {n_shared:,} spots on a place that another "
            "holds; remove the duplicates or mend the positions."
        )


def _check_indices(array_indices: NDArray[np.int64], *, name: str) -> None:
    n_shared = len(array_indices) - len(np.unique(array_indices, axis=0))
    if n_shared:
        raise InputError(
            f"{name}: expected every spot at an array_row and array_col of its own, found {n_shared:,} that another "
            "spot has too; if there are several sections, name them in obs library_id, else remove the duplicates."
        )


def _check_counts(counts: sp.csr_matrix, *, integers: bool, name: str) -> None:
    values = counts.data
    if not np.isfinite(values).all():
        raise InputError(f"{name}: expected finite counts, found NaN or infinity; give the raw counts.")
    if values.size and values.min() < 0:
        raise InputError(
            f"{name}: expected counts >= 0, found {values.min():g}; give raw counts, not scaled or centred values."
        )
    if integers and not all_integers(values):
        fraction = values[values != np.rint(values)][0]
        raise InputError(
            f"{name}: expected integer counts, found {fraction:g}; "
            'give raw counts in X, raw or layers["counts"], or values logged by log1p.'
        )
