"""Opens a section in napari: what drag and drop and File > Open call. Imports neither napari nor Qt."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from napari_stimg.display import SpotRaster, spot_raster
from napari_stimg.lattice import Lattice, find_lattice
from napari_stimg.planes import contrast_limits
from napari_stimg.slide import Histology, Slide

LayerData = tuple[Any, dict[str, Any], str]
"""What napari makes a layer from: data, attributes, kind of layer."""

SLIDE_KEY = "stimg_slide"
"""In a layer's metadata: the ``Slide`` that it shows."""

ROLE_KEY = "stimg_role"
"""In a layer's metadata: what it shows of the slide."""

SESSION_KEY = "stimg_session"
"""In a layer's metadata: what the panel knows of the section, so that a panel closed and opened again goes on."""

PARTS_KEY = "stimg_parts"
"""In a layer's metadata: the path of a file of several sections, and their names; the layer shows the first."""

GENE_ROLE = "gene"
HISTOLOGY_ROLE = "histology"

SUFFIXES = (".h5ad", ".h5", ".tsv", ".tsv.gz", ".zarr")
"""Files that may hold a section."""

SPACE_RANGER_MARKS = ("spatial", "binned_outputs", "outs")
"""Folders of which a Space Ranger output folder has at least one."""


def get_reader(path: str | list[str]) -> Callable[[str | list[str]], list[LayerData]] | None:
    """Return the function that opens this path, or None if it cannot hold a section.

    Parameters
    ----------
    path : str or list of str
        One file or folder; several at once are opened one after the other.
    """
    paths = [path] if isinstance(path, str) else path
    return _read if paths and all(_may_hold_a_section(Path(one)) for one in paths) else None


def layer_data(slide: Slide) -> list[LayerData]:
    """Return the layers a slide opens with: its stained picture, where it has one, and the counts of each spot.

    World coordinates are those of ``Slide.places`` as (row, col), in microns where the pitch is known.
    """
    lattice = find_lattice(slide)
    raster = spot_raster(slide, lattice)
    layers = [] if slide.histology is None else [_histology_layer(slide, slide.histology, lattice)]
    return [*layers, _depth_layer(slide, lattice, raster)]


def world_per_place(lattice: Lattice) -> float:
    """Return the world units in one unit of ``Slide.places``: microns where the pitch is known, else 1."""
    return 1.0 if lattice.pitch_um is None else lattice.pitch_um / lattice.pitch


def world_units(lattice: Lattice) -> str:
    """Return the name of the world's unit, as napari wants it."""
    return "pixel" if lattice.pitch_um is None else "micrometer"


def _read(path: str | list[str]) -> list[LayerData]:
    paths: Sequence[str] = [path] if isinstance(path, str) else path
    return [layer for one in paths for layer in _read_one(Path(one))]


def _read_one(path: Path) -> list[LayerData]:
    """Return the layers of the section in this file; of several, the first, with the names of all in the metadata."""
    from napari_stimg.io import SeveralSectionsError, read_slide

    try:
        return layer_data(read_slide(path))
    except SeveralSectionsError as error:
        layers = layer_data(read_slide(path, section=error.sections[0]))
        layers[-1][1]["metadata"][PARTS_KEY] = (path, tuple(error.sections))
        return layers


def _may_hold_a_section(path: Path) -> bool:
    """Say so from names alone; whether it does is for the reader to find out, and to say in a sentence."""
    if path.name.lower().endswith(SUFFIXES):
        return True
    return path.is_dir() and any((path / mark).is_dir() for mark in SPACE_RANGER_MARKS)


def _depth_layer(slide: Slide, lattice: Lattice, raster: SpotRaster) -> LayerData:
    depth = np.log10(1.0 + np.asarray(slide.counts.sum(axis=1), dtype=np.float64).ravel()).astype(np.float32)
    attributes = {
        "name": f"Counts (log10) · {slide.name}",
        "colormap": "viridis",
        "contrast_limits": contrast_limits(depth),
        "scale": (raster.scale * world_per_place(lattice),) * 2,
        "translate": tuple(raster.translate * world_per_place(lattice)),
        "units": (world_units(lattice),) * 2,
        "metadata": {SLIDE_KEY: slide, ROLE_KEY: GENE_ROLE},
    }
    return raster.paint(depth), attributes, "image"


def _histology_layer(slide: Slide, histology: Histology, lattice: Lattice) -> LayerData:
    attributes = {
        "name": f"H&E · {slide.name}",
        "rgb": True,
        "scale": (world_per_place(lattice) / histology.px_per_place,) * 2,
        "units": (world_units(lattice),) * 2,
        "metadata": {SLIDE_KEY: slide, ROLE_KEY: HISTOLOGY_ROLE},
    }
    return histology.image, attributes, "image"
