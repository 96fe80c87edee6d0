import gzip

import numpy as np
import pandas as pd
import pytest

from napari_stimg.errors import InputError
from napari_stimg.io import read_slide
from napari_stimg.io.legacy_st import _ROWS_A_BLOCK
from tests.io.written_formats import Truth, hexagonal_truth, square_truth, write_legacy_st, write_selection

TRUTH = square_truth()


def assert_is(slide, truth: Truth) -> None:
    np.testing.assert_array_equal(slide.counts.toarray(), truth.counts)
    np.testing.assert_array_equal(slide.array_indices, truth.array_indices)
    assert list(slide.spot_names) == [f"{col}x{row}" for row, col in truth.array_indices]
    assert list(slide.gene_names) == list(truth.symbols)


@pytest.mark.parametrize("name", ["A1.tsv", "ST-cnts_A1.tsv.gz"])
@pytest.mark.parametrize("genes_in_rows", [False, True])
@pytest.mark.parametrize("corner", [False, True])
def test_a_table_that_lies_either_way_reads_to_what_was_written(tmp_path, name, genes_in_rows, corner):
    slide = read_slide(write_legacy_st(tmp_path / name, TRUTH, corner=corner, genes_in_rows=genes_in_rows))
    assert_is(slide, TRUTH)
    assert slide.name == name.split(".")[0]
    assert slide.counts.dtype == np.float32


def test_a_table_longer_than_a_block_is_read_whole(tmp_path):
    truth = square_truth(n_rows=_ROWS_A_BLOCK // 8, n_cols=17, n_genes=3)
    assert_is(read_slide(write_legacy_st(tmp_path / "A1.tsv", truth)), truth)


def test_without_a_selection_the_places_are_array_steps_of_200_um(tmp_path):
    slide = read_slide(write_legacy_st(tmp_path / "A1.tsv", TRUTH))
    np.testing.assert_array_equal(slide.places, TRUTH.array_indices)
    assert slide.um_per_place == pytest.approx(200.0)
    assert "no selection file" in slide.notes[0]


@pytest.mark.parametrize(
    ("table", "selection"),
    [
        ("ST-cnts_A1.tsv", "ST-spotfiles_A1_selection.tsv"),
        ("A1.tsv", "A1_selection.tsv"),
        ("ST-cnts/A1.tsv", "ST-spotfiles/A1_selection.tsv"),
    ],
)
def test_a_selection_beside_the_table_gives_pixels_and_the_tissue(tmp_path, table, selection):
    for name in (table, selection):
        (tmp_path / name).parent.mkdir(exist_ok=True)
    write_legacy_st(tmp_path / table, TRUTH)
    write_selection(tmp_path / selection, TRUTH, unselected=(2,))
    slide = read_slide(tmp_path / table)
    np.testing.assert_allclose(slide.places, np.delete(TRUTH.places, 2, axis=0))
    np.testing.assert_array_equal(slide.counts.toarray(), np.delete(TRUTH.counts, 2, axis=0))
    assert slide.um_per_place == pytest.approx(200 / 29.0)
    assert slide.notes == (f"1 spots that {selection.split('/')[-1]} does not select are left out.",)


def test_the_selection_of_another_section_is_left_alone(tmp_path):
    write_selection(tmp_path / "BA1_selection.tsv", TRUTH)
    assert "no selection file" in read_slide(write_legacy_st(tmp_path / "A1.tsv", TRUTH)).notes[0]


def test_labels_beside_the_table_are_kept(tmp_path):
    rows, cols = TRUTH.array_indices.T
    labels = ["tumour", "undetermined", *["fat"] * 22]
    table = pd.DataFrame({"x": cols + 0.02, "y": rows - 0.03, "label": labels}).iloc[:-1]
    table.to_csv(tmp_path / "A1_labeled_coordinates.tsv", sep="\t", index=False)
    slide = read_slide(write_legacy_st(tmp_path / "A1.tsv", TRUTH))
    assert slide.obs["label"].iloc[0] == "tumour"
    assert slide.obs["label"].isna().tolist() == [False, True, *[False] * 21, True]


def test_places_between_the_array_steps_are_kept(tmp_path):
    table = pd.DataFrame([[1, 2], [3, 0]], index=["16.92x9.015", "18.1x9.2"], columns=["a", "b"])
    table.to_csv(tmp_path / "A1.tsv", sep="\t")
    slide = read_slide(tmp_path / "A1.tsv")
    np.testing.assert_allclose(slide.places, [[9.015, 16.92], [9.2, 18.1]])
    np.testing.assert_array_equal(slide.array_indices, [[9, 17], [9, 18]])


def test_places_that_round_to_the_same_step_have_no_indices(tmp_path):
    pd.DataFrame([[1], [3], [4]], index=["1.1x1", "1.2x1", "5x7"], columns=["a"]).to_csv(tmp_path / "A1.tsv", sep="\t")
    slide = read_slide(tmp_path / "A1.tsv")
    assert slide.array_indices is None
    assert slide.um_per_place is None


def test_the_checkerboard_of_the_2k_array_has_no_known_scale(tmp_path):
    assert read_slide(write_legacy_st(tmp_path / "A1.tsv", hexagonal_truth())).um_per_place is None


def test_names_as_r_writes_them_are_read(tmp_path):
    (tmp_path / "A1.tsv").write_text('"GeneA"\t"GeneB"\n"X3x8"\t1\t2\n"X4x8"\t0\t5\n')
    slide = read_slide(tmp_path / "A1.tsv")
    assert list(slide.gene_names) == ["GeneA", "GeneB"]
    np.testing.assert_array_equal(slide.array_indices, [[8, 3], [8, 4]])


# --- what cannot be used ----------------------------------------------------------------------


def test_a_table_whose_spots_have_no_place_is_an_error(tmp_path):
    pd.DataFrame([[1, 2]], index=["spot1"], columns=["a", "b"]).to_csv(tmp_path / "A1.tsv", sep="\t")
    with pytest.raises(
        InputError, match=r"named by their place \(10x13\), found rows such as spot1 and columns such as a"
    ):
        read_slide(tmp_path / "A1.tsv")


@pytest.mark.parametrize("text", ["", "\ta\tb\n"])
def test_an_empty_table_is_an_error(tmp_path, text):
    (tmp_path / "A1.tsv").write_text(text)
    with pytest.raises(InputError, match="expected a tab-separated count table, found one that cannot be read"):
        read_slide(tmp_path / "A1.tsv")


def test_a_truncated_table_is_an_error(tmp_path):
    path = write_legacy_st(tmp_path / "A1.tsv.gz", TRUTH)
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(
        InputError, match=r"A1.tsv.gz: expected a tab-separated count table, found one that cannot be read"
    ):
        read_slide(path)


def test_a_file_that_is_not_gzip_is_an_error(tmp_path):
    (tmp_path / "A1.tsv.gz").write_text("\ta\n1x1\t3\n")
    with pytest.raises(InputError, match=r"cannot be read .*Not a gzipped file"):
        read_slide(tmp_path / "A1.tsv.gz")


@pytest.mark.parametrize("cell", ["many", "", "NA"])
def test_a_cell_that_is_no_number_is_an_error(tmp_path, cell):
    (tmp_path / "A1.tsv").write_text(f"\ta\tb\n1x1\t3\t{cell}\n1x2\t3\t4\n")
    with pytest.raises(InputError, match=r"expected a number in every cell .* \(could not convert string to float"):
        read_slide(tmp_path / "A1.tsv")


def test_a_line_cut_short_is_an_error(tmp_path):
    (tmp_path / "A1.tsv").write_text("\ta\tb\n1x1\t3\t4\n1x2\t3\n")
    with pytest.raises(InputError, match="found one that is none"):
        read_slide(tmp_path / "A1.tsv")


def test_a_header_of_another_length_is_an_error(tmp_path):
    (tmp_path / "A1.tsv").write_text("\ta\n1x1\t3\t4\t5\n1x2\t3\t3\t3\n")
    with pytest.raises(InputError, match=r"as many names in the first line as columns \(3\), found 2"):
        read_slide(tmp_path / "A1.tsv")


@pytest.mark.parametrize(("value", "found"), [("-3", ">= 0, found -3"), ("2.5", "integer counts, found 2.5")])
def test_values_that_are_no_counts_are_an_error(tmp_path, value, found):
    (tmp_path / "A1.tsv").write_text(f"\ta\tb\n1x1\t3\t{value}\n1x2\t3\t4\n")
    with pytest.raises(InputError, match=found):
        read_slide(tmp_path / "A1.tsv")


def test_a_gene_named_twice_is_an_error(tmp_path):
    (tmp_path / "A1.tsv").write_text("\ta\ta\n1x1\t3\t4\n1x2\t3\t4\n")
    with pytest.raises(InputError, match=r"expected unique gene names, found 1 that repeat \(such as a\)"):
        read_slide(tmp_path / "A1.tsv")


def test_a_selection_of_other_spots_is_an_error(tmp_path):
    write_selection(tmp_path / "A1_selection.tsv", square_truth(), unselected=tuple(range(24)))
    with pytest.raises(InputError, match=r"expected its spots in A1_selection.tsv, found none of them"):
        read_slide(write_legacy_st(tmp_path / "A1.tsv", TRUTH))


def test_a_selection_without_pixels_is_an_error(tmp_path):
    (tmp_path / "A1_selection.tsv").write_text("x\ty\n1\t2\n")
    with pytest.raises(InputError, match=r"A1_selection.tsv: expected the columns .* none called pixel_x, pixel_y"):
        read_slide(write_legacy_st(tmp_path / "A1.tsv", TRUTH))


def test_a_damaged_selection_is_an_error(tmp_path):
    (tmp_path / "A1_selection.tsv").write_text("x\ty\tpixel_x\tpixel_y\nleft\t2\t3\t4\n")
    with pytest.raises(InputError, match=r"A1_selection.tsv: expected a tab-separated table of spots, found one that"):
        read_slide(write_legacy_st(tmp_path / "A1.tsv", TRUTH))


def test_a_binary_selection_is_an_error(tmp_path):
    (tmp_path / "A1_selection.tsv").write_bytes(gzip.compress(b"x\ty\n"))
    with pytest.raises(InputError, match="found one that cannot be read"):
        read_slide(write_legacy_st(tmp_path / "A1.tsv", TRUTH))
