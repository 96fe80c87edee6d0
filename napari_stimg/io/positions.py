"""Space Ranger's table of spot positions, versions 1 to 3."""

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from napari_stimg.errors import InputError
from napari_stimg.io.opening import reading

COLUMNS = ("barcode", "in_tissue", "array_row", "array_col", "pxl_row_in_fullres", "pxl_col_in_fullres")
"""Space Ranger's columns, in their order; version 1 wrote no header."""

_NAMES = (
    "tissue_positions.parquet",
    "tissue_positions.csv",
    "tissue_positions_list.csv",
    "tissue_positions.csv.gz",
    "tissue_positions_list.csv.gz",
    "tissue_positions_list.txt",
)


def find_positions(folders: list[Path]) -> Path | None:
    """Return the first table of positions in these folders, or None."""
    return next((folder / name for folder in folders for name in _NAMES if (folder / name).exists()), None)


def read_positions(path: Path) -> pd.DataFrame:
    """Return a table indexed by barcode: ``in_tissue`` bool, array indices int64, places in pixels float64.

    Parameters
    ----------
    path : Path
        ``tissue_positions.csv`` (versions 2 and 3), ``tissue_positions_list.csv`` (version 1) or
        ``tissue_positions.parquet`` (Visium HD).

    Raises
    ------
    InputError
        If it is damaged, lacks a column, or repeats a barcode.
    """
    with reading(path, "Space Ranger's table of spot positions"):
        table = pq.read_table(path).to_pandas() if path.suffix == ".parquet" else _read_csv(path)
    missing = [column for column in COLUMNS if column not in table]
    if missing:
        raise InputError(
            f"{path.name}: expected the columns {', '.join(COLUMNS)}, found none called {', '.join(missing)}; "
            "give the table as Space Ranger writes it."
        )
    with reading(path, "Space Ranger's table of spot positions"):
        table = table.set_index("barcode")[list(COLUMNS[1:])].astype(
            {"in_tissue": np.int64, "array_row": np.int64, "array_col": np.int64}
            | dict.fromkeys(COLUMNS[4:], np.float64)
        )
    if table.index.has_duplicates:
        raise InputError(
            f"{path.name}: expected each barcode once, found {table.index.duplicated().sum():,} repeated; "
            "give the table of one section."
        )
    return table.assign(in_tissue=table["in_tissue"] == 1)


def _read_csv(path: Path) -> pd.DataFrame:
    head = pd.read_csv(path, nrows=1, header=None, dtype=str)
    if head.iloc[0, 0] == "barcode":
        return pd.read_csv(path, dtype={"barcode": str})
    table = pd.read_csv(path, header=None, dtype={0: str})
    return table.rename(columns=dict(enumerate(COLUMNS)))
