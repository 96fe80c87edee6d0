"""Sections to open at once: generated ones, and public ones downloaded on demand."""

from collections.abc import Generator
from dataclasses import replace
from pathlib import Path

import pandas as pd

from napari_stimg.io.anndata_file import slide_from_anndata
from napari_stimg.io.reading import read_slide
from napari_stimg.progress import Progress
from napari_stimg.slide import Slide
from sample_data.catalogue import LayerMap, PublicSection
from sample_data.download import fetch
from sample_data.parameters import TissueParameters
from sample_data.simulate import simulate

HEXAGONAL = TissueParameters()
"""About 2,300 spots on a hexagonal array of 100 um pitch, as Visium."""

SQUARE = TissueParameters(lattice="square", n_rows=44, n_cols=44, pitch_um=200.0, tilt_degrees=-20.0, seed=1)
"""About 1,400 spots on a square array of 200 um pitch, as legacy Spatial Transcriptomics, cut at another angle."""


def layered_hexagonal() -> Slide:
    """Return generated layered tissue on a hexagonal array; ``obs["layer"]`` is the truth."""
    return slide_from_anndata(simulate(HEXAGONAL), name="layered_hexagonal")


def layered_square() -> Slide:
    """Return generated layered tissue on a square array; ``obs["layer"]`` is the truth."""
    return slide_from_anndata(simulate(SQUARE), name="layered_square")


def public_section(
    section: PublicSection, *, cache: Path | None = None, base_url: str | None = None, show_bar: bool = False
) -> Generator[Progress, None, Slide]:
    """Return the slide of a public section, downloaded unless it is in the cache.

    Parameters
    ----------
    section : PublicSection
        One of ``sample_data.catalogue``.
    cache, base_url, show_bar
        As of :func:`sample_data.download.fetch`.

    Yields
    ------
    Progress
        Files done, of how many.

    Raises
    ------
    InputError
        As of :func:`sample_data.download.fetch` and :func:`napari_stimg.io.read_slide`.
    """
    path = yield from fetch(section, cache=cache, base_url=base_url, show_bar=show_bar)
    slide = replace(read_slide(path), name=section.key)
    if section.layers is None:
        return slide
    return _with_layers(slide, path / section.layers.table, section.layers)


def _with_layers(slide: Slide, table_path: Path, layers: LayerMap) -> Slide:
    """Return the slide with ``obs["layer"]``; spots that the table does not name have none."""
    table = pd.read_csv(table_path, sep="\t", header=None, names=["barcode", "section", "layer"], dtype=str)
    of_section = table[table["section"] == layers.section].set_index("barcode")["layer"]
    labels = of_section.reindex(slide.spot_names.astype(object))
    return replace(slide, obs=slide.obs.assign(layer=pd.Categorical(labels.to_numpy(dtype=object))))
