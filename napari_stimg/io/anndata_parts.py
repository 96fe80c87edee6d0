"""From the parts of an AnnData, in memory or on disk, to a slide."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_stimg.errors import InputError
from napari_stimg.io.count_choice import ChosenCounts, CountCandidate, choose_counts
from napari_stimg.io.genes import gene_names_and_ids
from napari_stimg.io.pictures import picture_from_uns
from napari_stimg.io.scale import um_per_place_of_visium
from napari_stimg.io.sections import spots_of_section
from napari_stimg.keys import ARRAY_COL, ARRAY_ROW, IN_TISSUE, SPATIAL
from napari_stimg.slide import Slide


@dataclass(frozen=True, kw_only=True, eq=False)
class AnnDataParts:
    """What a slide needs of an AnnData.

    Parameters
    ----------
    name : str
        What the slide will be called.
    obs : DataFrame of S rows
        Its spots.
    candidates : tuple of CountCandidate
        Matrices that may hold the counts, the most trusted first.
    spatial : (S, 2 or more) array or None
        ``obsm["spatial"]``: (x, y), any unit.
    libraries : Any
        ``uns["spatial"]``, in memory or on disk.
    load : callable
        Brings a value of ``libraries`` into memory.
    source : Path or None
        The file it came from.
    """

    name: str
    obs: pd.DataFrame
    candidates: tuple[CountCandidate, ...]
    spatial: NDArray[np.float64] | None
    libraries: Any = None
    load: Callable[[Any], Any] = lambda value: value
    source: Path | None = None


def slide_from_parts(parts: AnnDataParts, *, section: str | None = None) -> Slide:
    """Return the slide of one section.

    Raises
    ------
    InputError
        If the spots' names repeat, there are no positions, there are several sections and none is chosen, no matrix
        holds counts, or any check of :class:`~napari_stimg.slide.Slide` fails.
    """
    _check_spot_names(parts)
    indices, index_notes = _array_indices(parts.obs)
    places = _places(parts, indices)
    spots = spots_of_section(parts.obs, places, section=section, name=parts.name)
    spots, tissue_notes = _in_tissue(parts.obs, spots, name=parts.name)
    chosen = choose_counts(parts.candidates, name=parts.name)
    _check_rows(chosen, places, name=parts.name)
    histology, factors, picture_notes = picture_from_uns(
        parts.libraries, section=section, load=parts.load, name=parts.name
    )
    gene_names, gene_ids = gene_names_and_ids(chosen.var)
    obs = parts.obs.loc[spots]
    places, indices = places[spots], None if indices is None else indices[spots]
    from_pitch = None if indices is None else um_per_place_of_visium(places, indices)
    return Slide(
        name=parts.name if section is None else f"{parts.name} {section}",
        counts=chosen.counts if spots.all() else chosen.counts[spots],
        places=places,
        spot_names=obs.index.to_numpy(dtype=np.str_),
        gene_names=gene_names,
        gene_ids=gene_ids,
        array_indices=indices,
        obs=obs,
        histology=histology,
        um_per_place=None if parts.spatial is None else factors.get("microns_per_pixel", from_pitch),
        logged=chosen.logged,
        counts_from=chosen.label,
        source=parts.source,
        notes=chosen.notes + index_notes + tissue_notes + picture_notes + _shared_places(places),
    )


def _check_spot_names(parts: AnnDataParts) -> None:
    repeated = parts.obs.index[parts.obs.index.duplicated()]
    if len(repeated):
        raise InputError(
            f"{parts.name}: expected unique spot names, found {len(repeated):,} that repeat (such as {repeated[0]}); "
            "make them unique, for example with AnnData's obs_names_make_unique()."
        )


def _array_indices(obs: pd.DataFrame) -> tuple[NDArray[np.int64] | None, tuple[str, ...]]:
    """Return (S, 2) int (row, col), or None if the spots have none that are whole numbers."""
    if ARRAY_ROW not in obs or ARRAY_COL not in obs:
        return None, ()
    numbers = np.column_stack(
        [pd.to_numeric(obs[column], errors="coerce").to_numpy(dtype=np.float64) for column in (ARRAY_ROW, ARRAY_COL)]
    )
    if not (np.isfinite(numbers).all() and np.equal(numbers, np.rint(numbers)).all()):
        return None, (f"obs {ARRAY_ROW} and {ARRAY_COL} are passed over, since they are not all whole numbers.",)
    return numbers.astype(np.int64), ()


def _places(parts: AnnDataParts, indices: NDArray[np.int64] | None) -> NDArray[np.float64]:
    """Return (S, 2) positions (row, col): ``obsm["spatial"]`` turned from (x, y), else the array indices."""
    if parts.spatial is None and indices is None:
        raise InputError(
            f'{parts.name}: expected positions in obsm["{SPATIAL}"] (x, y) or in obs {ARRAY_ROW} and {ARRAY_COL}, '
            "found neither; add where the spots lie."
        )
    if parts.spatial is None:
        return np.asarray(indices, dtype=np.float64)
    if parts.spatial.ndim != 2 or parts.spatial.shape[1] < 2 or len(parts.spatial) != len(parts.obs):
        raise InputError(
            f'{parts.name}: expected obsm["{SPATIAL}"] of shape ({len(parts.obs)}, 2), found {parts.spatial.shape}; '
            "give (x, y) for every spot."
        )
    return np.ascontiguousarray(parts.spatial[:, 1::-1])


def _in_tissue(obs: pd.DataFrame, spots: NDArray[np.bool_], *, name: str) -> tuple[NDArray[np.bool_], tuple[str, ...]]:
    if IN_TISSUE not in obs:
        return spots, ()
    marked = obs[IN_TISSUE].astype(str).isin(["1", "1.0", "True", "true"]).to_numpy()
    off = spots & ~marked
    if not off.any():
        return spots, ()
    if off.sum() == spots.sum():
        raise InputError(
            f"{name}: expected spots in the tissue, found obs {IN_TISSUE} to be 0 for all; "
            "mend that column or remove it."
        )
    return spots & marked, (f"{off.sum():,} spots off the tissue (obs {IN_TISSUE} = 0) are left out.",)


def _shared_places(places: NDArray[np.float64]) -> tuple[str, ...]:
    n_shared = len(places) - len(np.unique(places, axis=0))
    return (f"{n_shared:,} spots lie exactly on another's place.",) if n_shared else ()


def _check_rows(chosen: ChosenCounts, places: NDArray[np.float64], *, name: str) -> None:
    if chosen.counts.shape != (len(places), len(chosen.var)):
        raise InputError(
            f"{name}: expected {chosen.label} of shape {(len(places), len(chosen.var))}, found {chosen.counts.shape}; "
            "the file's tables do not belong together."
        )
