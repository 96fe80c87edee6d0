"""A small section with known counts, written as the instruments' software writes it."""

import gzip
import json
from dataclasses import dataclass
from pathlib import Path

import anndata as ad
import h5py
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import scipy.io
import scipy.sparse as sp
from numpy.typing import NDArray
from PIL import Image

PITCH_PX = 137.0
"""Pixels from one Visium spot to the next."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Truth:
    """A section of S spots and G genes.

    ``counts`` (S, G) int, ``barcodes`` (S,), ``symbols`` and ``gene_ids`` (G,), ``array_indices`` (S, 2) and ``places``
    (S, 2) pixels, both (row, col).
    """

    counts: NDArray[np.int64]
    barcodes: NDArray[np.str_]
    symbols: NDArray[np.str_]
    gene_ids: NDArray[np.str_]
    array_indices: NDArray[np.int64]
    places: NDArray[np.float64]


def hexagonal_truth(n_rows: int = 5, n_cols: int = 4, n_genes: int = 7, seed: int = 0) -> Truth:
    """Return a section on Visium's array: columns step by two, odd rows are shifted by one."""
    row, col = np.divmod(np.arange(n_rows * n_cols), n_cols)
    indices = np.column_stack([row, 2 * col + row % 2])
    places = indices * np.array([np.sqrt(3) / 2, 0.5]) * PITCH_PX + [300.0, 200.0]
    return _truth(indices, places, n_genes, seed)


def square_truth(n_rows: int = 4, n_cols: int = 6, n_genes: int = 7, step: float = 29.0, seed: int = 0) -> Truth:
    """Return a section on a square array, as Visium HD's bins and legacy ST's spots."""
    indices = np.column_stack(np.divmod(np.arange(n_rows * n_cols), n_cols)) + np.array([3, 8])
    return _truth(indices, indices * step + 100.0, n_genes, seed)


def _truth(indices: NDArray[np.int64], places: NDArray[np.float64], n_genes: int, seed: int) -> Truth:
    n_spots = len(indices)
    return Truth(
        counts=np.random.default_rng(seed).poisson(1.5, (n_spots, n_genes)),
        barcodes=np.array([f"{'ACGT'[i % 4]}{i:04d}-1" for i in range(n_spots)]),
        symbols=np.array([f"Gene{i}" for i in range(n_genes)]),
        gene_ids=np.array([f"ENSG{i:011d}" for i in range(n_genes)]),
        array_indices=indices,
        places=places,
    )


def anndata_of(truth: Truth) -> ad.AnnData:
    """Return the section as scanpy holds it."""
    obs = pd.DataFrame({"array_row": truth.array_indices[:, 0], "array_col": truth.array_indices[:, 1]})
    obs.index = pd.Index(truth.barcodes.astype(object))
    var = pd.DataFrame({"gene_ids": truth.gene_ids.astype(object)}, index=pd.Index(truth.symbols.astype(object)))
    adata = ad.AnnData(X=sp.csr_matrix(truth.counts.astype(np.float32)), obs=obs, var=var)
    adata.obsm["spatial"] = truth.places[:, ::-1].copy()
    return adata


def write_tenx_h5(path: Path, truth: Truth, *, kinds: list[str] | None = None) -> Path:
    """Write Cell Ranger 3's matrix: features by barcodes, compressed by barcode."""
    matrix = sp.csc_matrix(truth.counts.T.astype(np.int32))
    with h5py.File(path, "w") as file:
        group = file.create_group("matrix")
        _write_csc(group, matrix, truth.barcodes)
        features = group.create_group("features")
        features["id"], features["name"] = truth.gene_ids.astype("S"), truth.symbols.astype("S")
        features["feature_type"] = np.array(kinds or ["Gene Expression"] * len(truth.symbols), dtype="S")
        features["genome"] = np.array(["GRCh38"] * len(truth.symbols), dtype="S")
    return path


def write_legacy_tenx_h5(path: Path, truth: Truth, *, genomes: tuple[str, ...] = ("GRCh38",)) -> Path:
    """Write Cell Ranger 2's matrix: one group a genome."""
    with h5py.File(path, "w") as file:
        for genome in genomes:
            group = file.create_group(genome)
            _write_csc(group, sp.csc_matrix(truth.counts.T.astype(np.int32)), truth.barcodes)
            group["genes"], group["gene_names"] = truth.gene_ids.astype("S"), truth.symbols.astype("S")
    return path


def _write_csc(group: h5py.Group, matrix: sp.csc_matrix, barcodes: NDArray[np.str_]) -> None:
    group["barcodes"], group["shape"] = barcodes.astype("S"), np.array(matrix.shape, dtype=np.int32)
    group["data"], group["indices"], group["indptr"] = matrix.data, matrix.indices.astype(np.int64), matrix.indptr


def write_tenx_folder(folder: Path, truth: Truth, *, zipped: bool = True) -> Path:
    """Write Cell Ranger 3's folder of gzipped tables, or Cell Ranger 2's of plain ones."""
    folder.mkdir(parents=True)
    ending, opener = (".gz", gzip.open) if zipped else ("", open)
    with opener(folder / f"matrix.mtx{ending}", "wb") as file:
        scipy.io.mmwrite(file, sp.coo_matrix(truth.counts.T))
    columns = [truth.gene_ids, truth.symbols] + ([np.full(len(truth.symbols), "Gene Expression")] if zipped else [])
    features = pd.DataFrame(np.column_stack(columns))
    name = "features.tsv.gz" if zipped else "genes.tsv"
    features.to_csv(folder / name, sep="\t", header=False, index=False)
    pd.Series(truth.barcodes).to_csv(folder / f"barcodes.tsv{ending}", header=False, index=False)
    return folder


def positions_of(truth: Truth, *, off_tissue: tuple[int, ...] = ()) -> pd.DataFrame:
    """Return Space Ranger's table of positions, in another order than the matrix, with one barcode more."""
    table = pd.DataFrame(
        {
            "barcode": truth.barcodes,
            "in_tissue": [0 if spot in off_tissue else 1 for spot in range(len(truth.barcodes))],
            "array_row": truth.array_indices[:, 0],
            "array_col": truth.array_indices[:, 1],
            "pxl_row_in_fullres": truth.places[:, 0],
            "pxl_col_in_fullres": truth.places[:, 1],
        }
    )
    empty = pd.DataFrame([["NOTHING-1", 0, 70, 70, 9000.0, 9000.0]], columns=table.columns)
    return pd.concat([empty, table.iloc[::-1]], ignore_index=True)


def write_positions(spatial: Path, table: pd.DataFrame, *, version: int = 2) -> Path:
    """Write positions as Space Ranger 1 (no header), 2 (header) or 3 for Visium HD (parquet) does."""
    spatial.mkdir(parents=True, exist_ok=True)
    if version == 1:
        table.to_csv(spatial / "tissue_positions_list.csv", header=False, index=False)
        return spatial / "tissue_positions_list.csv"
    if version == 2:
        table.to_csv(spatial / "tissue_positions.csv", index=False)
        return spatial / "tissue_positions.csv"
    pq.write_table(pa.Table.from_pandas(table, preserve_index=False), spatial / "tissue_positions.parquet")
    return spatial / "tissue_positions.parquet"


def write_pictures(spatial: Path, **factors: float) -> None:
    """Write a red high-resolution picture of 40 x 50 and a blue low-resolution one of 12 x 15, and the factors."""
    spatial.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (50, 40), (200, 0, 0)).save(spatial / "tissue_hires_image.png")
    Image.new("RGB", (15, 12), (0, 0, 200)).save(spatial / "tissue_lowres_image.png")
    known = {"tissue_hires_scalef": 0.1, "tissue_lowres_scalef": 0.03, "spot_diameter_fullres": 96.0} | factors
    (spatial / "scalefactors_json.json").write_text(json.dumps(known), encoding="utf-8")


def write_visium(outs: Path, truth: Truth, *, version: int = 2, off_tissue: tuple[int, ...] = ()) -> Path:
    """Write an ``outs`` folder of Visium."""
    outs.mkdir(parents=True)
    write_tenx_h5(outs / "filtered_feature_bc_matrix.h5", truth)
    write_positions(outs / "spatial", positions_of(truth, off_tissue=off_tissue), version=version)
    write_pictures(outs / "spatial")
    return outs


def write_visium_hd(outs: Path, truths: dict[str, Truth]) -> Path:
    """Write an ``outs`` folder of Visium HD, one truth a bin size."""
    for name, truth in truths.items():
        folder = outs / "binned_outputs" / name
        folder.mkdir(parents=True)
        write_tenx_h5(folder / "filtered_feature_bc_matrix.h5", truth)
        write_positions(folder / "spatial", positions_of(truth), version=3)
        write_pictures(folder / "spatial", microns_per_pixel=0.2738)
    return outs


def write_legacy_st(path: Path, truth: Truth, *, corner: bool = True, genes_in_rows: bool = False) -> Path:
    """Write a legacy ST table: spots ``xXy``, x the array's column and y its row."""
    spots = [f"{col}x{row}" for row, col in truth.array_indices]
    table = pd.DataFrame(truth.counts, index=spots, columns=truth.symbols)
    table = table.T if genes_in_rows else table
    text = table.to_csv(sep="\t")
    with gzip.open(path, "wt") if path.suffix == ".gz" else path.open("w") as file:
        file.write(text if corner else text.removeprefix("\t"))
    return path


def write_selection(path: Path, truth: Truth, *, unselected: tuple[int, ...] = ()) -> Path:
    """Write the selection file of a legacy ST table."""
    rows, cols = truth.array_indices.T
    table = pd.DataFrame({"x": cols, "y": rows, "new_x": cols + 0.02, "new_y": rows - 0.03})
    table["pixel_x"], table["pixel_y"] = truth.places[:, 1], truth.places[:, 0]
    table["selected"] = [0 if spot in unselected else 1 for spot in range(len(rows))]
    table.to_csv(path, sep="\t", index=False)
    return path
