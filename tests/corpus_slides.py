"""Slides for corpora: on each kind of lattice, with counts, genes and labels that tests know."""

from pathlib import Path

import numpy as np
import pandas as pd
import scipy.sparse as sp

from napari_stimg.io import anndata_from_slide
from napari_stimg.lattice import LatticeKind
from napari_stimg.slide import Slide
from tests.synthetic_lattices import array_of, place

KINDS = tuple(LatticeKind)


def corpus_slide(
    name: str = "section",
    kind: LatticeKind = LatticeKind.SQUARE,
    *,
    shape: tuple[int, int] = (7, 5),
    genes: tuple[str, ...] = ("Mbp", "SNAP25", "GFAP", "Plp1"),
    gene_ids: tuple[str, ...] | None = None,
    largest: int = 300,
    seed: int = 0,
    **fields: object,
) -> Slide:
    """Return a slide with random counts; a third of the spots have no label, every 13th no counts.

    Irregular slides have pairs of spots so near to each other that they share a cell of the raster.
    """
    rng = np.random.default_rng(seed)
    indices = None
    if kind is LatticeKind.IRREGULAR:
        places = rng.uniform(0, 1000, (shape[0] * shape[1], 2))
        places[1:8:2] = places[0:7:2] + 0.5
    else:
        indices = array_of(kind, *shape)
        indices = indices[rng.permutation(len(indices))[: len(indices) - 3]]
        places = place(indices, kind, pitch=90.0, turn_deg=3.0)
    n_spots = len(places)
    counts = rng.poisson(1.5, (n_spots, len(genes))) * rng.integers(1, largest, (n_spots, len(genes)))
    counts[::13] = 0
    return Slide(
        name=name,
        counts=sp.csr_matrix(counts, dtype=np.float32),
        places=places,
        spot_names=np.array([f"s{i}" for i in range(n_spots)]),
        gene_names=np.array(genes),
        gene_ids=None if gene_ids is None else np.array(gene_ids),
        array_indices=indices,
        obs=pd.DataFrame(
            {
                "layer": np.array(["L1", "WM", None], dtype=object)[rng.integers(0, 3, n_spots)],
                "other": np.array(["a", "b"], dtype=object)[rng.integers(0, 2, n_spots)],
            },
            index=[f"s{i}" for i in range(n_spots)],
        ),
        um_per_place=1.1,
        **fields,
    )


def write_slide(slide: Slide, folder: Path) -> Path:
    """Write a slide as ``NAME.h5ad`` and return where."""
    path = folder / f"{slide.name}.h5ad"
    anndata_from_slide(slide).write_h5ad(path)
    return path


def files_of(corpus: Path) -> dict[str, bytes]:
    """Return every file of a corpus, but for what was unpacked, by its path in it."""
    files = (path for path in sorted(corpus.rglob("*")) if path.is_file() and "unpacked" not in path.parts)
    return {path.relative_to(corpus).as_posix(): path.read_bytes() for path in files}
