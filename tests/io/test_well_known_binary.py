import struct

import numpy as np
import pytest

from napari_stimg.io.well_known_binary import centres


def ring(*corners: tuple[float, float], order: str = "<") -> bytes:
    return struct.pack(f"{order}I", len(corners)) + np.array(corners, dtype=f"{order}f8").tobytes()


def polygon(*rings: bytes, order: str = "<") -> bytes:
    return struct.pack(f"{order}BII", int(order == "<"), 3, len(rings)) + b"".join(rings)


def box(x: float, y: float, side: float, order: str = "<") -> bytes:
    return ring((x, y), (x + side, y), (x + side, y + side), (x, y + side), (x, y), order=order)


@pytest.mark.parametrize("order", ["<", ">"])
def test_a_point_is_its_own_centre(order):
    np.testing.assert_array_equal(centres([struct.pack(f"{order}BI2d", int(order == "<"), 1, 3.0, 4.0)]), [[3.0, 4.0]])


@pytest.mark.parametrize("order", ["<", ">"])
def test_the_centre_of_a_polygon_is_that_of_its_area(order):
    triangle = ring((0, 0), (6, 0), (0, 3), (0, 0), order=order)
    np.testing.assert_allclose(centres([polygon(triangle, order=order)]), [[2.0, 1.0]])


def test_the_direction_of_a_ring_does_not_matter():
    np.testing.assert_allclose(centres([polygon(ring((0, 3), (6, 0), (0, 0), (0, 3)))]), [[2.0, 1.0]])


def test_a_hole_moves_the_centre_away():
    # 16 at (2, 2) less 4 at (1, 1): (32 - 4) / 12
    np.testing.assert_allclose(centres([polygon(box(0, 0, 4), box(0, 0, 2))]), [[28 / 12, 28 / 12]])


def test_the_parts_of_a_multipolygon_weigh_by_their_area():
    parts = polygon(box(0, 0, 2)) + polygon(box(10, 0, 1))
    centre = centres([struct.pack("<BII", 1, 6, 2) + parts])
    np.testing.assert_allclose(centre, [[(4 * 1 + 1 * 10.5) / 5, (4 * 1 + 1 * 0.5) / 5]])


def test_far_from_the_origin_nothing_is_lost():
    np.testing.assert_allclose(centres([polygon(box(1e7, 2e7, 0.5))]), [[1e7 + 0.25, 2e7 + 0.25]], rtol=0, atol=1e-6)


def test_a_polygon_without_area_has_the_mean_of_its_corners():
    np.testing.assert_allclose(centres([polygon(ring((1, 1), (3, 1), (1, 1), (3, 1)))]), [[2.0, 1.0]])


def test_no_geometries_have_no_centres():
    assert centres([]).shape == (0, 2)


def test_another_kind_of_geometry_is_an_error():
    with pytest.raises(ValueError, match="expected a point, polygon or multipolygon, found geometry type 2"):
        centres([struct.pack("<BII", 1, 2, 0)])


def test_a_geometry_cut_short_is_an_error():
    with pytest.raises((ValueError, struct.error), match="buffer"):
        centres([polygon(box(0, 0, 1))[:-8]])
