"""Generated and downloaded sections open as any file does."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from napari_stimg import _sample_data
from napari_stimg._reader import SLIDE_KEY
from napari_stimg.errors import InputError
from napari_stimg.lattice import LatticeKind, find_lattice
from napari_stimg.progress import run
from napari_stimg.slide import Slide
from sample_data.catalogue import DLPFC_151673, HER2ST_B1, HER2ST_E1, MOUSE_OLFACTORY_BULB, PublicSection
from sample_data.programs import LAYERS
from sample_data.sections import layered_hexagonal, layered_square, public_section


def _slide_of(layers: list[Any]) -> Slide:
    slide = layers[-1][1]["metadata"][SLIDE_KEY]
    assert isinstance(slide, Slide)
    return slide


def test_the_generated_hexagonal_section_opens_as_visium_does() -> None:
    slide = layered_hexagonal()
    lattice = find_lattice(slide)
    assert slide.name == "layered_hexagonal"
    assert lattice.kind is LatticeKind.HEXAGONAL
    assert lattice.pitch_um == pytest.approx(100.0)
    assert set(slide.obs["layer"]) == set(LAYERS)
    assert not slide.logged


def test_the_generated_square_section_opens_as_legacy_st_does() -> None:
    lattice = find_lattice(layered_square())
    assert lattice.kind is LatticeKind.SQUARE
    assert lattice.pitch_um == pytest.approx(200.0)


@pytest.mark.parametrize("name", ["layered_hexagonal", "layered_square"])
def test_the_menu_gives_layers_of_the_generated_section(name: str) -> None:
    layers = getattr(_sample_data, name)()
    assert [kind for _, _, kind in layers] == ["image"]
    assert _slide_of(layers).name == name


def test_a_downloaded_legacy_st_section_holds_what_was_published(legacy_st: Any, server: Any, tmp_path: Path) -> None:
    server.offers |= legacy_st.offers
    slide = run(public_section(legacy_st.section, cache=tmp_path, base_url=server.url))
    truth = legacy_st.truth
    assert slide.name == "q1"
    assert np.array_equal(slide.gene_names, truth.var_names)
    assert (slide.counts != truth.X).nnz == 0
    assert slide.array_indices is not None
    assert np.array_equal(slide.array_indices, truth.obs[["array_row", "array_col"]])
    assert np.array_equal(slide.obs["label"].astype(str), truth.obs["layer"].astype(str))
    assert np.array_equal(slide.places, slide.array_indices * 300.0 + [5.0, 7.0])


def test_a_downloaded_visium_section_has_its_picture_and_its_layers(visium: Any, server: Any, tmp_path: Path) -> None:
    server.offers |= visium.offers
    slide = run(public_section(visium.section, cache=tmp_path, base_url=server.url))
    truth = visium.truth
    assert np.array_equal(slide.spot_names, truth.obs_names)
    assert (slide.counts != truth.X).nnz == 0
    assert np.array_equal(slide.obs["layer"].astype(str), truth.obs["layer"].astype(str))
    assert slide.histology is not None
    assert slide.histology.image.shape == (31, 27, 3)
    assert slide.histology.px_per_place == pytest.approx(0.025)


def test_spots_that_the_layer_map_does_not_name_have_no_layer(visium: Any, server: Any, tmp_path: Path) -> None:
    server.offers |= visium.offers
    assert visium.section.layers is not None
    elsewhere = replace(visium.section, layers=replace(visium.section.layers, section="7"))
    slide = run(public_section(elsewhere, cache=tmp_path, base_url=server.url))
    assert slide.obs["layer"].isna().all()


@pytest.mark.parametrize(
    ("name", "section"),
    [
        ("her2st_b1", HER2ST_B1),
        ("her2st_e1", HER2ST_E1),
        ("mouse_olfactory_bulb", MOUSE_OLFACTORY_BULB),
        ("dlpfc_151673", DLPFC_151673),
    ],
)
def test_each_menu_entry_asks_for_its_own_section(
    name: str, section: PublicSection, server: Any, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match="found the server's answer 404"):
        getattr(_sample_data, name)(cache=tmp_path, base_url=server.url)
    assert section.key == name
    assert section.files[0].address.endswith(server.asked[0])


def test_the_menu_opens_her2st_b1_from_its_published_files(formats_dir: Path, server: Any, tmp_path: Path) -> None:
    copies = ("ST-cnts_B1.tsv.gz", "ST-spotfiles_B1_selection.tsv", "ST-pat_lbl_B1_labeled_coordinates.tsv")
    for file, copy in zip(HER2ST_B1.files, copies, strict=True):
        path = "/" + file.address.split("/", 3)[3]
        server.offers[path] = (formats_dir / "legacy_st" / copy).read_bytes()
    slide = _slide_of(_sample_data.her2st_b1(cache=tmp_path, base_url=server.url))
    assert (slide.n_spots, slide.n_genes) == (295, 15_109)
    assert slide.obs["label"].nunique() == 4
    assert find_lattice(slide).kind is LatticeKind.SQUARE


def test_the_written_scale_factors_are_space_rangers(formats_dir: Path) -> None:
    ((_, text),) = DLPFC_151673.written
    published = json.loads((formats_dir / "spaceranger_v1_151673/spatial/scalefactors_json.json").read_text())
    assert json.loads(text).items() <= published.items()
