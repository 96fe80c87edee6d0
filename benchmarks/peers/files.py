"""Sections in, embeddings out: ``FOLDER/METHOD/SECTION.npy``, which ``stimg-train evaluate --embeddings`` reads."""

import json
import os
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import anndata as ad
import numpy as np
import scipy.sparse as sp
from anndata import AnnData
from numpy.typing import NDArray

from napari_stimg.errors import InputError

VERSIONED = ("anndata", "numpy", "scipy", "scikit-learn", "scanpy", "torch", "torch-geometric", "lightning")
"""Packages whose versions are written down where they are installed."""


def read_section(path: Path) -> AnnData:
    """Return a section: counts as CSR of float32, places, and what ``obs`` says of the array.

    Raises
    ------
    InputError
        If the file is no AnnData, or places are missing or not finite.
    """
    if not path.is_file():
        raise InputError(f"{path}: expected a section (.h5ad), found no file; check the path.")
    try:
        section = ad.read_h5ad(path)
    except (OSError, KeyError, ValueError) as error:
        raise InputError(f"{path}: expected a section (.h5ad), found {error}; write it with anndata.") from error
    places = section.obsm.get("spatial")
    if places is None or not np.isfinite(np.asarray(places, dtype=float)).all():
        found = "none" if places is None else "some that are not finite"
        raise InputError(f'{path}: expected places in obsm["spatial"], found {found}; add one for each spot.')
    section.X = sp.csr_matrix(section.X, dtype=np.float32)
    section.obsm["spatial"] = np.asarray(places, dtype=float)[:, :2]
    section.var_names_make_unique()
    return section


def check_values(values: NDArray[np.floating], n_spots: int) -> None:
    """Check what a peer made.

    Raises
    ------
    InputError
        If rows are not spots, or values are not finite.
    """
    if values.ndim != 2 or len(values) != n_spots or not np.isfinite(values).all():
        raise InputError(
            f"expected finite values, one row for each of {n_spots:,} spots, found the shape {values.shape} with "
            f"{int((~np.isfinite(values)).sum()):,} that are not finite; leave the section out."
        )


def write_embedding(target: Path, values: NDArray[np.floating], facts: dict[str, object]) -> None:
    """Write ``target`` (.npy, float32) and the facts beside it (.json), each beside its place and then renamed."""
    target.parent.mkdir(parents=True, exist_ok=True)
    beside = target.with_name(target.name + ".part")
    with beside.open("wb") as file:
        np.save(file, np.asarray(values, dtype=np.float32))
    described = target.with_suffix(".json")
    described_beside = described.with_name(described.name + ".part")
    described_beside.write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")
    os.replace(described_beside, described)
    os.replace(beside, target)


def version_of(distribution: str) -> str | None:
    """Return the version of an installed package, None if there is none."""
    try:
        return version(distribution)
    except PackageNotFoundError:
        return None


def versions() -> dict[str, str]:
    """Return the versions of packages that numbers may depend on."""
    found = {name: version_of(name) for name in VERSIONED}
    return {name: text for name, text in found.items() if text is not None}
