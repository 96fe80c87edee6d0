"""Stores as SpatialData writes them (compared with version 0.7's own, zarr formats 2 and 3)."""

import json
import struct
import sys
import warnings
from pathlib import Path

import anndata as ad
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zarr

from napari_stimg.errors import InputError
from napari_stimg.io import SeveralSectionsError, read_slide, spatialdata_pictures
from tests.io.written_formats import Truth, anndata_of, hexagonal_truth, square_truth

TRUTH = hexagonal_truth()
IDENTITY = {"type": "identity", "output": {"name": "global"}}


def scale(factor: float, system: str = "global") -> dict:
    return {"type": "scale", "scale": [1.0, factor, factor], "output": {"name": system}}


def point(x: float, y: float) -> bytes:
    return struct.pack("<BI2d", 1, 1, x, y)


def square(x: float, y: float) -> bytes:
    """Return a square of side 2 round (x, y), as well-known binary."""
    corners = [(x - 1, y - 1), (x + 1, y - 1), (x + 1, y + 1), (x - 1, y + 1), (x - 1, y - 1)]
    return struct.pack("<BIII", 1, 3, 1, 5) + np.array(corners).tobytes()


class Store:
    """A store that is filled element by element."""

    def __init__(self, path: Path, zarr_format: int) -> None:
        self.path = path
        self.root = zarr.open_group(path, mode="w", zarr_format=zarr_format)
        self.root.attrs["spatialdata_attrs"] = {"version": "0.2"}

    def add_table(self, name: str, adata: ad.AnnData, regions: dict[str, int] | str) -> None:
        """Add a table whose rows annotate a region, or as many rows each as ``regions`` says."""
        adata = adata.copy()
        counted = {regions: adata.n_obs} if isinstance(regions, str) else regions
        adata.obs["region"] = pd.Categorical([region for region, count in counted.items() for _ in range(count)])
        adata.obs["instance"] = [1000 + number for count in counted.values() for number in range(count)]
        attributes = {"region": np.array(list(counted)), "region_key": "region", "instance_key": "instance"}
        adata.uns["spatialdata_attrs"] = attributes
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # zarr 3 has no specification of strings yet
            ad.io.write_elem(self.root, f"tables/{name}", adata)

    def add_shapes(
        self, name: str, truth: Truth, *, form=point, transformations=(IDENTITY,), left_out: int = 0
    ) -> None:
        """Add the truth's places in reverse order, numbered from 1000."""
        group = self.root.require_group("shapes").create_group(name)
        group.attrs["coordinateTransformations"] = list(transformations)
        group.attrs["encoding-type"] = "ngff:shapes"
        frame = pd.DataFrame({"geometry": [form(col, row) for row, col in truth.places], "radius": 27.5})
        frame.index = frame.index + 1000
        pq.write_table(
            pa.Table.from_pandas(frame.iloc[left_out:][::-1]), self.path / "shapes" / name / "shapes.parquet"
        )

    def add_image(self, name: str, sides: list[int], *, transformations, axes: str = "cyx", n_colours: int = 3) -> None:
        """Add a pyramid of square pictures; the value of a picture is its side."""
        group = self.root.require_group("images").create_group(name)
        datasets = []
        for level, side in enumerate(sides):
            pixels = np.full((n_colours, side, side), side % 250, dtype=np.uint8)
            group.create_array(f"s{level}", shape=pixels.shape, dtype="uint8")[:] = pixels
            datasets.append(
                {
                    "path": f"s{level}",
                    "coordinateTransformations": [{"type": "scale", "scale": [1.0, sides[0] / side, sides[0] / side]}],
                }
            )
        multiscales = [
            {
                "axes": [{"name": axis} for axis in axes],
                "datasets": datasets,
                "coordinateTransformations": list(transformations),
            }
        ]
        group.attrs.update(
            {"ome": {"multiscales": multiscales}}
            if self.root.metadata.zarr_format == 3
            else {"multiscales": multiscales}
        )


@pytest.fixture(params=[2, 3], ids=["zarr 2", "zarr 3"])
def store(request, tmp_path) -> Store:
    return Store(tmp_path / "sample.zarr", request.param)


def without_places(truth: Truth) -> ad.AnnData:
    adata = anndata_of(truth)
    del adata.obsm["spatial"]
    return adata


def assert_is(slide, truth: Truth) -> None:
    np.testing.assert_array_equal(slide.counts.toarray(), truth.counts)
    np.testing.assert_allclose(slide.places, truth.places)
    assert list(slide.spot_names) == list(truth.barcodes)
    assert list(slide.gene_ids) == list(truth.gene_ids)


@pytest.mark.parametrize("form", [point, square])
def test_a_table_and_the_shapes_that_it_annotates_are_a_slide(store, form):
    store.add_table("table", without_places(TRUTH), "spots")
    store.add_shapes("spots", TRUTH, form=form)
    slide = read_slide(store.path)
    assert_is(slide, TRUTH)
    assert slide.name == "sample"
    assert slide.source == store.path
    assert slide.um_per_place == pytest.approx(100 / 137.0)


def test_several_tables_are_several_sections(store):
    cells = square_truth()
    store.add_table("table", without_places(TRUTH), "spots")
    store.add_table("cell_table", without_places(cells), "cells")
    store.add_shapes("spots", TRUTH)
    store.add_shapes("cells", cells, form=square)
    with pytest.raises(
        SeveralSectionsError, match=r"expected one of its 2 sections \(cells, spots\), found no choice"
    ) as caught:
        read_slide(store.path)
    assert caught.value.sections == ("cells", "spots")
    for section in ("cells", "cell_table"):
        slide = read_slide(store.path, section=section)
        assert_is(slide, cells)
        assert slide.name == "sample cells"
    with pytest.raises(SeveralSectionsError, match="found nuclei; choose one by its name"):
        read_slide(store.path, section="nuclei")


def test_the_regions_of_one_table_are_several_sections(store):
    both = ad.concat({"a": without_places(TRUTH), "b": without_places(TRUTH)}, index_unique="_", merge="same")
    store.add_table("table", both, {"left": 20, "right": 20})
    store.add_shapes("left", TRUTH)
    store.add_shapes("right", TRUTH)
    slide = read_slide(store.path, section="right")
    np.testing.assert_array_equal(slide.counts.toarray(), TRUTH.counts)
    assert slide.spot_names[0] == f"{TRUTH.barcodes[0]}_b"


def test_two_tables_of_one_region_are_listed_by_name(store):
    for name in ("raw", "clean"):
        store.add_table(name, without_places(TRUTH), "spots")
    store.add_shapes("spots", TRUTH)
    with pytest.raises(SeveralSectionsError, match=r"\(clean, raw\)"):
        read_slide(store.path)
    assert read_slide(store.path, section="raw").n_spots == 20


def test_visium_hd_opens_at_eight_microns_unless_bins_are_chosen(store):
    truths = {"square_002um": square_truth(9, 8), "square_008um": square_truth()}
    for name, truth in truths.items():
        store.add_table(name, without_places(truth), f"HD_{name}")
        store.add_shapes(f"HD_{name}", truth)
    assert_is(read_slide(store.path), truths["square_008um"])
    assert_is(read_slide(store.path, section="square_002um"), truths["square_002um"])


def test_a_region_without_shapes_takes_its_places_from_the_table(store):
    store.add_table("table", anndata_of(TRUTH), "labels_of_cells")
    assert_is(read_slide(store.path), TRUTH)


def test_an_anndata_written_as_zarr_is_read(tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        anndata_of(TRUTH).write_zarr(tmp_path / "s.zarr")
    assert_is(read_slide(tmp_path / "s.zarr"), TRUTH)


def test_the_finest_picture_over_the_spots_is_kept_with_its_scale(store, monkeypatch):
    monkeypatch.setattr(spatialdata_pictures, "_LARGEST_SIDE_PX", 60)
    store.add_table("table", without_places(TRUTH), "spots")
    store.add_shapes("spots", TRUTH, transformations=[IDENTITY, scale(0.01, "small")])
    store.add_image("lowres", [12], transformations=[scale(1.0, "small")])
    store.add_image("full", [500, 50, 5], transformations=[scale(2.0)])
    histology = read_slide(store.path).histology
    assert histology.image.shape == (50, 50, 3)
    assert histology.px_per_place == pytest.approx(1 / 2 / 10)


def test_a_picture_that_is_turned_is_left_out_with_a_note(store):
    store.add_table("table", without_places(TRUTH), "spots")
    store.add_shapes("spots", TRUTH)
    turned = {"type": "affine", "affine": [[0, 1, 0], [1, 0, 0], [0, 0, 1]], "output": {"name": "global"}}
    stretched = {"type": "scale", "scale": [1.0, 2.0, 3.0], "output": {"name": "global"}}
    for number, transformation in enumerate(
        (turned, stretched, {"type": "sequence", "transformations": [IDENTITY, turned], "output": {"name": "global"}})
    ):
        store.add_image(f"he{number}", [20], transformations=[transformation])
    slide = read_slide(store.path)
    assert slide.histology is None
    assert "No picture of the store lies straight over the spots." in slide.notes


def test_a_sequence_of_scales_is_their_product(store):
    store.add_table("table", without_places(TRUTH), "spots")
    store.add_shapes("spots", TRUTH)
    steps = [scale(2.0), IDENTITY, scale(4.0)]
    store.add_image(
        "he", [20], transformations=[{"type": "sequence", "transformations": steps, "output": {"name": "global"}}]
    )
    assert read_slide(store.path).histology.px_per_place == 1 / 8


def test_a_grey_picture_becomes_rgb(store):
    store.add_table("table", without_places(TRUTH), "spots")
    store.add_shapes("spots", TRUTH)
    store.add_image("dapi", [20], transformations=[IDENTITY], n_colours=1)
    assert read_slide(store.path).histology.image.shape == (20, 20, 3)


def test_a_stack_of_pictures_is_passed_over(store):
    store.add_table("table", without_places(TRUTH), "spots")
    store.add_shapes("spots", TRUTH)
    store.add_image("volume", [20], transformations=[IDENTITY], axes="czyx")
    assert read_slide(store.path).histology is None


# --- what cannot be used ----------------------------------------------------------------------


def test_a_store_without_a_table_is_an_error(store):
    store.add_shapes("spots", TRUTH)
    with pytest.raises(
        InputError, match="expected a SpatialData store with a table that annotates a region, found shapes"
    ):
        read_slide(store.path)


def test_an_empty_store_is_an_error(store):
    with pytest.raises(InputError, match="found nothing in it; add the table of counts"):
        read_slide(store.path)


def test_a_folder_that_only_calls_itself_a_store_is_an_error(tmp_path):
    (tmp_path / "s.zarr").mkdir()
    with pytest.raises(
        InputError, match=r"s.zarr: expected a SpatialData store \(.zarr\), found one that cannot be read"
    ):
        read_slide(tmp_path / "s.zarr")


def test_a_spot_without_a_shape_is_an_error(store):
    store.add_table("table", without_places(TRUTH), "spots")
    store.add_shapes("spots", TRUTH, left_out=2)
    with pytest.raises(InputError, match="expected every spot among the shapes of spots, found 2 without a shape"):
        read_slide(store.path)


def test_no_shapes_and_no_places_is_an_error(store):
    adata = without_places(TRUTH)
    adata.obs = adata.obs[[]]
    store.add_table("table", adata, "labels_of_cells")
    with pytest.raises(InputError, match="expected positions in obsm"):
        read_slide(store.path)


def test_damaged_shapes_are_an_error(store):
    store.add_table("table", without_places(TRUTH), "spots")
    store.add_shapes("spots", TRUTH)
    file = store.path / "shapes" / "spots" / "shapes.parquet"
    file.write_bytes(file.read_bytes()[:-30])
    with pytest.raises(
        InputError, match=r"shapes.parquet: expected shapes in GeoParquet, found one that cannot be read"
    ):
        read_slide(store.path)


def test_shapes_that_are_lines_are_an_error(store):
    store.add_table("table", without_places(TRUTH), "spots")
    store.add_shapes("spots", TRUTH, form=lambda x, y: struct.pack("<BII4d", 1, 2, 2, x, y, x, y))
    with pytest.raises(InputError, match="expected a point, polygon or multipolygon, found geometry type 2"):
        read_slide(store.path)


def test_damaged_metadata_is_an_error(store):
    store.add_table("table", without_places(TRUTH), "spots")
    (next(store.path.glob("tables/table/X/z*.json"), None) or store.path / "tables/table/X/.zattrs").write_text("{")
    with pytest.raises(InputError, match="cannot be read") as caught:
        read_slide(store.path)
    assert isinstance(caught.value.__cause__, json.JSONDecodeError)


def test_a_missing_zarr_is_an_error_that_says_how_to_install_it(store, monkeypatch):
    monkeypatch.setitem(sys.modules, "zarr", None)
    with pytest.raises(InputError, match=r"expected the package zarr .* `pip install 'napari-stimg\[spatialdata\]'"):
        read_slide(store.path)
