from dataclasses import replace
from pathlib import Path

import anndata
import numpy as np
import pytest

from napari_stimg.lattice import LatticeKind, find_lattice
from napari_stimg.slide import Slide
from tests.synthetic_lattices import (
    CHECKERBOARD,
    HEXAGONAL,
    SQUARE,
    assert_same_up_to_turn_and_shift,
    neighbour_distances,
    slide_at,
)


def catalogued_kinds(catalog: Path) -> dict[str, LatticeKind]:
    """Return the kind of each section by name, from the catalogue's column of lattices."""
    kinds = {
        "visium_hex": HEXAGONAL,
        "square": SQUARE,
        "checkerboard": CHECKERBOARD,
        "irregular": LatticeKind.IRREGULAR,
    }
    rows = [line.split("|") for line in catalog.read_text().splitlines() if line.startswith("| `")]
    return {row[1].strip(" `"): kinds[row[6].split()[0]] for row in rows if len(row) == 10}


def slide_of_section(path: Path) -> Slide:
    """Return the places and indices of a section, and nothing else of it."""
    adata = anndata.read_h5ad(path, backed="r")
    places = adata.obsm["spatial"][:, ::-1].astype(np.float64)
    indices = adata.obs[["array_row", "array_col"]].to_numpy(dtype=np.int64) if "array_row" in adata.obs else None
    adata.file.close()
    return slide_at(places, indices=indices)


def test_every_measured_section_has_the_kind_that_the_catalogue_names(sections_dir: Path) -> None:
    expected = catalogued_kinds(sections_dir.parent / "CATALOG.md")
    assert len(expected) == 68
    found = {name: find_lattice(slide_of_section(sections_dir / f"{name}.h5ad")) for name in expected}
    assert {name: lattice.kind for name, lattice in found.items()} == expected
    shared = {name for name, lattice in found.items() if lattice.shared_share > 0}
    assert all(expected[name] is LatticeKind.IRREGULAR for name in shared)
    regular = [lattice for lattice in found.values() if lattice.kind is not LatticeKind.IRREGULAR]
    assert all(neighbour_distances(lattice.positions, 1).min() == pytest.approx(1, abs=1e-5) for lattice in regular)


@pytest.mark.parametrize("name", ["dlpfc__151673", "stutility_mob__MOB1", "her2st__B1", "stahl_mob__Rep11"])
def test_coordinates_alone_give_a_measured_section_the_same_lattice(sections_dir: Path, name: str) -> None:
    slide = slide_of_section(sections_dir / f"{name}.h5ad")
    by_array, by_places = find_lattice(slide), find_lattice(replace(slide, array_indices=None))
    assert by_places.found_by == "coordinates"
    assert by_places.kind is by_array.kind
    assert by_places.pitch == pytest.approx(by_array.pitch)
    assert_same_up_to_turn_and_shift(by_places.positions, by_array.positions)
