"""A shard: one section's counts, places and labels in an ordinary ``.npz`` file.

Numbers that are mostly small are kept in planes of bytes, the lowest first, which compress best.
"""

import io
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from napari_stimg.errors import InputError
from napari_stimg.labels import label_columns
from napari_stimg.lattice import Lattice, LatticeKind, find_lattice
from napari_stimg.slide import Slide

LABEL_COLUMNS = ("layer", "region", "cell_type")
"""Columns of ``obs`` that are packed; for validation, never for training."""

Compression = Literal["lzma", "deflate"]

METHODS: dict[Compression, int] = {"lzma": zipfile.ZIP_LZMA, "deflate": zipfile.ZIP_DEFLATED}
"""LZMA is a fifth smaller, deflate ten times faster."""

_EPOCH = (1980, 1, 1, 0, 0, 0)
"""The earliest time that a zip file can hold; a shard says nothing of when it was made."""

_UNIX = 3
"""The system that a zip file says it was made on, the same on all."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Encoded:
    """A section ready to be packed, but for the ids of its genes.

    Parameters
    ----------
    name : str
        Of the slide.
    lattice : dict
        Its kind, shape, pitch, pitch_um and found_by.
    gene_names, ensembl_ids : G str each
        Its genes in the order of its file; ids are empty where there is none.
    column_of_gene : (G,) int
        The column of the shard that holds each of those genes.
    spots, cells, nnz, counts : int
        As in ``Entry``.
    labels, notes : tuple of str
        Label columns that it has; what a user should know.
    archive : bytes
        The shard without ``ids``.
    compression : {"lzma", "deflate"}
        Of its arrays.
    """

    name: str
    lattice: dict[str, Any]
    gene_names: list[str]
    ensembl_ids: list[str]
    column_of_gene: NDArray[np.intp]
    spots: int
    cells: int
    nnz: int
    counts: int
    labels: tuple[str, ...]
    notes: tuple[str, ...]
    archive: bytes
    compression: Compression


def encode(slide: Slide, *, compression: Compression = "lzma") -> Encoded:
    """Return a slide as it is packed: rows in the order of its lattice's cells, genes by descending detection.

    Parameters
    ----------
    slide : Slide
        A section with counts.
    compression : {"lzma", "deflate"}
        How its arrays are compressed.

    Raises
    ------
    InputError
        If the slide holds logged values instead of counts, or nothing was counted.
    """
    if slide.logged:
        raise InputError(
            f"{slide.name}: expected integer counts to train on, found only logged values ({slide.counts_from}); "
            'give a file with raw counts in layers["counts"], raw or X.'
        )
    if not slide.counts.data.any():
        raise InputError(f"{slide.name}: expected at least one count, found none; choose a file with counts.")
    lattice = find_lattice(slide)
    rows = np.argsort(lattice.token_of_spot, kind="stable")
    counts, columns = _by_detection(slide.counts[rows])
    labels = [found for found in label_columns(slide) if found.key in LABEL_COLUMNS]
    arrays: dict[str, NDArray[Any]] = {
        "row_lengths": _narrow(np.diff(counts.indptr)),
        "gaps": to_planes(_gaps(counts)),
        "counts": to_planes(counts.data),
        "cells": _narrow(lattice.cell_of_spot[rows]),
        "positions": _positions(slide, lattice)[rows],
    }
    for column in labels:
        arrays[f"label_{column.key}"] = column.codes[rows].astype(np.int16)
        arrays[f"names_{column.key}"] = np.array(column.names)
    return Encoded(
        name=slide.name,
        lattice={
            "kind": str(lattice.kind),
            "shape": lattice.shape,
            "pitch": lattice.pitch,
            "pitch_um": lattice.pitch_um,
            "found_by": lattice.found_by,
        },
        gene_names=slide.gene_names.tolist(),
        ensembl_ids=[""] * slide.n_genes if slide.gene_ids is None else slide.gene_ids.tolist(),
        column_of_gene=np.argsort(columns),
        spots=slide.n_spots,
        cells=len(lattice.occupied),
        nnz=counts.nnz,
        counts=int(counts.data.sum(dtype=np.float64)),
        labels=tuple(column.key for column in labels),
        notes=slide.notes,
        archive=_archive(arrays, compression),
        compression=compression,
    )


def with_ids(encoded: Encoded, ids: NDArray[np.int32]) -> bytes:
    """Return the whole shard, given the (G,) ids of the section's genes in the order of its file."""
    by_column = np.empty_like(ids)
    by_column[encoded.column_of_gene] = ids
    shard = io.BytesIO(encoded.archive)
    shard.seek(0, io.SEEK_END)
    with zipfile.ZipFile(shard, "a") as archive:
        _write_array(archive, "ids", by_column, encoded.compression)
    return shard.getvalue()


@dataclass(frozen=True, kw_only=True, eq=False)
class Shard:
    """What a shard holds, decoded.

    Parameters
    ----------
    counts : (S, G) CSR float32
        Counts; spots that share a cell follow each other, genes descend by the spots that they were counted in.
    cells : (S, 2) int32
        (row, col) of each spot's cell, in row-major order.
    positions : (S, 2) float64
        (row, col) of each spot in pitches; those of regular lattices have the precision of float32.
    ids : (G,) int64
        Each gene's index in the vocabulary, -1 where an earlier column has it.
    labels : dict of str to (S,) str
        Labels by their column of ``obs``, "" = none.
    """

    counts: sp.csr_matrix
    cells: NDArray[np.int32]
    positions: NDArray[np.float64]
    ids: NDArray[np.int64]
    labels: dict[str, NDArray[np.str_]]


def decode(shard: bytes) -> Shard:
    """Return what the bytes of a shard hold."""
    with np.load(io.BytesIO(shard)) as arrays:
        ids = arrays["ids"].astype(np.int64)
        indptr = np.concatenate([[0], np.cumsum(arrays["row_lengths"], dtype=np.int64)])
        columns = _columns(from_planes(arrays["gaps"]), indptr)
        values = from_planes(arrays["counts"]).astype(np.float32)
        keys = [key.removeprefix("label_") for key in arrays.files if key.startswith("label_")]
        return Shard(
            counts=sp.csr_matrix((values, columns, indptr), shape=(len(indptr) - 1, len(ids))),
            cells=arrays["cells"].astype(np.int32),
            positions=arrays["positions"].astype(np.float64),
            ids=ids,
            labels={key: _label_texts(arrays[f"names_{key}"], arrays[f"label_{key}"]) for key in keys},
        )


def to_planes(values: NDArray[Any]) -> NDArray[np.uint8]:
    """Return (N,) whole numbers >= 0 as (1, 2, 4 or 8, N) planes of bytes, the lowest first."""
    narrow = _narrow(values)
    width = narrow.dtype.itemsize
    little = narrow.astype(narrow.dtype.newbyteorder("<"), copy=False)
    return np.ascontiguousarray(little.view(np.uint8).reshape(-1, width).T)


def from_planes(planes: NDArray[np.uint8]) -> NDArray[np.unsignedinteger[Any]]:
    """Return the (N,) numbers that planes of bytes stand for."""
    return np.ascontiguousarray(planes.T).view(f"<u{len(planes)}").ravel()


def _narrow(values: NDArray[Any]) -> NDArray[np.unsignedinteger[Any]]:
    """Return whole numbers >= 0 in the smallest unsigned type that holds them."""
    return values.astype(np.min_scalar_type(int(values.max(initial=0))))


def _by_detection(counts: sp.csr_matrix) -> tuple[sp.csr_matrix, NDArray[np.intp]]:
    """Return (S, G) counts > 0 with genes in the order of the spots they were counted in, and their old columns."""
    counts = counts.copy()
    counts.sum_duplicates()
    counts.eliminate_zeros()
    detected = np.bincount(counts.indices, minlength=counts.shape[1])
    columns = np.argsort(-detected, kind="stable")
    ordered = sp.csr_matrix(
        (counts.data, np.argsort(columns).astype(np.int32)[counts.indices], counts.indptr), shape=counts.shape
    )
    ordered.sort_indices()
    return ordered, columns


def _gaps(counts: sp.csr_matrix) -> NDArray[np.uint32]:
    """Return (nnz,) columns that are passed over before each entry, from the one before it in its row."""
    columns = counts.indices.astype(np.uint32)
    gaps = columns - 1
    gaps[1:] -= columns[:-1]
    first = counts.indptr[:-1][np.diff(counts.indptr) > 0]
    gaps[first] = columns[first]
    return gaps


def _columns(gaps: NDArray[np.unsignedinteger[Any]], indptr: NDArray[np.int64]) -> NDArray[np.int32]:
    """Return (nnz,) columns of the entries of rows, given the columns passed over before each.

    Sums run on over all rows, and are taken modulo 2**32: their differences within a row are exact.
    """
    after = np.cumsum(gaps.astype(np.uint32) + np.uint32(1), dtype=np.uint32)
    before_row = np.concatenate([np.zeros(1, dtype=np.uint32), after])[indptr[:-1]]
    columns: NDArray[np.uint32] = after - np.repeat(before_row, np.diff(indptr)) - np.uint32(1)
    return columns.astype(np.int32)


def _positions(slide: Slide, lattice: Lattice) -> NDArray[np.floating]:
    """Return (S, 2) positions in pitches, of irregular spots as exact as their places, so that they raster alike."""
    if lattice.kind is not LatticeKind.IRREGULAR:
        return lattice.positions
    positions: NDArray[np.float64] = (slide.places - slide.places.min(axis=0)) / lattice.pitch
    return positions


def _label_texts(names: NDArray[np.str_], codes: NDArray[np.int16]) -> NDArray[np.str_]:
    """Return each spot's label; the code -1 takes the last of the names, which is empty."""
    return np.append(names, "")[codes]


def _archive(arrays: Mapping[str, NDArray[Any]], compression: Compression) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, array in arrays.items():
            _write_array(archive, name, array, compression)
    return file.getvalue()


def _write_array(archive: zipfile.ZipFile, name: str, array: NDArray[Any], compression: Compression) -> None:
    """Add an array as ``numpy.savez`` does, but the same bytes whenever and wherever it is done."""
    member = zipfile.ZipInfo(f"{name}.npy", date_time=_EPOCH)
    member.create_system = _UNIX
    member.compress_type = METHODS[compression]
    content = io.BytesIO()
    np.lib.format.write_array(content, array, allow_pickle=False)
    archive.writestr(member, content.getvalue())
