"""Tables of a section as CSV: one row a spot, or one row a gene."""

from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_stimg.io.results import Results
from napari_stimg.lattice import Lattice
from napari_stimg.slide import Slide
from napari_stimg.whole_files import write_text


def spot_table(slide: Slide, lattice: Lattice, results: Results) -> pd.DataFrame:
    """Return one row a spot, indexed by ``spot``.

    Columns: ``row`` and ``col``, its cell of the lattice; ``x`` and ``y``, in the unit of ``obsm["spatial"]``;
    ``hidden``, True or False; ``scribble``, the class it was scribbled with, and ``domain``, both missing where there
    is none; ``probability`` of that domain, missing unless domains were painted from scribbles.
    """
    hidden = np.zeros(slide.n_spots, dtype=np.bool_) if results.mask is None else results.mask
    return pd.DataFrame(
        {
            "row": lattice.cell_of_spot[:, 0],
            "col": lattice.cell_of_spot[:, 1],
            "x": slide.places[:, 1],
            "y": slide.places[:, 0],
            "hidden": hidden,
            "scribble": _named(results.scribbles, results.scribble_names, slide.n_spots),
            "domain": _named(results.domains, results.domain_names, slide.n_spots),
            "probability": _probability(results, slide.n_spots),
        },
        index=pd.Index(slide.spot_names, name="spot"),
    )


def write_table(table: pd.DataFrame, target: Path) -> None:
    """Write a table as CSV with its index; what is missing is left empty.

    Raises
    ------
    InputError
        If it cannot be written.
    """
    write_text(target, table.to_csv(lineterminator="\n"))


def _named(codes: NDArray[np.integer] | None, names: tuple[str, ...], n_spots: int) -> NDArray[np.object_]:
    """Return (S,) names, None where the code is -1."""
    named = np.full(n_spots, None, dtype=object)
    if codes is not None and len(names):
        held = codes >= 0
        named[held] = np.array(names, dtype=object)[codes[held]]
    return named


def _probability(results: Results, n_spots: int) -> NDArray[np.float32]:
    """Return each spot's (S,) probability of its domain, NaN where there is none."""
    probability = np.full(n_spots, np.nan, dtype=np.float32)
    if results.domain_probabilities is not None and results.domains is not None:
        held = np.flatnonzero(results.domains >= 0)
        probability[held] = results.domain_probabilities[held, results.domains[held]]
    return probability
