"""Names and Ensembl ids of genes, as files of different origin keep them."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_stimg.keys import GENE_ID_COLUMNS, GENE_NAME_COLUMNS

_ENSEMBL = r"^ENS[A-Z]{0,6}G\d{8,}(\.\d+)?$"


def gene_names_and_ids(var: pd.DataFrame) -> tuple[NDArray[np.str_], NDArray[np.str_] | None]:
    """Return (G,) names and, where the file has them, (G,) Ensembl ids of an AnnData's genes.

    Files that are indexed by Ensembl id (as those of CELLxGENE) are named by their column of symbols if it is there.

    Parameters
    ----------
    var : DataFrame of G rows
        The file's genes.
    """
    index = pd.Series(var.index.astype(str), dtype=object)
    if len(index) and index.str.match(_ENSEMBL).mean() > 0.5:
        ids = index.str.replace(r"\.\d+$", "", regex=True).to_numpy(dtype=np.str_)
        column = next((column for column in GENE_NAME_COLUMNS if column in var), None)
        if column is None:
            return index.to_numpy(dtype=np.str_), ids
        symbols = var[column].astype(object).where(var[column].notna(), "").astype(str).to_numpy(dtype=np.str_)
        return unique_symbols(symbols, index.to_numpy(dtype=np.str_))[0], ids
    column = next((column for column in GENE_ID_COLUMNS if column in var), None)
    if column is None:
        return index.to_numpy(dtype=np.str_), None
    ids = var[column].astype(object).where(var[column].notna(), "").astype(str).to_numpy(dtype=np.str_)
    return index.to_numpy(dtype=np.str_), ids


def unique_symbols(symbols: NDArray[np.str_], ids: NDArray[np.str_]) -> tuple[NDArray[np.str_], int]:
    """Return symbols made unique by appending the Ensembl id to all but the first of a kind, and how many were.

    Several genes of an annotation may share a symbol; a gene without a symbol is named by its id.

    Parameters
    ----------
    symbols, ids : (G,) str
        As in the file; ids are unique.
    """
    named = pd.Series(np.where(symbols == "", ids, symbols), dtype=object)
    repeats = named.duplicated().to_numpy()
    named[repeats] = named[repeats] + "_" + pd.Series(ids, dtype=object)[repeats]
    return named.to_numpy(dtype=np.str_), int(repeats.sum())
