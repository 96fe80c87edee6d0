import gzip

import h5py
import pytest

from napari_stimg.errors import InputError
from napari_stimg.io import read_slide
from tests.io.written_formats import anndata_of, square_truth


def test_a_path_that_is_not_there_is_an_error_that_lists_the_formats(tmp_path):
    with pytest.raises(InputError, match=r"expected an .h5ad file, a Space Ranger folder, .*, found nothing there"):
        read_slide(tmp_path / "lost.h5ad")


def test_another_ending_is_an_error_that_lists_the_formats(tmp_path):
    (tmp_path / "picture.tif").touch()
    with pytest.raises(InputError, match=r"picture.tif: expected .*, found a file of another ending"):
        read_slide(tmp_path / "picture.tif")


def test_a_path_may_be_a_string(tmp_path):
    anndata_of(square_truth()).write_h5ad(tmp_path / "s.h5ad")
    assert read_slide(str(tmp_path / "s.h5ad")).n_spots == 24


def test_endings_may_be_in_capitals(tmp_path):
    anndata_of(square_truth()).write_h5ad(tmp_path / "s.h5ad")
    (tmp_path / "s.h5ad").rename(tmp_path / "S.H5AD")
    assert read_slide(tmp_path / "S.H5AD").n_spots == 24
    (tmp_path / "A1.TSV.GZ").write_bytes(gzip.compress(b"\tMBP\tSNAP25\n10x13\t1\t2\n11x13\t0\t3\n"))
    slide = read_slide(tmp_path / "A1.TSV.GZ")
    assert (slide.name, slide.n_spots) == ("A1", 2)


def test_a_section_of_a_table_is_an_error(tmp_path):
    (tmp_path / "A1.tsv").touch()
    with pytest.raises(InputError, match=r"A1.tsv: expected a file of several sections to choose 'left' from"):
        read_slide(tmp_path / "A1.tsv", section="left")


def test_a_file_that_may_not_be_read_is_an_error(tmp_path, monkeypatch):
    def refuse(*args, **kwargs):
        raise PermissionError(13, "Permission denied")

    (tmp_path / "s.h5ad").touch()
    monkeypatch.setattr(h5py, "File", refuse)  # root, who runs tests in containers, may read anything
    with pytest.raises(InputError, match="found a file that you may not read"):
        read_slide(tmp_path / "s.h5ad")
