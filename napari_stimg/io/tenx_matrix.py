"""10x count matrices: HDF5 of Cell Ranger 2 and 3 and later, and Matrix Market folders of both."""

from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import scipy.io
import scipy.sparse as sp
from numpy.typing import NDArray

from napari_stimg.errors import InputError
from napari_stimg.io.genes import unique_symbols
from napari_stimg.io.opening import hdf5_file, reading

GENE_EXPRESSION = "Gene Expression"
"""10x's feature type of genes; other types (antibodies, probes of controls) are not read."""


@dataclass(frozen=True, kw_only=True, eq=False)
class TenxMatrix:
    """Counts as 10x's pipelines write them.

    Parameters
    ----------
    counts : (B, G) CSR matrix, float32
        One row a barcode.
    barcodes : (B,) str
        The barcodes.
    gene_names, gene_ids : (G,) str
        Symbols, made unique, and Ensembl ids.
    notes : tuple of str
        What was changed or left out.
    """

    counts: sp.csr_matrix
    barcodes: NDArray[np.str_]
    gene_names: NDArray[np.str_]
    gene_ids: NDArray[np.str_]
    notes: tuple[str, ...] = ()


def read_tenx_h5(path: Path) -> TenxMatrix:
    """Read ``filtered_feature_bc_matrix.h5`` or its like, of Cell Ranger 3 and later or of version 2.

    Raises
    ------
    InputError
        If it is no such file, damaged, or of several genomes (version 2), or holds no genes.
    """
    with hdf5_file(path, "10x Genomics' matrix (.h5)") as file:
        group = _group_of_matrix(file, path)
        with reading(path, "10x Genomics' matrix (.h5)"):
            return _read_group(group)


def is_tenx_h5(file: h5py.File) -> bool:
    """Return whether an HDF5 file is a 10x matrix by what it contains."""
    return bool(_groups_of_matrix(file))


def read_tenx_folder(folder: Path) -> TenxMatrix:
    """Read a folder of ``matrix.mtx``, ``barcodes.tsv`` and ``features.tsv`` (or ``genes.tsv``), gzipped or not.

    Raises
    ------
    InputError
        If one of the three is missing or damaged, or they do not belong together, or there are no genes.
    """
    features_path = _first_of(folder, "features.tsv", "genes.tsv")
    barcodes_path, matrix_path = _first_of(folder, "barcodes.tsv"), _first_of(folder, "matrix.mtx")
    with reading(features_path, "a table of genes"):
        features = pd.read_csv(features_path, sep="\t", header=None, dtype=str, keep_default_na=False, quoting=3)
    with reading(barcodes_path, "a table of barcodes"):
        barcodes = pd.read_csv(barcodes_path, sep="\t", header=None, dtype=str, keep_default_na=False)
    with reading(matrix_path, "counts in Matrix Market format"):
        counts = sp.csr_matrix(scipy.io.mmread(str(matrix_path)).T, dtype=np.float32)
    if counts.shape != (len(barcodes), len(features)):
        raise InputError(
            f"{folder.name}: expected {matrix_path.name} of {len(features):,} genes and {len(barcodes):,} barcodes, "
            f"found {counts.shape[1]:,} and {counts.shape[0]:,}; the folder's files do not belong together."
        )
    n_columns = features.shape[1]
    kinds = features[2] if n_columns > 2 else pd.Series(GENE_EXPRESSION, index=features.index)
    return _genes_only(
        counts,
        barcodes=barcodes[0].to_numpy(dtype=np.str_),
        symbols=features[min(1, n_columns - 1)].to_numpy(dtype=np.str_),
        ids=features[0].to_numpy(dtype=np.str_),
        kinds=kinds.to_numpy(dtype=np.str_),
    )


def is_tenx_folder(folder: Path) -> bool:
    """Return whether a folder holds a matrix in Matrix Market format."""
    return any((folder / name).exists() for name in ("matrix.mtx", "matrix.mtx.gz"))


def _groups_of_matrix(file: h5py.File) -> list[str]:
    """Return the groups with a matrix: ``matrix`` (version 3 and later), or one a genome (version 2)."""
    return [name for name in file if isinstance(file[name], h5py.Group) and "barcodes" in file[name]]


def _group_of_matrix(file: h5py.File, path: Path) -> h5py.Group:
    groups = _groups_of_matrix(file)
    if not groups:
        raise InputError(
            f"{path.name}: expected 10x Genomics' matrix (.h5), found an HDF5 file with "
            f"{', '.join(sorted(file)[:5]) or 'nothing in it'}; give filtered_feature_bc_matrix.h5."
        )
    if len(groups) > 1:
        raise InputError(
            f"{path.name}: expected the matrix of one genome, found {', '.join(groups)}; "
            "give a file that was made with one reference."
        )
    return file[groups[0]]


def _read_group(group: h5py.Group) -> TenxMatrix:
    n_genes, n_barcodes = (int(length) for length in group["shape"][:])
    parts = (group["data"][:].astype(np.float32), group["indices"][:], group["indptr"][:])
    counts = sp.csr_matrix(parts, shape=(n_barcodes, n_genes))
    counts.check_format(full_check=True)
    counts.sum_duplicates()
    if "features" in group:
        features = group["features"]
        symbols, ids, kinds = (_strings(features[key]) for key in ("name", "id", "feature_type"))
    else:
        symbols, ids = _strings(group["gene_names"]), _strings(group["genes"])
        kinds = np.full(n_genes, GENE_EXPRESSION)
    return _genes_only(counts, barcodes=_strings(group["barcodes"]), symbols=symbols, ids=ids, kinds=kinds)


def _genes_only(
    counts: sp.csr_matrix,
    *,
    barcodes: NDArray[np.str_],
    symbols: NDArray[np.str_],
    ids: NDArray[np.str_],
    kinds: NDArray[np.str_],
) -> TenxMatrix:
    genes = kinds == GENE_EXPRESSION
    names, n_repeated = unique_symbols(symbols[genes], ids[genes])
    notes = []
    if n_repeated:
        notes.append(f"{n_repeated:,} genes share their symbol with another and are named symbol_id.")
    if not genes.all():
        others = ", ".join(np.unique(kinds[~genes]))
        notes.append(f"{np.sum(~genes):,} features that are not genes ({others}) are left out.")
    return TenxMatrix(
        counts=counts if genes.all() else sp.csr_matrix(counts[:, genes]),
        barcodes=barcodes,
        gene_names=names,
        gene_ids=ids[genes],
        notes=tuple(notes),
    )


def _strings(dataset: h5py.Dataset) -> NDArray[np.str_]:
    return np.array([value.decode() if isinstance(value, bytes) else str(value) for value in dataset[:]], dtype=np.str_)


def _first_of(folder: Path, *names: str) -> Path:
    for name in names:
        for path in (folder / f"{name}.gz", folder / name):
            if path.exists():
                return path
    raise InputError(
        f"{folder.name}: expected {' or '.join(names)} (or .gz) beside the other tables of the matrix, found none; "
        "copy the whole folder."
    )
