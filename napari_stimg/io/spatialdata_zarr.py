"""SpatialData ``.zarr`` stores, read with zarr and anndata alone.

The format: https://spatialdata.scverse.org/en/stable/design_doc.html. A table is an AnnData whose
``uns["spatialdata_attrs"]`` name the regions that it annotates and the ``obs`` columns that link its rows to their
instances; shapes are GeoParquet, pictures OME-Zarr.
"""

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import scipy.sparse as sp
from anndata.io import read_elem
from numpy.typing import NDArray

from napari_stimg.errors import InputError
from napari_stimg.io.anndata_file import parts_of_store
from napari_stimg.io.anndata_parts import AnnDataParts, slide_from_parts
from napari_stimg.io.count_choice import CountCandidate
from napari_stimg.io.opening import reading
from napari_stimg.io.sections import SeveralSectionsError
from napari_stimg.io.spaceranger import DEFAULT_BIN
from napari_stimg.io.spatialdata_pictures import picture_of_region
from napari_stimg.io.well_known_binary import centres
from napari_stimg.slide import Slide

_MARKS = ("zarr.json", ".zgroup", ".zattrs")

_TABLES = ("tables", "table")
"""Where tables lie; ``table`` until SpatialData 0.1."""


def is_zarr(folder: Path) -> bool:
    """Return whether a folder is a zarr store, or calls itself one."""
    return folder.suffix == ".zarr" or any((folder / mark).exists() for mark in _MARKS)


def read_spatialdata(store: Path, *, section: str | None = None) -> Slide:
    """Read one table of a SpatialData store with the region that it annotates, or an AnnData written as zarr.

    Parameters
    ----------
    store : Path
        The ``.zarr`` folder, zarr format 2 or 3.
    section : str or None
        The name of a table or of a region, where there are several.

    Raises
    ------
    InputError
        If zarr is not installed, the store is damaged or has no table, there are several sections and none is
        chosen, or a spot has no place.
    """
    try:
        import zarr
    except ImportError as error:
        raise InputError(
            f"{store.name}: expected the package zarr to read it, found it missing; "
            "install it with `pip install 'napari-stimg[spatialdata]'`."
        ) from error
    with reading(store, "a SpatialData store (.zarr)"):
        root: Any = zarr.open_group(store, mode="r", use_consolidated=False)
        is_single_anndata = "obs" in root and "var" in root
    if is_single_anndata:
        return slide_from_parts(parts_of_store(root, store, name=store.stem), section=section)
    tables = _regions_of_tables(root, store)
    table, region = _choose(tables, section, name=store.stem)
    parts = parts_of_store(root[table], store, name=store.stem)
    return _slide_of_region(root, parts, table, region, several=len(tables) > 1)


def _slide_of_region(root: Any, parts: AnnDataParts, table: str, region: str, *, several: bool) -> Slide:
    store = parts.source if parts.source is not None else Path(parts.name)
    with reading(store, "a SpatialData store (.zarr)"):
        keys = read_elem(root[table]["uns/spatialdata_attrs"])
        spots = (parts.obs[str(keys["region_key"])].astype(str) == region).to_numpy()
        instances = parts.obs[str(keys["instance_key"])][spots]
    spatial = _centres_of(root, store, region, instances, name=parts.name)
    candidates = tuple(replace(candidate, load=partial(_load_rows, candidate, spots)) for candidate in parts.candidates)
    histology, notes = picture_of_region(root, store, region) if spatial is not None else (None, ())
    if spatial is None and parts.spatial is not None:
        spatial = parts.spatial[spots]
    slide = slide_from_parts(replace(parts, obs=parts.obs[spots], candidates=candidates, spatial=spatial))
    name = f"{slide.name} {region}" if several else slide.name
    return replace(slide, name=name, histology=slide.histology or histology, notes=slide.notes + notes)


def _load_rows(candidate: CountCandidate, spots: NDArray[np.bool_]) -> sp.csr_matrix:
    return sp.csr_matrix(candidate.load()[spots])


def _regions_of_tables(root: Any, store: Path) -> list[tuple[str, str]]:
    """Return (path of the table, region) of all that the store's tables annotate."""
    found: list[tuple[str, str]] = []
    with reading(store, "a SpatialData store (.zarr)"):
        for folder in _TABLES:
            for name in sorted(root[folder]) if folder in root else []:
                table = root[folder][name]
                if "uns/spatialdata_attrs" in table:
                    regions = np.atleast_1d(read_elem(table["uns/spatialdata_attrs/region"]))
                    found.extend((f"{folder}/{name}", str(region)) for region in regions)
    if not found:
        elements = ", ".join(sorted(root)) or "nothing in it"
        raise InputError(
            f"{store.name}: expected a SpatialData store with a table that annotates a region, found {elements}; "
            "add the table of counts."
        )
    return found


def _choose(tables: list[tuple[str, str]], section: str | None, *, name: str) -> tuple[str, str]:
    """Return the table and region of the section; unless chosen, the only one, or Visium HD's default bins."""
    wanted = section if section is not None else DEFAULT_BIN
    chosen = [
        (table, region)
        for table, region in tables
        if wanted in (region, table.split("/")[-1]) or (len(tables) == 1 and section is None)
    ]
    if len(chosen) == 1:
        return chosen[0]
    names = [region for _, region in tables]
    if len(set(names)) < len(names):
        names = [table.split("/")[-1] for table, _ in tables]
    raise SeveralSectionsError(
        f"{name}: expected one of its {len(names)} sections ({', '.join(names)}), found {section or 'no choice'}; "
        "choose one by its name (section=, or --section).",
        names,
    )


def _centres_of(root: Any, store: Path, region: str, instances: pd.Series, *, name: str) -> NDArray[np.float64] | None:
    """Return the (S, 2) centres (x, y) of the instances of a region of shapes; None if it is no such region."""
    file = store / "shapes" / region / "shapes.parquet"
    if f"shapes/{region}" not in root or not file.exists():
        return None
    with reading(file, "shapes in GeoParquet"):
        table = pq.read_table(file).to_pandas()
        centre = pd.DataFrame(centres(table["geometry"]), index=table.index)
    rows = centre.index.get_indexer(pd.Index(instances))
    if (rows < 0).any():
        raise InputError(
            f"{name}: expected every spot among the shapes of {region}, found {np.sum(rows < 0):,} without a shape; "
            "write the store again with tables that match their shapes."
        )
    return centre.to_numpy(dtype=np.float64)[rows]
