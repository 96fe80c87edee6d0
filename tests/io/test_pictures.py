import h5py
import numpy as np
import pytest
from PIL import Image

from napari_stimg.errors import InputError
from napari_stimg.io import read_slide, slide_from_anndata
from napari_stimg.io.pictures import as_rgb, picture_to_uns, read_picture, read_scale_factors
from tests.io.written_formats import anndata_of, hexagonal_truth, write_pictures

RED = np.zeros((4, 5, 3), dtype=np.uint8) + np.array([200, 0, 0], dtype=np.uint8)


def with_library(library: dict, **others: object):
    adata = anndata_of(hexagonal_truth())
    adata.uns["spatial"] = {"lib": library, **others}
    return adata


def test_the_high_resolution_picture_is_preferred(tmp_path):
    write_pictures(tmp_path)
    histology, notes = read_picture(tmp_path, read_scale_factors(tmp_path))
    assert histology.image.shape == (40, 50, 3)
    assert histology.image[0, 0].tolist() == [200, 0, 0]
    assert histology.px_per_place == 0.1
    assert notes == ()


def test_the_low_resolution_picture_is_taken_where_it_is_the_only_one(tmp_path):
    write_pictures(tmp_path)
    (tmp_path / "tissue_hires_image.png").unlink()
    histology, _ = read_picture(tmp_path, read_scale_factors(tmp_path))
    assert histology.image.shape == (12, 15, 3)
    assert histology.px_per_place == 0.03


def test_a_picture_without_a_scale_factor_is_left_out_with_a_note(tmp_path):
    write_pictures(tmp_path)
    (tmp_path / "scalefactors_json.json").unlink()
    assert read_scale_factors(tmp_path) == {}
    histology, notes = read_picture(tmp_path, {})
    assert histology is None
    assert notes == ("There is no picture of the stained section, or no scale factor for it.",)


def test_a_grey_picture_becomes_rgb(tmp_path):
    write_pictures(tmp_path)
    Image.new("L", (50, 40), 9).save(tmp_path / "tissue_hires_image.png")
    histology, _ = read_picture(tmp_path, read_scale_factors(tmp_path))
    assert histology.image[3, 3].tolist() == [9, 9, 9]


def test_a_truncated_picture_is_an_error(tmp_path):
    write_pictures(tmp_path)
    path = tmp_path / "tissue_hires_image.png"
    path.write_bytes(path.read_bytes()[:60])
    with pytest.raises(
        InputError, match=r"tissue_hires_image.png: expected a picture \(PNG\), found one that cannot be read"
    ):
        read_picture(tmp_path, read_scale_factors(tmp_path))


def test_damaged_scale_factors_are_an_error(tmp_path):
    (tmp_path / "scalefactors_json.json").write_text('{"tissue_hires_scalef": ')
    with pytest.raises(
        InputError, match="expected Space Ranger's scale factors as JSON, found one that cannot be read"
    ):
        read_scale_factors(tmp_path)


def test_a_scale_factor_of_zero_is_an_error(tmp_path):
    write_pictures(tmp_path, tissue_hires_scalef=0.0)
    with pytest.raises(InputError, match="expected a scale factor > 0, found 0; mend or remove the picture"):
        read_picture(tmp_path, read_scale_factors(tmp_path))


@pytest.mark.parametrize("on_disk", [False, True])
def test_the_picture_of_an_anndata_is_kept_with_its_scale(tmp_path, on_disk):
    factors = {"tissue_hires_scalef": 0.25, "spot_diameter_fullres": 90.0}
    adata = with_library(
        {"images": {"hires": RED, "lowres": RED[:2]}, "scalefactors": factors, "metadata": {}}, is_single=True
    )
    if on_disk:
        adata.write_h5ad(tmp_path / "s.h5ad")
    slide = read_slide(tmp_path / "s.h5ad") if on_disk else slide_from_anndata(adata, name="s")
    np.testing.assert_array_equal(slide.histology.image, RED)
    assert slide.histology.px_per_place == 0.25


def test_a_damaged_picture_in_an_anndata_is_an_error(tmp_path):
    adata = with_library({"images": {"hires": RED}, "scalefactors": {"tissue_hires_scalef": 0.25}})
    adata.write_h5ad(tmp_path / "s.h5ad")
    with h5py.File(tmp_path / "s.h5ad", "r+") as file:
        file["uns/spatial/lib/images/hires"].attrs["encoding-type"] = "nonsense"
    with pytest.raises(InputError, match="cannot be read"):
        read_slide(tmp_path / "s.h5ad")


def test_a_picture_in_an_anndata_without_a_factor_is_noted():
    slide = slide_from_anndata(with_library({"images": {"hires": RED}}), name="s")
    assert slide.histology is None
    assert slide.notes == ("There is a picture but no scale factor for it.",)


def test_pictures_of_several_libraries_are_noted():
    library = {"images": {"hires": RED}, "scalefactors": {"tissue_hires_scalef": 0.25}}
    slide = slide_from_anndata(with_library(library, other=library), name="s")
    assert slide.histology is None
    assert "There are pictures of 2 libraries" in slide.notes[0]


def test_uns_spatial_that_is_no_mapping_is_passed_over(tmp_path):
    adata = anndata_of(hexagonal_truth())
    adata.uns["spatial"] = "none"
    adata.write_h5ad(tmp_path / "s.h5ad")
    assert read_slide(tmp_path / "s.h5ad").histology is None
    assert slide_from_anndata(adata, name="s").histology is None


@pytest.mark.parametrize(
    "image",
    [
        RED,
        RED / 255.0,
        (RED / 255.0).astype(np.float32),
        RED.astype(np.float64),
        RED.astype(np.uint16) << 8,
        np.dstack([RED, RED[..., :1]]),
    ],
    ids=["uint8", "0 to 1", "float32", "0 to 255", "uint16", "RGBA"],
)
def test_pictures_of_any_type_become_rgb_of_bytes(image):
    rgb = as_rgb(image, name="s")
    assert rgb.dtype == np.uint8
    np.testing.assert_array_equal(rgb, RED)


def test_a_grey_array_becomes_rgb():
    np.testing.assert_array_equal(as_rgb(RED[..., 0], name="s"), RED[..., [0, 0, 0]])


def test_a_picture_of_five_colours_is_an_error():
    with pytest.raises(
        InputError, match=r"expected a picture of \(rows, cols, 3 or 4\), found an array of shape \(4, 5, 5\)"
    ):
        as_rgb(np.zeros((4, 5, 5), dtype=np.uint8), name="s")


def test_without_picture_and_scale_there_is_nothing_to_keep():
    assert picture_to_uns(None, None, name="s") == {}
