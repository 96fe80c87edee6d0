"""Embeddings as files."""

from pathlib import Path

import numpy as np
import pytest

from napari_stimg.errors import InputError
from trainer.evaluation.keeping import check_embeddings, external_embeddings, keep_embedding


def test_embeddings_that_were_kept_are_read_back_by_method(tmp_path: Path) -> None:
    values = np.random.default_rng(0).normal(size=(5, 3))
    keep_embedding(tmp_path, "B", "one", values)
    keep_embedding(tmp_path, "A", "one", values[:, :1])
    keep_embedding(tmp_path, "A", "two", values)
    found = external_embeddings(tmp_path / "embeddings", "one", 5)
    assert list(found) == ["A", "B"]
    np.testing.assert_array_equal(found["B"], values)
    assert not list(tmp_path.rglob("*.part"))
    assert external_embeddings(tmp_path / "embeddings", "three", 5) == {}


@pytest.mark.parametrize(
    ("values", "match"),
    [
        (np.zeros((4, 2)), r"one row for each of the section's 5 spots, found the shape \(4, 2\); embed the same"),
        (np.zeros(5), r"found the shape \(5,\)"),
        (np.full((5, 2), np.nan), "expected finite values, found NaN or infinity; leave the section out"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(values: np.ndarray, match: str, tmp_path: Path) -> None:
    keep_embedding(tmp_path, "A", "one", values)
    with pytest.raises(InputError, match=match):
        external_embeddings(tmp_path / "embeddings", "one", 5)


def test_what_is_no_array_is_refused(tmp_path: Path) -> None:
    (tmp_path / "A").mkdir()
    (tmp_path / "A" / "one.npy").write_text("text")
    with pytest.raises(
        InputError, match=r"one\.npy: expected an array that numpy\.save wrote, found .*; write it again"
    ):
        external_embeddings(tmp_path, "one", 5)


def test_a_folder_without_embeddings_is_refused(tmp_path: Path) -> None:
    with pytest.raises(
        InputError, match=r"expected a folder that holds METHOD/SECTION\.npy, found none; give the folder"
    ):
        check_embeddings(tmp_path)
    keep_embedding(tmp_path, "A", "one", np.zeros((2, 2)))
    check_embeddings(tmp_path / "embeddings")
