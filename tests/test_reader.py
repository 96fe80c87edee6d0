"""What napari calls when something is dropped on it or opened from its menu."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from napari_stimg._reader import GENE_ROLE, HISTOLOGY_ROLE, PARTS_KEY, ROLE_KEY, SLIDE_KEY, get_reader, layer_data
from napari_stimg.errors import InputError
from napari_stimg.slide import Histology
from tests.known_slides import simulated_slide, slide_of
from tests.small_sections import write_small_section, write_two_sections


@pytest.mark.parametrize("name", ["a.h5ad", "A.H5AD", "a.h5", "a.tsv", "a.tsv.gz", "a.zarr"])
def test_files_that_may_hold_a_section_are_read(name):
    assert get_reader(f"/somewhere/{name}") is not None


@pytest.mark.parametrize("name", ["a.png", "a.csv", "a.gz", "h5ad"])
def test_other_files_are_left_to_others(name):
    assert get_reader(f"/somewhere/{name}") is None


def test_a_space_ranger_folder_is_read_and_another_folder_is_not(tmp_path):
    assert get_reader(str(tmp_path)) is None
    (tmp_path / "spatial").mkdir()
    assert get_reader(str(tmp_path)) is not None


def test_several_files_are_read_if_all_of_them_may_hold_a_section():
    assert get_reader(["/a.h5ad", "/b.h5ad"]) is not None
    assert get_reader(["/a.h5ad", "/b.png"]) is None
    assert get_reader([]) is None


def test_each_file_becomes_a_layer_of_its_own_section(tmp_path):
    paths = [str(write_small_section(tmp_path / name)) for name in ("one.h5ad", "two.h5ad")]
    read = get_reader(paths)
    assert read is not None
    layers = read(paths)
    assert [attributes["metadata"][SLIDE_KEY].name for _, attributes, _ in layers] == ["one", "two"]


def test_of_several_sections_in_a_file_the_first_is_read_and_all_are_named(tmp_path):
    path = write_two_sections(tmp_path / "two.h5ad")
    read = get_reader(str(path))
    assert read is not None
    ((_, attributes, _),) = read(str(path))
    assert attributes["metadata"][SLIDE_KEY].name == "two A"
    assert attributes["metadata"][PARTS_KEY] == (path, ("A", "B"))


def test_a_damaged_file_is_said_to_be_damaged(tmp_path: Path):
    damaged = tmp_path / "damaged.h5ad"
    damaged.write_bytes(b"nothing like HDF5")
    read = get_reader(str(damaged))
    assert read is not None
    with pytest.raises(InputError, match=r"damaged\.h5ad"):
        read(str(damaged))


def test_a_section_opens_as_its_counts_in_microns():
    slide = simulated_slide()
    ((picture, attributes, kind),) = layer_data(slide)
    assert kind == "image"
    assert attributes["metadata"] == {SLIDE_KEY: slide, ROLE_KEY: GENE_ROLE}
    assert attributes["units"] == ("micrometer", "micrometer")
    depth = np.log10(1 + np.asarray(slide.counts.sum(axis=1), dtype=np.float64).ravel())
    shown = picture[np.isfinite(picture)]
    assert set(np.unique(shown)) <= set(depth.astype(np.float32))
    assert attributes["contrast_limits"][0] < attributes["contrast_limits"][1]


def test_without_microns_the_world_is_the_slides_own():
    places = np.stack(np.meshgrid(np.arange(4) * 10.0 + 500, np.arange(5) * 10.0, indexing="ij"), -1).reshape(-1, 2)
    slide = slide_of(np.eye(20), places=places, array_indices=None)
    ((picture, attributes, _),) = layer_data(slide)
    assert attributes["units"] == ("pixel", "pixel")
    rows, cols = np.nonzero(np.isfinite(picture))
    top_left = attributes["translate"] + np.array(attributes["scale"]) * (rows.min(), cols.min())
    np.testing.assert_allclose(top_left, (495, -5), atol=attributes["scale"][0])


def test_the_stained_picture_lies_below_the_counts():
    image = np.zeros((30, 40, 3), dtype=np.uint8)
    slide = replace(simulated_slide(), histology=Histology(image=image, px_per_place=0.5))
    below, above = layer_data(slide)
    assert below[1]["metadata"][ROLE_KEY] == HISTOLOGY_ROLE
    assert below[1]["rgb"]
    assert above[1]["metadata"][ROLE_KEY] == GENE_ROLE
