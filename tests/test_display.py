import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from napari_stimg.display import MAX_PX, PX_PER_PITCH, REACH, SpotRaster, _pixel_grid, inside_polygon, spot_raster
from napari_stimg.errors import InputError
from napari_stimg.lattice import LatticeKind, find_lattice
from napari_stimg.slide import Histology, Slide
from tests.synthetic_lattices import REGULAR, array_of, place, slide_at

PITCH = 55.0


def regular_slide(kind: LatticeKind, *, n_rows: int = 9, n_cols: int = 7, turn_deg: float = 0.0) -> Slide:
    """Return a slide on a full array whose first index is odd, its spots in random order."""
    indices = np.random.default_rng(0).permutation(array_of(kind, n_rows, n_cols))
    indices = indices + np.array([3, 0 if kind is LatticeKind.SQUARE else 1])
    return slide_at(place(indices, kind, pitch=PITCH, turn_deg=turn_deg), indices=indices)


def irregular_slide(n_spots: int = 150) -> Slide:
    return slide_at(np.random.default_rng(0).random((n_spots, 2)) * [700.0, 1100.0])


def raster_of(slide: Slide) -> SpotRaster:
    return spot_raster(slide, find_lattice(slide))


def places_of_pixels(raster: SpotRaster) -> NDArray[np.float64]:
    return raster.translate + raster.scale * np.moveaxis(np.indices(raster.idmap.shape), 0, -1)


SLIDES = {kind: regular_slide(kind, turn_deg=4) for kind in REGULAR} | {LatticeKind.IRREGULAR: irregular_slide()}


@pytest.fixture(params=SLIDES, ids=str)
def slide(request: pytest.FixtureRequest) -> Slide:
    """Return a slide on each kind of lattice."""
    return SLIDES[request.param]


# --- which spot a pixel shows --------------------------------------------------------------------------


def test_pixels_show_the_nearest_spot(slide: Slide) -> None:
    raster = raster_of(slide)
    distance, nearest = cKDTree(slide.places).query(places_of_pixels(raster))
    np.testing.assert_allclose(distance[raster.idmap >= 0], distance_to_shown(raster, slide), atol=1e-6 * PITCH)
    far = distance > find_lattice(slide).pitch * REACH
    assert (raster.idmap[far] == -1).all()
    assert (raster.idmap >= 0).any()
    assert nearest.max() == slide.n_spots - 1


def distance_to_shown(raster: SpotRaster, slide: Slide) -> NDArray[np.float64]:
    shown = raster.idmap >= 0
    offsets = places_of_pixels(raster)[shown] - slide.places[raster.idmap[shown]]
    return np.hypot(*offsets.T)


@pytest.mark.parametrize(
    ("kind", "area", "reach"),
    [
        (LatticeKind.HEXAGONAL, np.sqrt(3) / 2, np.sqrt(1 / 3)),
        (LatticeKind.SQUARE, 1.0, np.sqrt(1 / 2)),
        (LatticeKind.CHECKERBOARD, 1.0, np.sqrt(1 / 2)),
    ],
)
@pytest.mark.parametrize("turn_deg", [0, 17])
def test_spots_have_the_true_area_and_corners_of_their_cells(
    kind: LatticeKind, area: float, reach: float, turn_deg: float
) -> None:
    slide = regular_slide(kind, turn_deg=turn_deg)
    raster = raster_of(slide)
    px_per_pitch = PITCH / raster.scale
    pixels = np.bincount(raster.idmap[raster.idmap >= 0], minlength=slide.n_spots)
    np.testing.assert_allclose(pixels, area * px_per_pitch**2, rtol=0.1)
    assert pixels.mean() == pytest.approx(area * px_per_pitch**2, rel=0.02)
    furthest = distance_to_shown(raster, slide).max() / PITCH
    assert reach - 1.5 / px_per_pitch < furthest <= reach + 1e-6


def test_upright_squares_are_exact_and_leave_no_gap() -> None:
    slide = regular_slide(LatticeKind.SQUARE, n_rows=5, n_cols=8)
    raster = raster_of(slide)
    side = PX_PER_PITCH[1]
    picture = np.full((5 * side, 8 * side), -1)
    row, col = np.min(np.argwhere(raster.idmap >= 0), axis=0)
    for spot, (i, j) in enumerate(slide.array_indices - [3, 0]):
        picture[i * side : (i + 1) * side, j * side : (j + 1) * side] = spot
    np.testing.assert_array_equal(raster.idmap[row : row + 5 * side, col : col + 8 * side], picture)
    assert (raster.idmap >= 0).sum() == picture.size


@pytest.mark.parametrize("kind", REGULAR)
def test_a_missing_spot_leaves_a_hole_of_its_own_shape(kind: LatticeKind) -> None:
    slide = regular_slide(kind)
    hole = int(np.argmin(np.abs(slide.array_indices - slide.array_indices.mean(axis=0)).sum(axis=1)))
    whole = raster_of(slide)
    torn = raster_of(slide.select(np.arange(slide.n_spots) != hole))
    np.testing.assert_array_equal(torn.idmap < 0, (whole.idmap < 0) | (whole.idmap == hole))


def test_pixels_align_with_places_however_these_are_turned(slide: Slide) -> None:
    raster = raster_of(slide)
    rows, cols = np.rint((slide.places - raster.translate) / raster.scale).astype(int).T
    np.testing.assert_array_equal(raster.idmap[rows, cols], np.arange(slide.n_spots))
    np.testing.assert_array_equal(raster.centres, slide.places)


def test_places_stretched_by_the_picture_keep_the_picture_s_frame() -> None:
    upright = regular_slide(LatticeKind.CHECKERBOARD)
    slide = slide_at(upright.places * [1.1, 1.0], indices=upright.array_indices)
    raster = raster_of(slide)
    rows, cols = np.rint((slide.places - raster.translate) / raster.scale).astype(int).T
    np.testing.assert_array_equal(raster.idmap[rows, cols], np.arange(slide.n_spots))


def hexagonal_slide_with_indices_as_places() -> Slide:
    rows, cols = np.indices((78, 64)).reshape(2, -1)
    indices = np.stack([rows, 2 * cols + rows % 2], axis=1)[::3]
    return slide_at(indices.astype(np.float64), indices=indices)


def test_indices_given_as_places_do_not_distort_the_picture() -> None:
    slide = hexagonal_slide_with_indices_as_places()
    lattice = find_lattice(slide)
    raster = spot_raster(slide, lattice)
    np.testing.assert_allclose(raster.centres, lattice.positions * lattice.pitch)
    height, width = np.array(raster.idmap.shape) * raster.scale / lattice.pitch
    assert height == pytest.approx(77 * np.sqrt(3) / 2 + 2, abs=0.1)
    assert width == pytest.approx(63.5 + 2, abs=0.1)


def test_places_on_a_line_give_way_to_the_array() -> None:
    indices = regular_slide(LatticeKind.SQUARE).array_indices
    slide = slide_at(np.stack([np.arange(63.0), np.zeros(63)], axis=1), indices=indices)
    lattice = find_lattice(slide)
    raster = spot_raster(slide, lattice)
    assert lattice.pitch == 1
    np.testing.assert_array_equal(raster.centres, lattice.positions)
    assert set(np.unique(raster.idmap)) == set(range(-1, 63))


def test_places_that_stray_from_the_array_can_still_be_painted() -> None:
    slide = regular_slide(LatticeKind.SQUARE)
    places = slide.places.copy()
    places[0] += 20 * PITCH
    raster = raster_of(slide_at(places, indices=slide.array_indices))
    assert raster.spots_in_mask(raster.idmap >= 0).all()


def test_a_stained_picture_keeps_the_frame_of_places_in_any_case() -> None:
    bare = hexagonal_slide_with_indices_as_places()
    slide = Slide(**(vars(bare) | {"histology": Histology(image=np.zeros((5, 7, 3), np.uint8), px_per_place=1.0)}))
    np.testing.assert_array_equal(raster_of(slide).centres, slide.places)


def test_a_large_section_has_fewer_pixels_a_spot_but_shows_every_spot() -> None:
    slide = regular_slide(LatticeKind.SQUARE, n_rows=310, n_cols=290, turn_deg=3)
    raster = raster_of(slide)
    assert PITCH / raster.scale == pytest.approx(3)
    assert set(np.unique(raster.idmap)) == set(range(-1, slide.n_spots))


def test_spots_far_apart_do_not_make_the_picture_too_large() -> None:
    scale, _, shape = _pixel_grid(np.array([[0.0, 0.0], [1e7, 3e6]]), pitch=PITCH)
    assert shape[0] * shape[1] == pytest.approx(MAX_PX, rel=1e-3)
    assert shape[0] * scale == pytest.approx(1e7 + 2 * PITCH, rel=1e-3)


def test_a_single_spot_has_a_picture() -> None:
    raster = raster_of(slide_at(np.array([[5.0, 7.0]])))
    assert set(np.unique(raster.idmap)) == {-1, 0}


# --- painting values -----------------------------------------------------------------------------------


def test_values_are_painted_on_their_spots_and_nan_elsewhere(slide: Slide) -> None:
    raster = raster_of(slide)
    values = np.random.default_rng(0).random(slide.n_spots)
    picture = raster.paint(values)
    tissue = raster.idmap >= 0
    assert picture.dtype == np.float32
    np.testing.assert_array_equal(picture[tissue], values.astype(np.float32)[raster.idmap[tissue]])
    assert np.isnan(picture[~tissue]).all()


def test_colours_are_painted_on_their_spots_and_clear_elsewhere(slide: Slide) -> None:
    raster = raster_of(slide)
    colors = np.random.default_rng(0).integers(0, 256, (slide.n_spots, 3), dtype=np.uint8)
    picture = raster.paint_colors(colors)
    tissue = raster.idmap >= 0
    np.testing.assert_array_equal(picture[tissue][:, :3], colors[raster.idmap[tissue]])
    assert (picture[tissue][:, 3] == 255).all()
    assert not picture[~tissue].any()


def test_the_spot_under_a_point_is_the_one_whose_pixel_it_is(slide: Slide) -> None:
    raster = raster_of(slide)
    for spot in (0, slide.n_spots // 2, slide.n_spots - 1):
        for pixel in np.argwhere(raster.idmap == spot)[::7]:
            assert raster.spot_under(pixel + np.array([0.4, -0.4])) == spot
    assert raster.spot_under(np.argwhere(raster.idmap < 0)[0].astype(float)) == -1
    for outside in ([-1.0, 3.0], [3.0, -1.0], [raster.idmap.shape[0], 3.0], [3.0, raster.idmap.shape[1]]):
        assert raster.spot_under(np.array(outside)) == -1


def test_labels_are_painted_on_their_spots_and_zero_elsewhere(slide: Slide) -> None:
    raster = raster_of(slide)
    labels = np.arange(slide.n_spots) + 1
    picture = raster.paint_labels(labels)
    assert picture.dtype == np.int32
    np.testing.assert_array_equal(picture, raster.idmap + 1)
    np.testing.assert_array_equal(raster.paint_labels(labels > 3), picture > 3)


# --- from drawings to spots ----------------------------------------------------------------------------


def test_the_painted_pixels_of_some_spots_give_back_these_spots(slide: Slide) -> None:
    raster = raster_of(slide)
    spots = np.random.default_rng(0).random(slide.n_spots) < 0.3
    np.testing.assert_array_equal(raster.spots_in_mask(raster.paint_labels(spots) > 0), spots)


def test_a_spot_is_hit_if_more_than_half_of_its_pixels_are_painted() -> None:
    raster = raster_of(regular_slide(LatticeKind.SQUARE))
    pixels = np.argwhere(raster.idmap == 11)
    for n_painted, hit in ((len(pixels) // 2, False), (len(pixels) // 2 + 1, True)):
        mask = np.zeros(raster.idmap.shape, dtype=bool)
        mask[tuple(pixels[:n_painted].T)] = True
        assert raster.spots_in_mask(mask)[11] == hit
        assert raster.spots_in_mask(mask).sum() == hit


def test_a_spot_too_crowded_for_a_pixel_is_hit_at_its_centre() -> None:
    places = np.concatenate([irregular_slide().places, 300 + 1e-3 * np.random.default_rng(1).random((9, 2))])
    raster = raster_of(slide_at(places))
    assert len(np.unique(raster.idmap)) - 1 < len(places)
    mask = np.zeros(raster.idmap.shape, dtype=bool)
    assert not raster.spots_in_mask(mask).any()
    row, col = np.rint((places[-1] - raster.translate) / raster.scale).astype(int)
    mask[row - 20 : row + 20, col - 20 : col + 20] = True
    assert raster.spots_in_mask(mask)[-9:].all()


def test_a_mask_of_another_shape_is_refused() -> None:
    raster = raster_of(regular_slide(LatticeKind.SQUARE))
    with pytest.raises(InputError, match=r"expected a mask of the picture's \d+ x \d+ pixels, found shape \(3, 4\)"):
        raster.spots_in_mask(np.zeros((3, 4), dtype=bool))


def test_a_polygon_hits_the_spots_whose_centres_are_inside(slide: Slide) -> None:
    raster = raster_of(slide)
    low, high = np.quantile(slide.places, [0.21, 0.77], axis=0)
    rectangle = np.array([low, [low[0], high[1]], high, [high[0], low[1]]])
    inside = ((slide.places > low) & (slide.places < high)).all(axis=1)
    assert 0 < inside.sum() < slide.n_spots
    np.testing.assert_array_equal(raster.spots_in_polygon(rectangle), inside)
    np.testing.assert_array_equal(raster.spots_in_polygon(rectangle[::-1]), inside)


def test_inside_a_circle_is_what_is_nearer_than_its_radius() -> None:
    points = np.random.default_rng(0).normal(size=(2000, 2))
    angles = np.linspace(0, 2 * np.pi, 3000, endpoint=False)
    radii = np.hypot(*points.T)
    clear = np.abs(radii - 1.3) > 1e-4
    circle = 1.3 * np.stack([np.sin(angles), np.cos(angles)], axis=1)
    np.testing.assert_array_equal(inside_polygon(points, circle)[clear], (radii < 1.3)[clear])


def test_the_notch_of_a_polygon_is_outside() -> None:
    polygon = np.array([[0, 0], [0, 4], [4, 4], [4, 3], [1, 2], [4, 1], [4, 0]])
    points = np.array([[0.5, 2.0], [3.0, 2.0], [3.5, 0.5], [3.5, 3.5], [5.0, 0.5], [2.0, -1.0]])
    np.testing.assert_array_equal(inside_polygon(points, polygon), [True, False, True, True, False, False])


def test_neighbouring_polygons_share_no_point_and_lose_none() -> None:
    points = np.stack(np.meshgrid([0.5, 1.0, 1.5], [0.5, 1.0, 1.5], indexing="ij"), axis=-1).reshape(-1, 2)
    hits = [
        inside_polygon(points, np.array([[i, j], [i, j + 1], [i + 1, j + 1], [i + 1, j]]))
        for i in (0, 1)
        for j in (0, 1)
    ]
    np.testing.assert_array_equal(np.sum(hits, axis=0), 1)


@pytest.mark.parametrize("vertices", [[[0, 0], [1, 1]], [[0, 0], [1, np.nan], [2, 2]], [[0, 0, 0]] * 3])
def test_a_polygon_without_area_is_refused(vertices: list[list[float]]) -> None:
    with pytest.raises(InputError, match="expected a polygon of at least 3 corners"):
        inside_polygon(np.zeros((1, 2)), np.array(vertices))
