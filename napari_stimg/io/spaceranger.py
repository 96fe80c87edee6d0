"""Space Ranger's output: ``outs`` of Visium (versions 1 to 3), Visium HD's bins, a matrix beside its positions."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_stimg.errors import InputError
from napari_stimg.io.pictures import read_picture, read_scale_factors
from napari_stimg.io.positions import COLUMNS, find_positions, read_positions
from napari_stimg.io.scale import um_per_place_of_visium
from napari_stimg.io.sections import SeveralSectionsError
from napari_stimg.io.tenx_matrix import TenxMatrix, is_tenx_folder, read_tenx_folder, read_tenx_h5
from napari_stimg.slide import Slide

DEFAULT_BIN = "square_008um"
"""Space Ranger's own default of Visium HD's bins."""

_MATRICES = ("filtered_feature_bc_matrix", "raw_feature_bc_matrix")


def read_spaceranger(folder: Path, *, section: str | None = None) -> Slide:
    """Read the spots in the tissue of an ``outs`` folder, with the picture of the section where there is one.

    Parameters
    ----------
    folder : Path
        ``outs``, or the folder around it, or one of Visium HD's ``square_*um``, or a folder of ``matrix.mtx``.
    section : str or None
        Which bins of Visium HD, e.g. ``"square_016um"``; ``"square_008um"`` unless given.

    Raises
    ------
    InputError
        If a file is missing or damaged, the bins are not there, or matrix and positions do not belong together.
    """
    outs = folder / "outs" if (folder / "outs").is_dir() else folder
    bins = sorted(path.name for path in (outs / "binned_outputs").glob("square_*um"))
    if bins:
        chosen = outs / "binned_outputs" / _choose_bin(bins, section, name=_name_of(outs))
        return _read_beside(chosen, outs=chosen, name=f"{_name_of(outs)} {chosen.name}")
    if section is not None:
        raise InputError(
            f"{_name_of(outs)}: expected several bin sizes (binned_outputs/square_*um) to choose {section!r} from, "
            "found a folder of one section; leave the section out."
        )
    if is_tenx_folder(outs):
        return _read_beside(outs, outs=outs.parent, name=_name_of(outs.parent))
    return _read_beside(outs, outs=outs, name=_name_of(outs))


def read_tenx_beside_positions(path: Path) -> Slide:
    """Read a 10x ``.h5`` matrix with the positions that lie beside it, in ``spatial/`` or in the same folder.

    Raises
    ------
    InputError
        As of :func:`read_spaceranger`.
    """
    name = _name_of(path.parent) if path.stem in _MATRICES else path.stem
    return _assemble(read_tenx_h5(path), path, outs=path.parent, name=name)


def _read_beside(folder: Path, *, outs: Path, name: str) -> Slide:
    matrix_path = _find_matrix(folder)
    matrix = read_tenx_folder(matrix_path) if matrix_path.is_dir() else read_tenx_h5(matrix_path)
    return _assemble(matrix, matrix_path, outs=outs, name=name)


def _assemble(matrix: TenxMatrix, matrix_path: Path, *, outs: Path, name: str) -> Slide:
    spatial = outs / "spatial" if (outs / "spatial").is_dir() else outs
    positions_path = find_positions([spatial, outs])
    if positions_path is None:
        raise InputError(
            f"{name}: expected the spots' positions in spatial/tissue_positions.csv (or _list.csv, or .parquet), "
            f"found none beside {matrix_path.name}; copy Space Ranger's folder spatial there."
        )
    rows, positions, notes = _spots_in_tissue(matrix, read_positions(positions_path), name=name)
    factors = read_scale_factors(spatial)
    histology, picture_notes = read_picture(spatial, factors)
    places = positions[list(COLUMNS[4:])].to_numpy(dtype=np.float64)
    indices = positions[list(COLUMNS[2:4])].to_numpy(dtype=np.int64)
    return Slide(
        name=name,
        counts=matrix.counts[rows],
        places=places,
        spot_names=matrix.barcodes[rows],
        gene_names=matrix.gene_names,
        gene_ids=matrix.gene_ids,
        array_indices=indices,
        obs=positions[[]],
        histology=histology,
        um_per_place=_um_per_pixel(factors, places, indices),
        counts_from=matrix_path.name,
        source=matrix_path,
        notes=matrix.notes + notes + picture_notes,
    )


def _um_per_pixel(
    factors: Mapping[str, float], places: NDArray[np.float64], indices: NDArray[np.int64]
) -> float | None:
    """Return Visium HD's own ``microns_per_pixel``, or what Visium's pitch comes to."""
    return factors.get("microns_per_pixel") or um_per_place_of_visium(places, indices)


def _spots_in_tissue(
    matrix: TenxMatrix, positions: pd.DataFrame, *, name: str
) -> tuple[NDArray[np.intp], pd.DataFrame, tuple[str, ...]]:
    """Return the matrix' rows that lie in the tissue, their positions in the same order, and notes."""
    rows = positions.index.get_indexer(pd.Index(matrix.barcodes.astype(object)))
    known = rows >= 0
    if not known.any():
        raise InputError(
            f"{name}: expected the matrix' barcodes (such as {matrix.barcodes[0] if known.size else 'none'}) among the "
            f"positions (such as {positions.index[0] if len(positions) else 'none'}), found none of them; "
            "give matrix and positions of the same section."
        )
    table = positions.iloc[rows[known]]
    in_tissue = table["in_tissue"].to_numpy()
    notes = []
    if not known.all():
        notes.append(f"{np.sum(~known):,} barcodes without a position are left out.")
    if not in_tissue.all():
        notes.append(f"{np.sum(~in_tissue):,} spots off the tissue are left out.")
    return np.flatnonzero(known)[in_tissue], table[in_tissue], tuple(notes)


def _find_matrix(folder: Path) -> Path:
    """Return the filtered matrix, as HDF5 or as a folder, else the raw one; file names may have a prefix."""
    if is_tenx_folder(folder):
        return folder
    for stem in _MATRICES:
        files = sorted(folder.glob(f"*{stem}.h5"))
        if len(files) > 1:
            raise SeveralSectionsError(
                f"{folder.name}: expected one {stem}.h5, found {', '.join(file.name for file in files)}; "
                "give one of these files.",
                [file.name for file in files],
            )
        if files:
            return files[0]
        if is_tenx_folder(folder / stem):
            return folder / stem
    found = ", ".join(sorted(path.name for path in folder.iterdir())[:6]) or "nothing"
    raise InputError(
        f"{folder.name}: expected Space Ranger's output (filtered_feature_bc_matrix.h5 and spatial/), "
        f"found {found}; give the folder that Space Ranger calls outs."
    )


def _choose_bin(bins: list[str], section: str | None, *, name: str) -> str:
    chosen = section or (DEFAULT_BIN if DEFAULT_BIN in bins else bins[0] if len(bins) == 1 else None)
    if chosen not in bins or chosen is None:
        raise SeveralSectionsError(
            f"{name}: expected one of Visium HD's bins ({', '.join(bins)}), found {section or 'no choice'}; "
            "choose one by its name (section=, or --section).",
            bins,
        )
    return chosen


def _name_of(folder: Path) -> str:
    absolute = folder.resolve()
    return absolute.parent.name if absolute.name == "outs" else absolute.name
