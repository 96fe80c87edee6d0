import anndata as ad
import numpy as np
import pandas as pd
import pytest

from napari_stimg.errors import InputError
from napari_stimg.io import SeveralSectionsError, read_slide, slide_from_anndata
from tests.io.written_formats import anndata_of, hexagonal_truth

FIRST, SECOND = hexagonal_truth(seed=1), hexagonal_truth(seed=2)


def two_sections(column: str = "library_id", shift: float = 0.0) -> ad.AnnData:
    parts = {"left": anndata_of(FIRST), "right": anndata_of(SECOND)}
    for name, part in parts.items():
        part.obs_names = [f"{name}_{spot}" for spot in part.obs_names]
    parts["right"].obsm["spatial"] += shift
    together = ad.concat(parts, label=column, merge="same")
    together.obs[column] = together.obs[column].astype("category")
    return together


def test_several_sections_are_listed_and_one_must_be_chosen(tmp_path):
    two_sections().write_h5ad(tmp_path / "both.h5ad")
    with pytest.raises(
        SeveralSectionsError, match=r"both: expected one section, found 2 in obs column library_id \(left, right\)"
    ) as caught:
        read_slide(tmp_path / "both.h5ad")
    assert caught.value.sections == ("left", "right")
    slide = read_slide(tmp_path / "both.h5ad", section="right")
    np.testing.assert_array_equal(slide.counts.toarray(), SECOND.counts)
    np.testing.assert_allclose(slide.places, SECOND.places)
    assert slide.name == "both right"


def test_several_sections_are_an_input_error():
    assert issubclass(SeveralSectionsError, InputError)


def test_a_section_that_is_not_there_is_an_error():
    with pytest.raises(InputError, match=r"expected one of its sections \(left, right\), found 'middle'"):
        slide_from_anndata(two_sections(), name="s", section="middle")


def test_a_section_of_a_file_of_one_is_an_error():
    with pytest.raises(InputError, match=r"expected one of its sections \(it names none\), found 'left'"):
        slide_from_anndata(anndata_of(FIRST), name="s", section="left")


def test_samples_that_overlap_are_several_sections():
    with pytest.raises(SeveralSectionsError, match="in obs column sample"):
        slide_from_anndata(two_sections("sample"), name="s")


def test_samples_beside_each_other_share_one_slide():
    beside = two_sections("sample", shift=5000.0)
    beside.obs = beside.obs[["sample"]]  # as of a platform without an array
    assert slide_from_anndata(beside, name="s").n_spots == 40


def test_libraries_beside_each_other_are_several_sections():
    with pytest.raises(SeveralSectionsError, match="in obs column library_id"):
        slide_from_anndata(two_sections(shift=5000.0), name="s")


def test_spots_without_a_section_belong_to_none():
    both = two_sections()
    both.obs["library_id"] = pd.Categorical([None, *both.obs["library_id"].tolist()[1:]])
    assert slide_from_anndata(both, name="s", section="left").n_spots == 19


def test_sections_may_be_named_by_numbers():
    both = two_sections()
    both.obs["library_id"] = np.repeat([151673, 151674], 20)
    np.testing.assert_array_equal(slide_from_anndata(both, name="s", section="151674").counts.toarray(), SECOND.counts)


def test_a_long_list_of_sections_is_cut():
    many = two_sections()
    many.obs["library_id"] = [f"s{number}" for number in range(40)]
    with pytest.raises(SeveralSectionsError, match=r"found 40 .*s11, …\)") as caught:
        slide_from_anndata(many, name="s")
    assert len(caught.value.sections) == 40


def test_each_section_gets_its_own_picture():
    both = two_sections()
    both.uns["spatial"] = {
        name: {
            "images": {"hires": np.full((3, 4, 3), value, dtype=np.uint8)},
            "scalefactors": {"tissue_hires_scalef": 1.0},
        }
        for name, value in (("left", 1), ("right", 2))
    }
    assert slide_from_anndata(both, name="s", section="right").histology.image[0, 0, 0] == 2
