"""Which columns of ``obs`` hold labels, and what they say."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from napari_stimg import InputError
from napari_stimg.labels import MOST_LABELS, label_columns, labels_of
from napari_stimg.slide import Slide
from tests.synthetic_lattices import SQUARE, array_of, place, slide_at


def slide_with(**columns: Any) -> Slide:
    """Return a slide of 3 x 2 spots with these columns of obs."""
    indices = array_of(SQUARE, 3, 2)
    plain = slide_at(place(indices, SQUARE), indices=indices)
    obs = pd.DataFrame(columns, index=plain.obs.index)
    return Slide(
        name="labelled",
        counts=plain.counts,
        places=plain.places,
        spot_names=plain.spot_names,
        gene_names=plain.gene_names,
        array_indices=indices,
        obs=obs,
    )


@pytest.mark.parametrize(
    ("column", "names", "codes"),
    [
        (["b", "a", "b", None, "", "nan"], ("a", "b"), [1, 0, 1, -1, -1, -1]),
        (pd.Categorical(["x", "w", None] * 2, categories=["x", "v", "w"]), ("x", "w"), [0, 1, -1, 0, 1, -1]),
        (pd.Categorical([3, 1, 3, 1, 3, None], categories=[3, 1]), ("3", "1"), [0, 1, 0, 1, 0, -1]),
        ([10, 9, -1, 9, 9, 10], ("9", "10"), [1, 0, -1, 0, 0, 1]),
        ([2.0, np.nan, 1.0, 1.0, -1.0, 2.0], ("1", "2"), [1, -1, 0, 0, -1, 1]),
        ([True, False, "yes", "yes", True, "yes"], ("False", "True", "yes"), [1, 0, 2, 2, 1, 2]),
    ],
)
def test_labels_are_texts_or_whole_numbers_with_none_for_missing(
    column: Any, names: tuple[str, ...], codes: list[int]
) -> None:
    labels = labels_of(slide_with(kind=column), "kind")
    assert labels.names == names
    assert labels.codes.tolist() == codes
    assert labels.n_labelled == sum(code >= 0 for code in codes)


def test_only_columns_of_a_few_labels_are_listed() -> None:
    slide = slide_with(
        layer=list("aabbcc"),
        cluster=[0, 0, 1, 1, 2, -1],
        constant=["same"] * 6,
        mask=[True, False] * 3,
        depth=np.linspace(0, 1, 6),
        array_row=[0, 0, 1, 1, 2, 2],
        stimg_col=[0, 1] * 3,
    )
    assert [labels.key for labels in label_columns(slide)] == ["layer", "cluster"]


def test_unknown_key_is_refused_and_the_usable_ones_are_named() -> None:
    with pytest.raises(InputError, match=r"holds labels \(layer\), found no column 'Layer'; name one that is there"):
        labels_of(slide_with(layer=list("aabbcc")), "Layer")
    with pytest.raises(InputError, match=r"holds labels \(it has none\), found no column 'Layer'"):
        labels_of(slide_with(), "Layer")


def test_fractions_and_too_many_labels_are_refused() -> None:
    with pytest.raises(InputError, match=f"at most {MOST_LABELS} different labels in obs depth, found 6 different"):
        labels_of(slide_with(depth=np.linspace(0, 1, 6)), "depth")
    indices = array_of(SQUARE, 13, 5)
    slide = slide_at(place(indices, SQUARE), indices=indices)
    slide.obs["name"] = slide.spot_names
    with pytest.raises(InputError, match=f"at most {MOST_LABELS} different labels in obs name, found 65 different"):
        labels_of(slide, "name")
