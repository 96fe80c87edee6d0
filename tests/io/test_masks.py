import json

import numpy as np
import pytest

from napari_stimg.errors import InputError
from napari_stimg.io import mask_from_geojson, mask_from_key, mask_from_square, slide_from_anndata
from napari_stimg.lattice import find_lattice
from tests.io.written_formats import anndata_of, square_truth

TRUTH = square_truth()  # 4 x 6 spots, 29 pixels apart, from (row, col) = (187, 332)


@pytest.fixture
def slide():
    adata = anndata_of(TRUTH)
    adata.obs["bools"] = np.arange(24) < 5
    adata.obs["numbers"] = (np.arange(24) < 5).astype(int)
    adata.obs["words"] = np.where(np.arange(24) < 5, "True", "False")
    adata.obs["layer"] = "L1"
    adata.obs["nothing"], adata.obs["everything"] = False, True
    return slide_from_anndata(adata, name="s")


def ring(low_x: float, low_y: float, high_x: float, high_y: float) -> list[list[float]]:
    return [[low_x, low_y], [high_x, low_y], [high_x, high_y], [low_x, high_y], [low_x, low_y]]


def geojson(folder, content: object):
    (folder / "region.geojson").write_text(json.dumps(content), encoding="utf-8")
    return folder / "region.geojson"


def polygon(*rings: list[list[float]]) -> dict:
    return {"type": "Polygon", "coordinates": list(rings)}


def spots_within(low_row: int, high_row: int, low_col: int, high_col: int) -> np.ndarray:
    """Return the spots in these rows and columns of the array, ends included."""
    row, col = (TRUTH.array_indices - [3, 8]).T
    return (row >= low_row) & (row <= high_row) & (col >= low_col) & (col <= high_col)


@pytest.mark.parametrize("key", ["bools", "numbers", "words"])
def test_a_column_of_true_and_false_is_a_mask(slide, key):
    mask = mask_from_key(slide, key)
    assert mask.dtype == np.bool_
    np.testing.assert_array_equal(mask, np.arange(24) < 5)


def test_an_unknown_key_is_an_error_that_lists_what_can_be_a_mask(slide):
    with pytest.raises(
        InputError, match=r"can be a mask \(bools, numbers, words, nothing, everything\), found no column 'hole'"
    ):
        mask_from_key(slide, "hole")


def test_a_column_of_labels_is_an_error(slide):
    with pytest.raises(InputError, match=r"expected True and False \(or 1 and 0\) in obs layer, found L1"):
        mask_from_key(slide, "layer")


def test_a_column_that_hides_nothing_is_an_error(slide):
    with pytest.raises(InputError, match="expected a mask that hides at least one spot, found none in obs nothing"):
        mask_from_key(slide, "nothing")


def test_a_column_that_hides_everything_is_an_error(slide):
    with pytest.raises(InputError, match="found every spot in obs everything; hide fewer"):
        mask_from_key(slide, "everything")


def test_a_square_hides_the_cells_of_the_raster(slide):
    np.testing.assert_array_equal(mask_from_square(slide, find_lattice(slide), 1, 2, 2), spots_within(1, 2, 2, 3))


def test_a_square_may_reach_over_the_edge(slide):
    np.testing.assert_array_equal(mask_from_square(slide, find_lattice(slide), -1, 4, 3), spots_within(0, 1, 4, 5))


@pytest.mark.parametrize(("row", "col"), [(50, 0), (0, 6), (-4, 0)])
def test_a_square_outside_the_tissue_is_an_error(slide, row, col):
    with pytest.raises(
        InputError, match=rf"found none in the square of 3 cells at \({row}, {col}\) of a raster of 4 x 6"
    ):
        mask_from_square(slide, find_lattice(slide), row, col, 3)


def test_a_square_over_everything_is_an_error(slide):
    with pytest.raises(InputError, match="found every spot in the square of 6 cells"):
        mask_from_square(slide, find_lattice(slide), 0, 0, 6)


@pytest.mark.parametrize("side", [0, -2])
def test_a_square_without_cells_is_an_error(slide, side):
    with pytest.raises(InputError, match=f"expected a square of at least one cell a side, found {side}"):
        mask_from_square(slide, find_lattice(slide), 0, 0, side)


BOX = ring(332 - 5, 187 - 5, 332 + 3 * 29 + 5, 187 + 29 + 5)  # rows 0 and 1, columns 0 to 3, as (x, y)


@pytest.mark.parametrize(
    "content",
    [
        polygon(BOX),
        {"type": "Feature", "geometry": polygon(BOX), "properties": {}},
        {"type": "FeatureCollection", "features": [{"type": "Feature", "geometry": polygon(BOX)}]},
        [{"type": "Feature", "geometry": polygon(BOX)}, {"type": "Feature", "geometry": None}],
        {"type": "MultiPolygon", "coordinates": [[BOX], [ring(0, 0, 1, 1)]]},
        {"type": "GeometryCollection", "geometries": [{"type": "Point", "coordinates": [1, 2]}, polygon(BOX)]},
        polygon(BOX[:-1]),
        polygon(BOX[::-1]),
    ],
    ids=["polygon", "feature", "collection", "list", "multipolygon", "geometries", "open ring", "turned ring"],
)
def test_spots_whose_centre_is_in_a_polygon_are_hidden(slide, tmp_path, content):
    np.testing.assert_array_equal(mask_from_geojson(slide, geojson(tmp_path, content)), spots_within(0, 1, 0, 3))


def test_spots_in_a_hole_are_not_hidden(slide, tmp_path):
    hole = ring(332 + 29 - 5, 187 - 9, 332 + 29 + 5, 187 + 9)  # round the spot of row 0, column 1
    mask = mask_from_geojson(slide, geojson(tmp_path, polygon(BOX, hole)))
    np.testing.assert_array_equal(mask, spots_within(0, 1, 0, 3) & ~spots_within(0, 0, 1, 1))


def test_overlapping_polygons_hide_their_union(slide, tmp_path):
    content = [polygon(BOX), polygon(BOX)]
    np.testing.assert_array_equal(mask_from_geojson(slide, geojson(tmp_path, content)), spots_within(0, 1, 0, 3))


def test_a_slanted_edge_is_followed(slide, tmp_path):
    triangle = [[332 - 5, 187 - 5], [332 + 6 * 29, 187 - 5], [332 - 5, 187 + 6 * 29]]
    row, col = (TRUTH.array_indices - [3, 8]).T
    np.testing.assert_array_equal(mask_from_geojson(slide, geojson(tmp_path, polygon(triangle))), row + col <= 5)


def test_polygons_off_the_tissue_are_an_error_that_says_where_the_spots_lie(slide, tmp_path):
    path = geojson(tmp_path, polygon(ring(0, 0, 9, 9)))
    with pytest.raises(
        InputError, match=r"found none in region.geojson \(the spots lie at x 332 to 477, y 187 to 274\)"
    ):
        mask_from_geojson(slide, path)


def test_polygons_over_everything_are_an_error(slide, tmp_path):
    with pytest.raises(InputError, match=r"found every spot in region.geojson"):
        mask_from_geojson(slide, geojson(tmp_path, polygon(ring(0, 0, 999, 999))))


def test_no_geojson_file_is_an_error(slide, tmp_path):
    with pytest.raises(InputError, match="expected a GeoJSON file, found none there"):
        mask_from_geojson(slide, tmp_path / "lost.geojson")


def test_geojson_without_a_polygon_is_an_error(slide, tmp_path):
    with pytest.raises(InputError, match="expected at least one Polygon or MultiPolygon, found none"):
        mask_from_geojson(slide, geojson(tmp_path, {"type": "Point", "coordinates": [1, 2]}))


@pytest.mark.parametrize("corners", [[[0, 0], [1, 1]], [[0, 0], [1, None], [2, 2]], [["a", "b"]] * 3])
def test_corners_that_are_no_outline_are_an_error(slide, tmp_path, corners):
    with pytest.raises(InputError, match=r"region.geojson: expected GeoJSON, found one that cannot be read"):
        mask_from_geojson(slide, geojson(tmp_path, polygon(corners)))


def test_a_file_that_is_no_json_is_an_error(slide, tmp_path):
    (tmp_path / "region.geojson").write_text("{")
    with pytest.raises(InputError, match=r"cannot be read \(JSONDecodeError"):
        mask_from_geojson(slide, tmp_path / "region.geojson")
