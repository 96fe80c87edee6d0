import numpy as np
import pytest

from napari_stimg.affine import fit_affine, spans_plane

SOURCE = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 2.0], [3.0, 5.0], [-2.0, 1.0]])


def test_an_affine_map_is_found_again_and_undone_by_its_inverse() -> None:
    matrix, offset = np.array([[2.0, 0.5], [-1.0, 3.0]]), np.array([7.0, -4.0])
    target = SOURCE @ matrix + offset
    to_target = fit_affine(SOURCE, target)
    np.testing.assert_allclose(to_target.matrix, matrix)
    np.testing.assert_allclose(to_target.offset, offset)
    np.testing.assert_allclose(to_target.inverse(target), SOURCE, atol=1e-12)


def test_scale_is_that_of_areas_and_anisotropy_that_of_axes() -> None:
    to_target = fit_affine(SOURCE, SOURCE * [8.0, 2.0])
    assert to_target.scale == pytest.approx(4)
    assert to_target.anisotropy == pytest.approx(4)


def test_a_map_onto_a_line_is_infinitely_anisotropic() -> None:
    assert fit_affine(SOURCE, SOURCE * [1.0, 0.0]).anisotropy > 1e12


def test_points_on_a_line_get_a_similarity_without_reflection() -> None:
    source = np.array([[0.0, 1.0], [0.0, 3.0], [0.0, 4.0]])
    to_target = fit_affine(source, np.array([[5.0, 5.0], [9.0, 5.0], [11.0, 5.0]]))
    np.testing.assert_allclose(to_target(source), [[5, 5], [9, 5], [11, 5]])
    np.testing.assert_allclose(to_target.matrix, [[0, -2], [2, 0]], atol=1e-12)


def test_a_single_point_gets_a_translation() -> None:
    to_target = fit_affine(np.array([[1.0, 2.0]]), np.array([[4.0, 9.0]]))
    np.testing.assert_array_equal(to_target.matrix, np.eye(2))
    np.testing.assert_allclose(to_target.offset, [3, 7])


@pytest.mark.parametrize(("points", "spans"), [(SOURCE, True), (SOURCE[:2], False), (SOURCE[:1], False)])
def test_points_span_the_plane_unless_they_lie_on_a_line(points: np.ndarray, spans: bool) -> None:
    assert spans_plane(points) is spans
