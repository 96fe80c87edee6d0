"""Writing a section with its results as ``.h5ad``: beside the target first, then renamed, never over the input."""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import BytesIO
from itertools import count
from pathlib import Path
from typing import Any, Protocol

import anndata as ad
import h5py
import numpy as np
import pandas as pd
from anndata.io import write_elem
from numpy.typing import NDArray

from napari_stimg.errors import InputError
from napari_stimg.io.anndata_file import anndata_from_slide, is_anndata
from napari_stimg.io.opening import hdf5_file, reading
from napari_stimg.keys import (
    DOMAIN,
    DOMAIN_COLORS,
    DOMAIN_PROBABILITY,
    EMBEDDING,
    LATTICE_COL,
    LATTICE_ROW,
    MASK,
    PROVENANCE,
    RECONSTRUCTION,
    SCRIBBLE,
    UNCERTAINTY,
)
from napari_stimg.lattice import Lattice
from napari_stimg.slide import Slide
from napari_stimg.whole_files import written_beside

LARGEST_LAYER_BYTES = 8 * 2**30
"""Whoever opens the file holds a layer in memory whole; 8 GiB is two billion values."""

_COMPRESSION = {"compression": "gzip", "compression_opts": 1}

_CHUNK_ROWS, _CHUNK_COLUMNS = 64, 512


class Reconstructed(Protocol):
    """What is written of a reconstruction (:class:`napari_stimg.inference.Reconstruction` is one)."""

    @property
    def spots(self) -> NDArray[np.integer]:
        """(N,) the hidden spots."""

    @property
    def columns(self) -> NDArray[np.integer]:
        """(K,) the slide's genes that were predicted."""

    @property
    def expected(self) -> NDArray[np.float32]:
        """(N, K) expected log expression."""

    @property
    def sd(self) -> NDArray[np.float32]:
        """(N, K) standard deviation of it."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Results:
    """What was made of a slide; every part is optional.

    Parameters
    ----------
    mask : (S,) bool or None
        True = hidden from the model.
    scribbles : (S,) int or None
        Class that each spot was scribbled with, -1 = none.
    scribble_names : tuple of str
        One name a class.
    reconstruction : Reconstructed or None
        What was predicted for hidden spots.
    embedding : (S, D) float32 or None
        One row a spot.
    domains : (S,) int or None
        Domain of each spot, -1 = none.
    domain_names : tuple of str
        One name a domain; ``"1"``, ``"2"`` ... if empty.
    domain_colors : tuple of str
        One ``#rrggbb`` a domain; none are written if empty.
    domain_probabilities : (S, K) float32 or None
        One column a domain.
    provenance : mapping
        How it was made: version, checkpoint, parameters, seed, scores; added to what the file already says.
    """

    mask: NDArray[np.bool_] | None = None
    scribbles: NDArray[np.integer] | None = None
    scribble_names: tuple[str, ...] = ()
    reconstruction: Reconstructed | None = None
    embedding: NDArray[np.float32] | None = None
    domains: NDArray[np.integer] | None = None
    domain_names: tuple[str, ...] = ()
    domain_colors: tuple[str, ...] = ()
    domain_probabilities: NDArray[np.float32] | None = None
    provenance: Mapping[str, Any] = field(default_factory=dict)


def write_results(slide: Slide, target: Path, *, lattice: Lattice, results: Results | None = None) -> None:
    """Write a slide and its results; a slide from an ``.h5ad`` file keeps everything that its file holds.

    A slide that is a part of its file (a crop, one of several sections) is written with its own spots only.

    Parameters
    ----------
    slide : Slide
        The slide, S spots.
    target : Path
        The ``.h5ad`` file to write; an older one is replaced, once the new one is whole.
    lattice : Lattice
        The slide's lattice.
    results : Results or None
        What to write besides.

    Raises
    ------
    InputError
        As of :func:`check_target` and :func:`check_size`, if the slide's own file is gone or changed, if no
        reconstructed gene is in the file, or if writing fails.
    """
    target = Path(target)
    results = results or Results()
    check_target(slide, target)
    if results.reconstruction is not None:
        check_size(slide)
    adata, columns = _adata_of(slide)
    _add_results(adata, lattice, results)
    with _file_of(target) as file:
        write_elem(file, "/", adata, dataset_kwargs=_COMPRESSION)
        if adata.raw is None:
            del file["raw"]  # which says so in a way that older versions of anndata cannot read
        if results.reconstruction is not None:
            _add_layers(file, results.reconstruction, adata.shape, columns, name=slide.name)


def check_target(slide: Slide, target: Path) -> None:
    """Check, before long work, that results of a slide can be written to a target.

    Raises
    ------
    InputError
        If it is not called ``.h5ad``, is the slide's own source or a folder, or its folder is missing or may not be
        written to.
    """
    if target.suffix != ".h5ad":
        raise InputError(f"{target}: expected a file name that ends in .h5ad, found {target.name}; add the ending.")
    if target.is_dir():
        raise InputError(f"{target}: expected a file to write, found a folder of that name; choose another name.")
    if slide.source is not None and target.exists() and slide.source.exists() and target.samefile(slide.source):
        raise InputError(f"{target}: expected another file than the input, found the input; choose another name.")
    folder = target.parent
    if not folder.is_dir():
        raise InputError(f"{target}: expected an existing folder to write to, found none at {folder}; make it first.")
    if not os.access(folder, os.W_OK):
        raise InputError(f"{target}: expected a folder that you may write to, found that you may not; choose another.")


def check_size(slide: Slide) -> None:
    """Check, before long work, that a reconstruction of a slide can be opened once it is written.

    Raises
    ------
    InputError
        If a layer of the slide's spots and genes takes more than ``LARGEST_LAYER_BYTES``.
    """
    n_bytes = slide.n_spots * slide.n_genes * np.dtype(np.float32).itemsize
    if n_bytes > LARGEST_LAYER_BYTES:
        raise InputError(
            f"{slide.name}: expected layers of at most {LARGEST_LAYER_BYTES / 2**30:.0f} GiB to write the "
            f"reconstruction, found {slide.n_spots:,} spots x {slide.n_genes:,} genes ({n_bytes / 2**30:.0f} GiB); "
            "crop the section to fewer spots first, or save a file of fewer genes and reconstruct that."
        )


def _adata_of(slide: Slide) -> tuple[ad.AnnData, NDArray[np.intp]]:
    """Return the AnnData to write, and (G,) which of its columns holds each gene of the slide, -1 if none does."""
    if slide.source is None or not _holds_anndata(slide.source):
        return anndata_from_slide(slide), np.arange(slide.n_genes)
    with reading(slide.source, "an AnnData file (.h5ad)"):
        adata = ad.read_h5ad(slide.source)
    genes = adata.raw.var_names if slide.counts_from == "raw" else adata.var_names
    rows = adata.obs_names.astype(str).get_indexer(slide.spot_names.astype(object))
    if (rows < 0).any() or len(genes) != slide.n_genes:
        raise InputError(
            f"{slide.source.name}: expected the {slide.n_spots:,} spots and {slide.n_genes:,} genes that were read, "
            f"found {adata.n_obs:,} spots and {len(genes):,} genes; the file has changed: open it again."
        )
    if not np.array_equal(rows, np.arange(adata.n_obs)):
        adata = adata[rows].copy()
    return adata, adata.var_names.get_indexer(genes)


def _holds_anndata(source: Path) -> bool:
    """Return whether a slide's source is an AnnData file; only those keep what the slide does not.

    Raises
    ------
    InputError
        If the source is gone.
    """
    if not source.exists():
        raise InputError(
            f"{source}: expected the file that the section was read from, found it gone; "
            "put it back, since the output keeps what it holds."
        )
    if source.is_dir() or not h5py.is_hdf5(source):
        return False
    with hdf5_file(source, "an AnnData file (.h5ad)") as file:
        return is_anndata(file)


def _add_results(adata: ad.AnnData, lattice: Lattice, results: Results) -> None:
    adata.obs[LATTICE_ROW] = lattice.cell_of_spot[:, 0]
    adata.obs[LATTICE_COL] = lattice.cell_of_spot[:, 1]
    if results.mask is not None or results.reconstruction is not None:
        for key in (RECONSTRUCTION, UNCERTAINTY):  # of another mask
            adata.layers.pop(key, None)
    if results.mask is not None:
        adata.obs[MASK] = results.mask
    if results.scribbles is not None:
        adata.obs[SCRIBBLE] = _named(results.scribbles, results.scribble_names)
    if results.embedding is not None:
        adata.obsm[EMBEDDING] = results.embedding.astype(np.float32)
    if results.domains is not None:
        _add_domains(adata, results.domains, results)
    if results.provenance:
        adata.uns[PROVENANCE] = {**adata.uns.get(PROVENANCE, {}), **_plain(results.provenance)}


def _add_domains(adata: ad.AnnData, domains: NDArray[np.integer], results: Results) -> None:
    names = results.domain_names or tuple(str(number + 1) for number in range(int(domains.max(initial=-1)) + 1))
    adata.obs[DOMAIN] = _named(domains, names)
    adata.uns.pop(DOMAIN_COLORS, None)
    adata.obsm.pop(DOMAIN_PROBABILITY, None)
    if results.domain_colors:
        adata.uns[DOMAIN_COLORS] = np.array(results.domain_colors, dtype=object)
    if results.domain_probabilities is not None:
        adata.obsm[DOMAIN_PROBABILITY] = results.domain_probabilities.astype(np.float32)


def _named(codes: NDArray[np.integer], names: Sequence[str]) -> "pd.Categorical[str]":
    """Return (S,) codes as categories, -1 as missing; of several with one name, the later get a number."""
    distinct: list[str] = []
    for name in names:
        taken = (f"{name} ({number})" for number in count(2))
        distinct.append(name if name not in distinct else next(other for other in taken if other not in names))
    return pd.Categorical.from_codes(codes, categories=pd.Index(distinct))


def _add_layers(
    file: h5py.File,
    reconstruction: Reconstructed,
    shape: tuple[int, int],
    columns: NDArray[np.intp],
    *,
    name: str,
) -> None:
    """Append the two layers to a file; chunks without a prediction are not stored but read as NaN.

    Raises
    ------
    InputError
        If no predicted gene is among the file's.
    """
    columns_in_file = columns[reconstruction.columns]
    kept = columns_in_file >= 0
    if not kept.any():
        raise InputError(
            f"{name}: expected reconstructed genes among the {shape[1]:,} that the file's X holds, found none; "
            "reconstruct genes of X, or save a file whose X has them."
        )
    layers = file.require_group("layers")
    for key, values in ((RECONSTRUCTION, reconstruction.expected), (UNCERTAINTY, reconstruction.sd)):
        dataset = layers.create_dataset(
            key,
            shape,
            dtype=np.float32,
            fillvalue=np.nan,
            chunks=(min(_CHUNK_ROWS, shape[0]), min(_CHUNK_COLUMNS, shape[1])),
            **_COMPRESSION,
        )
        dataset.attrs.update({"encoding-type": "array", "encoding-version": "0.2.0"})
        _fill(dataset, reconstruction.spots, columns_in_file[kept], values[:, kept])


def _fill(
    dataset: h5py.Dataset, rows: NDArray[np.integer], columns: NDArray[np.intp], values: NDArray[np.float32]
) -> None:
    """Write (N, K) values at rows x columns, a block of chunks at a time, leaving blocks without a value alone."""
    for start in range(0, dataset.shape[0], _CHUNK_ROWS):
        stop = min(start + _CHUNK_ROWS, dataset.shape[0])
        inside = np.flatnonzero((rows >= start) & (rows < stop))
        if inside.size:
            block = np.full((stop - start, dataset.shape[1]), np.nan, dtype=np.float32)
            block[np.ix_(rows[inside] - start, columns)] = values[inside]
            dataset[start:stop] = block


def _plain(value: Any) -> Any:
    """Return a value that HDF5 can hold: mappings, lists, paths and numbers as anndata writes them, None left out."""
    if isinstance(value, Mapping):
        return {str(key).replace("/", "_"): _plain(item) for key, item in value.items() if item is not None}
    if isinstance(value, list | tuple):
        return np.array([str(item) if isinstance(item, Path) else item for item in value])
    return str(value) if isinstance(value, Path) else value


@contextmanager
def _file_of(target: Path) -> Iterator[h5py.File]:
    """Give an HDF5 file in memory that is written beside the target, and takes its place, once the block is left.

    In memory, since HDF5 cannot be told that a disk is full: it crashes the interpreter.

    Raises
    ------
    InputError
        Of what went wrong in writing; nothing is left behind.
    """
    try:
        image = BytesIO()
        with h5py.File(image, "w") as file:
            yield file
        with written_beside(target) as beside:
            beside.write_bytes(image.getbuffer())
    except (InputError, MemoryError):
        raise
    except Exception as error:  # the disk's, HDF5's and anndata's share no narrower class
        error.add_note(f"while writing {target}")
        raise InputError(
            f"{target}: expected to write the results there, found that it cannot be done "
            f"({type(error).__name__}: {str(error).splitlines()[0] if str(error) else 'no reason given'}); "
            "make room or choose another place."
        ) from error
