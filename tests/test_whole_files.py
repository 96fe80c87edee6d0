"""Files that are whole or not there at all."""

import pytest

from napari_stimg.whole_files import written_beside


def test_the_new_file_takes_the_place_of_the_old_one_at_the_end(tmp_path):
    target = tmp_path / "table.csv"
    target.write_text("old")
    with written_beside(target) as beside:
        beside.write_text("new")
        assert target.read_text() == "old"
    assert target.read_text() == "new"
    assert [path.name for path in tmp_path.iterdir()] == ["table.csv"]


def test_what_fails_leaves_the_old_file_and_nothing_else(tmp_path):
    target = tmp_path / "table.csv"
    target.write_text("old")

    def write_half():
        with written_beside(target) as beside:
            beside.write_text("ne")
            raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        write_half()
    assert target.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["table.csv"]


def test_a_folder_that_is_not_there_is_told_as_such(tmp_path):
    target = tmp_path / "none" / "table.csv"
    with pytest.raises(FileNotFoundError, match="none"), written_beside(target) as beside:
        beside.write_text("new")
