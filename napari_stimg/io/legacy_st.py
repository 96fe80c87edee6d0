"""Count tables of legacy ST (``.tsv``, ``.tsv.gz``), whose spots are named by their place: ``ROWxCOL``."""

import gzip
import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import scipy.sparse as sp
from numpy.typing import NDArray

from napari_stimg.errors import InputError
from napari_stimg.io.opening import reading
from napari_stimg.io.scale import um_per_place_of_legacy_st
from napari_stimg.slide import Slide

_SPOT_NAME = re.compile(r"^X?(\d+(?:\.\d+)?)[xX_](\d+(?:\.\d+)?)$")
"""``10x13``, ``16.92x9.015`` and (R's way) ``X10x13``: x, the array's column, then y, its row."""

_ROWS_A_BLOCK = 256

_UNLABELLED = ("", "undetermined")
"""What her2st's pathologists wrote where they gave no label."""


def read_legacy_st(path: Path) -> Slide:
    """Read a table of counts, spots by genes or genes by spots, with what lies beside it.

    ``KEY_selection.tsv`` gives the places in pixels and which spots lie in the tissue, ``KEY_labeled_coordinates.tsv``
    the labels, where KEY is the table's name without its ending and without ``ST-cnts_`` (both also in the folders
    ``ST-spotfiles`` and ``ST-pat/lbl`` beside the table's, as her2st published them). Without a selection the places
    are the array's own steps.

    Raises
    ------
    InputError
        If the table is damaged, its spots are not named by their places, or a value is not a number.
    """
    counts, xy, spot_names, gene_names = _read_table(path)
    name = _key_of(path, strip_prefix=False)
    indices = np.rint(xy[:, ::-1]).astype(np.int64)
    obs = pd.DataFrame(index=pd.Index(spot_names.astype(object)))
    labels = _beside(path, "labeled_coordinates.tsv", "ST-pat/lbl")
    if labels is not None:
        obs["label"] = _labels_of(labels, indices)
    places, kept, notes = _places_of(path, xy, indices, name=name)
    indices = indices[kept]
    on_array = len(np.unique(indices, axis=0)) == len(indices)
    return Slide(
        name=name,
        counts=sp.csr_matrix(counts[kept]),
        places=places[kept],
        spot_names=spot_names[kept],
        gene_names=gene_names,
        array_indices=indices if on_array else None,
        obs=obs[kept],
        um_per_place=um_per_place_of_legacy_st(places[kept], indices) if on_array else None,
        counts_from=path.name,
        source=path,
        notes=notes,
    )


def _read_table(path: Path) -> tuple[sp.csr_matrix, NDArray[np.float64], NDArray[np.str_], NDArray[np.str_]]:
    """Return counts (S, G), the spots' (x, y), spot names and gene names of a table that lies either way."""
    columns, rows, counts = _read_blocks(path)
    xy = _places_in_names(rows)
    if xy is not None:
        return counts, xy, rows, columns
    xy = _places_in_names(columns)
    if xy is not None:
        return sp.csr_matrix(counts.T), xy, columns, rows
    raise InputError(
        f"{path.name}: expected a count table whose spots are named by their place (10x13), found rows such as "
        f"{rows[0] if rows.size else 'none'} and columns such as {columns[0] if columns.size else 'none'}; "
        "give a legacy ST count table, or another format."
    )


def _read_blocks(path: Path) -> tuple[NDArray[np.str_], NDArray[np.str_], sp.csr_matrix]:
    """Return column names, row names and values, read a block of rows at a time."""
    with reading(path, "a tab-separated count table"), _text(path) as lines:
        header = lines.readline().rstrip("\r\n").replace('"', "").split("\t")
        names: list[str] = []
        blocks: list[sp.csr_matrix] = []
        read = partial(pd.read_csv, lines, sep="\t", header=None, dtype={0: str}, keep_default_na=False)
        for block in read(chunksize=_ROWS_A_BLOCK):
            names.extend(block[0].str.strip('"'))
            blocks.append(sp.csr_matrix(_numbers(block.iloc[:, 1:], path)))
    counts = sp.csr_matrix(sp.vstack(blocks, format="csr"))
    columns = header[len(header) - counts.shape[1] :]
    if len(header) not in (counts.shape[1], counts.shape[1] + 1):
        raise InputError(
            f"{path.name}: expected as many names in the first line as columns ({counts.shape[1]:,}), "
            f"found {len(header):,}; the table may be cut short."
        )
    return np.array(columns, dtype=np.str_), np.array(names, dtype=np.str_), counts


def _numbers(block: pd.DataFrame, path: Path) -> NDArray[np.float32]:
    try:
        return block.to_numpy(dtype=np.float32)
    except ValueError as error:
        error.add_note(f"while reading {path}")
        raise InputError(
            f"{path.name}: expected a number in every cell of the count table, found one that is none "
            f"({str(error).splitlines()[0]}); mend that cell, or copy the file again."
        ) from error


def _places_in_names(names: NDArray[np.str_]) -> NDArray[np.float64] | None:
    """Return (S, 2) the (x, y) that the names tell, or None if one tells none."""
    matches = [_SPOT_NAME.match(name) for name in names]
    found = [match.groups() for match in matches if match is not None]
    return np.array(found, dtype=np.float64) if found and len(found) == len(names) else None


def _places_of(
    path: Path, xy: NDArray[np.float64], indices: NDArray[np.int64], *, name: str
) -> tuple[NDArray[np.float64], NDArray[np.bool_], tuple[str, ...]]:
    """Return (S, 2) places (row, col), (S,) which spots lie in the tissue, and notes.

    Places are pixels where a selection lies beside the table, else the array's own steps.
    """
    selection = _beside(path, "selection.tsv", "ST-spotfiles")
    if selection is None:
        note = "There is no selection file beside the table: spots off the tissue may be among these."
        return np.ascontiguousarray(xy[:, ::-1]), np.ones(len(xy), dtype=bool), (note,)
    table = _read_by_place(selection, ("x", "y", "pixel_x", "pixel_y"))
    if "selected" in table:
        table = table[table["selected"] == 1]
    rows = table.index.get_indexer(pd.MultiIndex.from_arrays([indices[:, 1], indices[:, 0]]))
    kept = rows >= 0
    if not kept.any():
        raise InputError(
            f"{name}: expected its spots in {selection.name}, found none of them; give the selection of this section."
        )
    places = np.full(xy.shape, np.nan)
    places[kept] = table[["pixel_y", "pixel_x"]].to_numpy(dtype=np.float64)[rows[kept]]
    left_out = f"{np.sum(~kept):,} spots that {selection.name} does not select are left out."
    return places, kept, () if kept.all() else (left_out,)


def _labels_of(path: Path, indices: NDArray[np.int64]) -> pd.Categorical:
    table = _read_by_place(path, ("x", "y", "label"))
    rows = table.index.get_indexer(pd.MultiIndex.from_arrays([indices[:, 1], indices[:, 0]]))
    labels = table["label"].astype(str).to_numpy(dtype=object)[rows]
    labels[(rows < 0) | np.isin(labels.astype(str), _UNLABELLED)] = None
    return pd.Categorical(labels)


def _read_by_place(path: Path, columns: tuple[str, ...]) -> pd.DataFrame:
    """Return a table indexed by the array's (x, y), rounded; the first of spots that share a place."""
    with reading(path, "a tab-separated table of spots"):
        table = pd.read_csv(path, sep="\t")
    missing = [column for column in columns if column not in table]
    if missing:
        raise InputError(
            f"{path.name}: expected the columns {', '.join(columns)}, found none called {', '.join(missing)}; "
            "give the table as published, or move it away."
        )
    with reading(path, "a tab-separated table of spots"):
        table.index = pd.MultiIndex.from_frame(table[["x", "y"]].round().astype(np.int64))
    return table[~table.index.duplicated()]


def _beside(path: Path, ending: str, folder: str) -> Path | None:
    """Return the file of this table's key with this ending, in its own folder or in her2st's ``folder``."""
    key = _key_of(path, strip_prefix=True)
    published = path.parent.parent / folder / f"{key}_{ending}"
    beside = [file for file in path.parent.iterdir() if f"_{file.name}".endswith(f"_{key}_{ending}")]
    return min(beside, default=published if published.exists() else None)


def _key_of(path: Path, *, strip_prefix: bool) -> str:
    stem = re.sub(r"\.(tsv|txt|csv)(\.gz)?$", "", path.name, flags=re.IGNORECASE)
    return stem.removeprefix("ST-cnts_") if strip_prefix else stem


@contextmanager
def _text(path: Path) -> Iterator[io.TextIOWrapper]:
    opener = gzip.open if path.suffix.lower() == ".gz" else open
    with opener(path, "rt", encoding="utf-8") as lines:
        yield lines
