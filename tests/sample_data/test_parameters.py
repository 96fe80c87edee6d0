"""Every parameter of the simulator changes the section, and is checked."""

from dataclasses import fields
from typing import Any

import anndata as ad
import numpy as np
import pytest

from napari_stimg.errors import InputError
from sample_data.parameters import TissueParameters
from sample_data.simulate import TRUE_EXPRESSION, simulate

SMALL: dict[str, Any] = {"n_rows": 24, "n_cols": 20, "n_holes": 1, "seed": 3}

OTHER_VALUES: dict[str, Any] = {
    "lattice": "square",
    "n_rows": 27,
    "n_cols": 23,
    "pitch_um": 55.0,
    "edge_roughness": 0.25,
    "n_holes": 3,
    "hole_radius": 3.5,
    "tilt_degrees": 40.0,
    "layer_shares": (0.0, 0.1, 0.2, 0.1, 0.2, 0.2, 0.2),
    "layer_curvature": 0.3,
    "boundary_width": 3.0,
    "n_genes": 101,
    "marker_strength": 0.5,
    "abundance_sd": 0.8,
    "gradient_strength": 0.6,
    "gradient_share": 0.9,
    "gradient_length": 8.0,
    "n_hot_spots": 3,
    "hot_spot_radius": 3.0,
    "hot_spot_strength": 3.0,
    "median_depth": 3000.0,
    "depth_sd": 0.1,
    "depth_smoothness": 0.9,
    "depth_contrast": 0.0,
    "dispersion": 0.5,
    "extra_dropout": 0.3,
    "seed": 4,
}

SHAPE_OF_TISSUE = {
    "lattice",
    "n_rows",
    "n_cols",
    "pitch_um",
    "edge_roughness",
    "n_holes",
    "hole_radius",
    "tilt_degrees",
    "layer_shares",
    "layer_curvature",
    "seed",
}
"""Parameters that move spots or layers; all others must leave both as they are."""

NOISE = {"median_depth", "depth_sd", "depth_smoothness", "depth_contrast", "dispersion", "extra_dropout"}
"""Parameters of the counts, not of the expected expression."""


def _same_places_and_layers(one: ad.AnnData, other: ad.AnnData) -> bool:
    return (
        one.n_obs == other.n_obs
        and np.array_equal(one.obsm["spatial"], other.obsm["spatial"])
        and one.obs["layer"].astype(str).equals(other.obs["layer"].astype(str))
    )


def _same_array(one: Any, other: Any) -> bool:
    return one.shape == other.shape and np.array_equal(one, other)


@pytest.fixture(scope="module")
def reference() -> ad.AnnData:
    return simulate(TissueParameters(**SMALL))


def test_other_values_are_given_for_every_parameter() -> None:
    assert set(OTHER_VALUES) == {field.name for field in fields(TissueParameters)}


@pytest.mark.parametrize("name", OTHER_VALUES)
def test_changing_a_parameter_changes_what_it_speaks_of(name: str, reference: ad.AnnData) -> None:
    changed = simulate(TissueParameters(**SMALL | {name: OTHER_VALUES[name]}))
    assert _same_places_and_layers(changed, reference) == (name not in SHAPE_OF_TISSUE)
    if name in NOISE:
        assert _same_array(changed.layers[TRUE_EXPRESSION], reference.layers[TRUE_EXPRESSION])
    elif name != "pitch_um":
        assert not _same_array(changed.layers[TRUE_EXPRESSION], reference.layers[TRUE_EXPRESSION])
    assert _same_array(changed.X.toarray(), reference.X.toarray()) == (name == "pitch_um")


def test_equal_parameters_give_equal_sections(reference: ad.AnnData) -> None:
    again = simulate(TissueParameters(**SMALL))
    assert _same_array(again.X.toarray(), reference.X.toarray())
    assert again.obs.equals(reference.obs)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("n_rows", 7, r"expected n_rows to be a whole number from 8 to 256, found 7; give a value in that range"),
        ("n_cols", 20.5, r"expected n_cols to be a whole number from 8 to 256, found 20\.5"),
        ("n_genes", 10_000, r"expected n_genes to be a whole number from 20 to 556, found 10000"),
        ("extra_dropout", 1.0, r"expected extra_dropout to be a number from 0 to 0\.99, found 1\.0"),
        ("dispersion", float("nan"), r"expected dispersion to be a number from 0 to 10, found nan"),
        ("median_depth", "deep", r"expected median_depth to be a number from 10 to 100000, found 'deep'"),
        ("n_holes", True, r"expected n_holes to be a whole number from 0 to 50, found True"),
        ("seed", -1, r"expected seed to be a whole number from 0 to 4294967295, found -1"),
        ("lattice", "round", r"expected the lattice hexagonal or square, found 'round'; choose one of them"),
        ("layer_shares", (1.0, 1.0), r"expected layer_shares to be 7 numbers >= 0 .* give one for each of L1, .*, WM"),
        ("layer_shares", (0, 0, 1.0, 0, 0, 0, 0), r"at least two are above 0"),
        ("layer_shares", (1, 1, 1, 1, 1, 1, -1), r"numbers >= 0"),
        ("layer_shares", (1, 1, 1, 1, 1, 1, np.inf), r"numbers >= 0"),
    ],
)
def test_a_value_out_of_range_is_told_with_its_range(name: str, value: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        TissueParameters(**{name: value})


def test_numpy_numbers_are_taken_as_numbers() -> None:
    assert TissueParameters(n_rows=np.int64(9), depth_sd=np.float32(0.5)).n_rows == 9


def test_holes_that_leave_no_tissue_are_told() -> None:
    with pytest.raises(InputError, match=r"expected tissue of at least 14 spots for 7 layers, found \d+ left; enlarge"):
        simulate(TissueParameters(n_rows=8, n_cols=8, n_holes=50, hole_radius=20.0))
