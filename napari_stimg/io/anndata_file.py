"""AnnData: read from ``.h5ad`` and from memory, and made from a slide."""

from functools import partial
from pathlib import Path
from typing import Any

import anndata as ad
import h5py
import numpy as np
import pandas as pd
import scipy.sparse as sp
from anndata.io import read_elem
from numpy.typing import NDArray

from napari_stimg.errors import InputError
from napari_stimg.io.anndata_parts import AnnDataParts, slide_from_parts
from napari_stimg.io.count_choice import CountCandidate
from napari_stimg.io.opening import hdf5_file, reading
from napari_stimg.io.pictures import picture_to_uns
from napari_stimg.keys import ARRAY_COL, ARRAY_ROW, COUNTS_LAYER, GENE_ID_COLUMNS, SPATIAL
from napari_stimg.slide import Slide

_BLOCK_BYTES = 2**26
"""A dense matrix is read in blocks of rows of about this size (64 MiB)."""

_COUNTS_LABEL = f'layers["{COUNTS_LAYER}"]'


def read_anndata_file(path: Path, *, section: str | None = None) -> Slide:
    """Read one section of an ``.h5ad`` file; only what a slide needs is read, and nothing is densified.

    Parameters
    ----------
    path : Path
        An AnnData file, version 0.7 or later.
    section : str or None
        Which section, where the file holds several.

    Raises
    ------
    InputError
        If it is not such a file, is damaged, or does not hold what :func:`slide_from_parts` needs.
    """
    with hdf5_file(path, "an AnnData file (.h5ad)") as file:
        return slide_from_parts(parts_of_store(file, path, name=path.stem), section=section)


def parts_of_store(group: Any, path: Path, *, name: str) -> AnnDataParts:
    """Return the parts of an AnnData on disk.

    Parameters
    ----------
    group : h5py.Group or zarr.Group
        Where the AnnData lies; matrices are read from it only when they are asked for.
    path : Path
        Its file or store, for messages and as the slide's source.

    Raises
    ------
    InputError
        If ``obs`` or ``var`` is missing or cannot be read.
    """
    missing = [key for key in ("obs", "var") if key not in group]
    if missing:
        raise InputError(
            f"{path.name}: expected an AnnData with obs and var, found {', '.join(sorted(group)) or 'nothing'}; "
            "give an .h5ad file as anndata writes it."
        )
    if not hasattr(group["obs"], "keys"):
        raise InputError(
            f"{path.name}: expected an AnnData file of version 0.7 or later, found an older one; "
            "open it with anndata and write it again."
        )
    with reading(path, "an AnnData"):
        obs, var = read_elem(group["obs"]), read_elem(group["var"])
        spatial = np.asarray(read_elem(group[f"obsm/{SPATIAL}"])) if f"obsm/{SPATIAL}" in group else None
        candidates = tuple(_candidates_of_store(group, var, path))
    obs.index, var.index = obs.index.astype(str), var.index.astype(str)
    return AnnDataParts(
        name=name,
        obs=obs,
        candidates=candidates,
        spatial=None if spatial is None else _as_floats(spatial, name=name),
        libraries=group[f"uns/{SPATIAL}"] if f"uns/{SPATIAL}" in group else None,
        load=partial(_load, path=path),
        source=path,
    )


def slide_from_anndata(adata: ad.AnnData, *, name: str, section: str | None = None) -> Slide:
    """Return the slide of an AnnData in memory; see :func:`read_anndata_file`.

    Raises
    ------
    InputError
        As of :func:`slide_from_parts`.
    """
    matrices: list[tuple[str, Any, pd.DataFrame]] = []
    if COUNTS_LAYER in adata.layers:
        matrices.append((_COUNTS_LABEL, adata.layers[COUNTS_LAYER], adata.var))
    if adata.raw is not None:
        matrices.append(("raw", adata.raw.X, adata.raw.var))
    if adata.X is not None:
        matrices.append(("X", adata.X, adata.var))
    candidates = [
        CountCandidate(label=label, load=partial(_as_csr, matrix, copy=True), var=var)
        for label, matrix, var in matrices
    ]
    spatial = _as_floats(np.asarray(adata.obsm[SPATIAL]), name=name) if SPATIAL in adata.obsm else None
    parts = AnnDataParts(
        name=name,
        obs=adata.obs,
        candidates=tuple(candidates),
        spatial=spatial,
        libraries=adata.uns.get(SPATIAL),
    )
    return slide_from_parts(parts, section=section)


def anndata_from_slide(slide: Slide) -> ad.AnnData:
    """Return an AnnData that :func:`slide_from_anndata` reads to the same slide.

    ``X`` holds the counts (``log1p`` of them if the slide's source was logged), ``obsm["spatial"]`` the places as
    (x, y), ``uns["spatial"]`` the picture and the scale.
    """
    obs = slide.obs.copy() if len(slide.obs) else pd.DataFrame(index=pd.Index(slide.spot_names, dtype=object))
    obs.index = pd.Index(slide.spot_names.astype(object))
    if slide.array_indices is not None:
        obs[ARRAY_ROW], obs[ARRAY_COL] = slide.array_indices[:, 0], slide.array_indices[:, 1]
    var = pd.DataFrame(index=pd.Index(slide.gene_names.astype(object)))
    if slide.gene_ids is not None:
        var[GENE_ID_COLUMNS[0]] = slide.gene_ids.astype(object)
    adata = ad.AnnData(X=slide.counts.log1p() if slide.logged else slide.counts.copy(), obs=obs, var=var)
    adata.obsm[SPATIAL] = slide.places[:, ::-1].copy()
    libraries = picture_to_uns(slide.histology, slide.um_per_place, name=slide.name)
    if libraries:
        adata.uns[SPATIAL] = libraries
    return adata


def _candidates_of_store(group: Any, var: pd.DataFrame, path: Path) -> list[CountCandidate]:
    found = [(_COUNTS_LABEL, f"layers/{COUNTS_LAYER}", var), ("X", "X", var)]
    if "raw/X" in group and "raw/var" in group:
        found.insert(1, ("raw", "raw/X", read_elem(group["raw/var"])))
    return [
        CountCandidate(label=label, load=partial(_read_csr, group[key], path), var=genes)
        for label, key, genes in found
        if key in group
    ]


def _read_csr(element: Any, path: Path) -> sp.csr_matrix:
    """Return a matrix on disk, sparse or dense, as CSR float32 without ever holding it dense."""
    with reading(path, "an AnnData"):
        if hasattr(element, "keys"):
            matrix = _as_csr(read_elem(element))
            matrix.check_format(full_check=True)
            return matrix
        n_rows = max(1, _BLOCK_BYTES // max(1, element.shape[1] * element.dtype.itemsize))
        blocks = [_as_csr(element[start : start + n_rows]) for start in range(0, element.shape[0], n_rows)]
        return sp.csr_matrix(sp.vstack(blocks, format="csr")) if blocks else sp.csr_matrix(element.shape, dtype="f4")


def _as_csr(matrix: Any, *, copy: bool = False) -> sp.csr_matrix:
    """Return any (S, G) matrix as a canonical CSR matrix of float32; unless a copy, it may be changed for that."""
    csr = sp.csr_matrix(matrix, dtype=np.float32, copy=copy)
    csr.sum_duplicates()
    return csr


def _as_floats(spatial: NDArray[Any], *, name: str) -> NDArray[np.float64]:
    try:
        return spatial.astype(np.float64)
    except (TypeError, ValueError) as error:
        error.add_note(f'while reading obsm["{SPATIAL}"] of {name}')
        raise InputError(
            f'{name}: expected numbers in obsm["{SPATIAL}"], found {spatial.dtype}; give (x, y) for every spot.'
        ) from error


def _load(value: Any, path: Path) -> Any:
    with reading(path, "an AnnData"):
        return read_elem(value)


def is_anndata(file: h5py.File) -> bool:
    """Return whether an HDF5 file is an AnnData by what it contains."""
    return "obs" in file and "var" in file
