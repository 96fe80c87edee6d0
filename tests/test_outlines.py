"""Outlines of spots, by cells whose areas are known."""

import numpy as np
import pytest
from scipy.spatial import ConvexHull, Voronoi

from napari_stimg.lattice import find_lattice
from napari_stimg.outlines import spot_cells
from tests.synthetic_lattices import HEXAGONAL, SQUARE, array_of, place, slide_at


def area(polygon):
    """Return the area of a polygon less that of its holes, each ring (n, 2) corners (x, y)."""
    return sum(ring[:, 0] @ np.roll(ring[:, 1], -1) - ring[:, 1] @ np.roll(ring[:, 0], -1) for ring in polygon) / 2


def outlines_of(slide, chosen):
    spots = np.zeros(slide.n_spots, dtype=bool)
    spots[chosen] = True
    return spot_cells(slide, find_lattice(slide)).outlines(spots)


@pytest.mark.parametrize(("kind", "cell"), [(SQUARE, 1.0), (HEXAGONAL, np.sqrt(3) / 2)])
@pytest.mark.parametrize("turn_deg", [0.0, 17.0])
def test_a_spot_of_a_lattice_has_a_cell_of_its_share_of_the_plane(kind, cell, turn_deg):
    indices = array_of(kind, 9, 11)
    slide = slide_at(place(indices, kind, pitch=50.0, turn_deg=turn_deg), indices=indices)
    middle = 4 * 11 + 5
    (polygon,) = outlines_of(slide, [middle])
    assert area(polygon) == pytest.approx(cell * 50.0**2)
    assert len(polygon[0]) == (4 if kind is SQUARE else 6)
    (ring,) = outlines_of(slide, [spot for spot in range(99) if spot != middle])
    assert area(ring) == pytest.approx(98 * cell * 50.0**2)
    assert len(ring) == 2


def test_cells_of_scattered_spots_are_those_of_voronoi():
    places = place(array_of(HEXAGONAL, 20, 20), HEXAGONAL, pitch=50.0, jitter=0.04)
    slide, diagram = slide_at(places), Voronoi(places[:, ::-1])
    for spot in range(20 * 9 + 5, 20 * 9 + 15):
        corners = diagram.vertices[diagram.regions[diagram.point_region[spot]]]
        (polygon,) = outlines_of(slide, [spot])
        assert area(polygon) == pytest.approx(ConvexHull(corners).volume)
