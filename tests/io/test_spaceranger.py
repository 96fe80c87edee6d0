import h5py
import numpy as np
import pandas as pd
import pytest

from napari_stimg.errors import InputError
from napari_stimg.io import SeveralSectionsError, read_slide
from tests.io.written_formats import (
    PITCH_PX,
    Truth,
    hexagonal_truth,
    positions_of,
    square_truth,
    write_legacy_tenx_h5,
    write_pictures,
    write_positions,
    write_tenx_folder,
    write_tenx_h5,
    write_visium,
    write_visium_hd,
)

TRUTH = hexagonal_truth()


def assert_is(slide, truth: Truth) -> None:
    np.testing.assert_array_equal(slide.counts.toarray(), truth.counts)
    np.testing.assert_allclose(slide.places, truth.places)
    np.testing.assert_array_equal(slide.array_indices, truth.array_indices)
    assert list(slide.spot_names) == list(truth.barcodes)
    assert list(slide.gene_names) == list(truth.symbols)
    assert list(slide.gene_ids) == list(truth.gene_ids)


@pytest.mark.parametrize("version", [1, 2, 3])
def test_an_outs_folder_of_any_version_reads_to_what_was_written(tmp_path, version):
    slide = read_slide(write_visium(tmp_path / "sample_7" / "outs", TRUTH, version=version))
    assert_is(slide, TRUTH)
    assert slide.counts.dtype == np.float32
    assert slide.name == "sample_7"
    assert slide.histology.px_per_place == 0.1
    assert slide.um_per_place == pytest.approx(100 / PITCH_PX)
    assert slide.source.name == slide.counts_from == "filtered_feature_bc_matrix.h5"


def test_the_folder_around_outs_will_do(tmp_path):
    write_visium(tmp_path / "sample_7" / "outs", TRUTH)
    assert read_slide(tmp_path / "sample_7").name == "sample_7"


def test_spots_off_the_tissue_are_left_out(tmp_path):
    slide = read_slide(write_visium(tmp_path / "outs", TRUTH, off_tissue=(0, 5)))
    assert slide.n_spots == 18
    np.testing.assert_array_equal(slide.counts.toarray(), np.delete(TRUTH.counts, [0, 5], axis=0))
    assert "2 spots off the tissue are left out." in slide.notes


def test_barcodes_without_a_position_are_left_out(tmp_path):
    outs = write_visium(tmp_path / "outs", TRUTH)
    table = positions_of(TRUTH)
    write_positions(outs / "spatial", table[table["barcode"] != TRUTH.barcodes[4]])
    slide = read_slide(outs)
    assert slide.n_spots == 19
    assert "1 barcodes without a position are left out." in slide.notes


@pytest.mark.parametrize("zipped", [True, False])
def test_a_folder_of_matrix_market_reads_to_what_was_written(tmp_path, zipped):
    outs = write_visium(tmp_path / "outs", TRUTH)
    (outs / "filtered_feature_bc_matrix.h5").unlink()
    folder = write_tenx_folder(outs / "filtered_feature_bc_matrix", TRUTH, zipped=zipped)
    assert_is(read_slide(outs), TRUTH)
    assert_is(read_slide(folder), TRUTH)


def test_the_raw_matrix_is_read_where_the_filtered_one_is_absent(tmp_path):
    outs = write_visium(tmp_path / "outs", TRUTH)
    (outs / "filtered_feature_bc_matrix.h5").rename(outs / "raw_feature_bc_matrix.h5")
    assert_is(read_slide(outs), TRUTH)


def test_the_filtered_folder_is_preferred_over_the_raw_matrix(tmp_path):
    outs = write_visium(tmp_path / "outs", TRUTH)
    (outs / "filtered_feature_bc_matrix.h5").unlink()
    write_tenx_folder(outs / "filtered_feature_bc_matrix", TRUTH)
    write_tenx_h5(outs / "raw_feature_bc_matrix.h5", hexagonal_truth(seed=5))
    assert_is(read_slide(outs), TRUTH)


def test_a_matrix_with_a_prefix_is_found(tmp_path):
    outs = write_visium(tmp_path / "outs", TRUTH)
    (outs / "filtered_feature_bc_matrix.h5").rename(outs / "GSM1_filtered_feature_bc_matrix.h5")
    assert_is(read_slide(outs), TRUTH)


@pytest.mark.parametrize("ending", [".csv.gz", ".txt"])
def test_positions_as_archives_hold_them_are_read(tmp_path, ending):
    outs = write_visium(tmp_path / "outs", TRUTH)
    (outs / "spatial" / "tissue_positions.csv").unlink()
    positions_of(TRUTH).to_csv(outs / "spatial" / f"tissue_positions_list{ending}", header=False, index=False)
    assert_is(read_slide(outs), TRUTH)


def test_a_matrix_beside_its_positions_is_read(tmp_path):
    path = write_tenx_h5(tmp_path / "section_3.h5", TRUTH)
    write_positions(tmp_path, positions_of(TRUTH))
    write_pictures(tmp_path)
    slide = read_slide(path)
    assert_is(slide, TRUTH)
    assert slide.name == "section_3"
    assert slide.histology is not None


def test_a_matrix_inside_outs_is_named_by_its_folder(tmp_path):
    outs = write_visium(tmp_path / "sample_7" / "outs", TRUTH)
    assert read_slide(outs / "filtered_feature_bc_matrix.h5").name == "sample_7"


def test_the_old_layout_of_one_group_a_genome_is_read(tmp_path):
    path = write_legacy_tenx_h5(tmp_path / "filtered_gene_bc_matrices_h5.h5", TRUTH)
    write_positions(tmp_path / "spatial", positions_of(TRUTH), version=1)
    assert_is(read_slide(path), TRUTH)


def test_features_that_are_no_genes_are_left_out(tmp_path):
    outs = write_visium(tmp_path / "outs", TRUTH)
    kinds = ["Gene Expression"] * 5 + ["Antibody Capture"] * 2
    write_tenx_h5(outs / "filtered_feature_bc_matrix.h5", TRUTH, kinds=kinds)
    slide = read_slide(outs)
    np.testing.assert_array_equal(slide.counts.toarray(), TRUTH.counts[:, :5])
    assert "2 features that are not genes (Antibody Capture) are left out." in slide.notes


def test_symbols_that_repeat_are_made_unique_by_their_id(tmp_path):
    truth = hexagonal_truth()
    truth.symbols[[2, 4]] = "TBCE"
    slide = read_slide(write_visium(tmp_path / "outs", truth))
    assert slide.gene_names[2] == "TBCE"
    assert slide.gene_names[4] == f"TBCE_{truth.gene_ids[4]}"
    assert "1 genes share their symbol with another and are named symbol_id." in slide.notes
    np.testing.assert_array_equal(slide.counts.toarray(), truth.counts)


def test_visium_hd_opens_at_eight_microns_unless_bins_are_chosen(tmp_path):
    truths = {"square_002um": square_truth(9, 8), "square_008um": square_truth(), "square_016um": square_truth(2, 3)}
    outs = write_visium_hd(tmp_path / "HD1" / "outs", truths)
    slide = read_slide(outs)
    assert_is(slide, truths["square_008um"])
    assert slide.name == "HD1 square_008um"
    assert slide.um_per_place == 0.2738
    assert slide.histology.px_per_place == 0.1
    assert_is(read_slide(outs, section="square_016um"), truths["square_016um"])
    assert_is(read_slide(outs / "binned_outputs" / "square_002um"), truths["square_002um"])


def test_the_only_bins_of_visium_hd_need_no_choice(tmp_path):
    truth = square_truth()
    assert_is(read_slide(write_visium_hd(tmp_path / "outs", {"square_016um": truth})), truth)


# --- what cannot be used ----------------------------------------------------------------------


def test_bins_that_are_not_there_are_an_error_that_lists_those_that_are(tmp_path):
    outs = write_visium_hd(tmp_path / "outs", {"square_002um": square_truth(), "square_016um": square_truth()})
    with pytest.raises(
        SeveralSectionsError, match=r"Visium HD's bins \(square_002um, square_016um\), found square_004um"
    ):
        read_slide(outs, section="square_004um")
    with pytest.raises(SeveralSectionsError, match="found no choice; choose one by its name") as caught:
        read_slide(outs)
    assert caught.value.sections == ("square_002um", "square_016um")


def test_a_section_of_plain_visium_is_an_error(tmp_path):
    with pytest.raises(InputError, match=r"expected several bin sizes .* found a folder of one section"):
        read_slide(write_visium(tmp_path / "outs", TRUTH), section="square_008um")


def test_a_section_of_a_single_matrix_is_an_error(tmp_path):
    path = write_tenx_h5(tmp_path / "m.h5", TRUTH)
    with pytest.raises(InputError, match="found a format that holds one; leave the section out"):
        read_slide(path, section="left")


def test_a_folder_of_anything_else_is_an_error_that_says_what_is_there(tmp_path):
    (tmp_path / "holiday.jpg").touch()
    with pytest.raises(InputError, match=r"expected Space Ranger's output \(.*\), found holiday.jpg; give the folder"):
        read_slide(tmp_path)


def test_an_empty_folder_is_an_error(tmp_path):
    with pytest.raises(InputError, match="found nothing; give the folder that Space Ranger calls outs"):
        read_slide(tmp_path)


def test_several_matrices_in_one_folder_are_an_error_that_lists_them(tmp_path):
    for name in ("a", "b"):
        write_tenx_h5(tmp_path / f"{name}_filtered_feature_bc_matrix.h5", TRUTH)
    with pytest.raises(
        SeveralSectionsError, match=r"found a_filtered_feature_bc_matrix.h5, b_filtered_feature_bc_matrix.h5"
    ):
        read_slide(tmp_path)


def test_a_matrix_without_positions_is_an_error_that_names_them(tmp_path):
    with pytest.raises(
        InputError, match=r"spatial/tissue_positions.csv \(or _list.csv, or .parquet\), found none beside m.h5"
    ):
        read_slide(write_tenx_h5(tmp_path / "m.h5", TRUTH))


def test_positions_of_another_section_are_an_error(tmp_path):
    outs = write_visium(tmp_path / "outs", TRUTH)
    table = positions_of(TRUTH)
    table["barcode"] = [f"other{number}" for number in range(len(table))]
    write_positions(outs / "spatial", table)
    with pytest.raises(
        InputError, match=r"barcodes \(such as A0000-1\) among the positions \(such as other0\), found none"
    ):
        read_slide(outs)


def test_positions_that_lack_a_column_are_an_error(tmp_path):
    outs = write_visium(tmp_path / "outs", TRUTH)
    write_positions(outs / "spatial", positions_of(TRUTH).drop(columns="array_col"))
    with pytest.raises(
        InputError, match=r"tissue_positions.csv: expected the columns barcode, .* none called array_col"
    ):
        read_slide(outs)


def test_a_barcode_listed_twice_is_an_error(tmp_path):
    outs = write_visium(tmp_path / "outs", TRUTH)
    table = positions_of(TRUTH)
    write_positions(outs / "spatial", pd.concat([table, table.iloc[-1:]]))
    with pytest.raises(InputError, match="expected each barcode once, found 1 repeated"):
        read_slide(outs)


@pytest.mark.parametrize("version", [1, 2, 3])
def test_damaged_positions_are_an_error(tmp_path, version):
    outs = write_visium(tmp_path / "outs", TRUTH)
    (outs / "spatial" / "tissue_positions.csv").unlink()
    path = write_positions(outs / "spatial", positions_of(TRUTH), version=version)
    path.write_bytes(path.read_bytes()[:-150] + b"\0,?\n")
    with pytest.raises(
        InputError, match="expected Space Ranger's table of spot positions, found one that cannot be read"
    ):
        read_slide(outs)


def test_no_spot_in_the_tissue_is_an_error(tmp_path):
    with pytest.raises(InputError, match="expected at least one spot and one gene, found 0 spots"):
        read_slide(write_visium(tmp_path / "outs", TRUTH, off_tissue=tuple(range(20))))


def test_nan_positions_are_an_error(tmp_path):
    outs = write_visium(tmp_path / "outs", TRUTH)
    table = positions_of(TRUTH)
    table.loc[3, "pxl_row_in_fullres"] = np.nan
    write_positions(outs / "spatial", table)
    with pytest.raises(InputError, match="expected a finite position for every spot, found 1 of 20 without"):
        read_slide(outs)


def test_a_truncated_matrix_is_an_error(tmp_path):
    outs = write_visium(tmp_path / "outs", TRUTH)
    path = outs / "filtered_feature_bc_matrix.h5"
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(InputError, match="found an HDF5 file that is cut short or damaged"):
        read_slide(outs)


def test_a_matrix_with_a_part_missing_is_an_error(tmp_path):
    outs = write_visium(tmp_path / "outs", TRUTH)
    with h5py.File(outs / "filtered_feature_bc_matrix.h5", "r+") as file:
        del file["matrix/indptr"]
    with pytest.raises(InputError, match=r"expected 10x Genomics' matrix \(.h5\), found one that cannot be read"):
        read_slide(outs)


def test_an_hdf5_file_of_something_else_is_an_error_that_says_what_is_in_it(tmp_path):
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["temperature"] = 3
    with pytest.raises(InputError, match="found an HDF5 file with temperature; choose another file"):
        read_slide(tmp_path / "other.h5")


def test_an_hdf5_file_of_something_else_in_outs_is_an_error(tmp_path):
    outs = write_visium(tmp_path / "outs", TRUTH)
    with h5py.File(outs / "filtered_feature_bc_matrix.h5", "w"):
        pass
    with pytest.raises(InputError, match=r"found an HDF5 file with nothing in it; give filtered_feature_bc_matrix.h5"):
        read_slide(outs)


def test_a_matrix_of_several_genomes_is_an_error(tmp_path):
    path = write_legacy_tenx_h5(tmp_path / "m.h5", TRUTH, genomes=("GRCh38", "mm10"))
    with pytest.raises(InputError, match="expected the matrix of one genome, found GRCh38, mm10"):
        read_slide(path)


def test_a_matrix_folder_that_lacks_a_table_is_an_error(tmp_path):
    folder = write_tenx_folder(tmp_path / "filtered_feature_bc_matrix", TRUTH)
    (folder / "features.tsv.gz").unlink()
    with pytest.raises(InputError, match=r"expected features.tsv or genes.tsv \(or .gz\) beside the other tables"):
        read_slide(folder)


def test_a_matrix_folder_of_two_sections_is_an_error(tmp_path):
    folder = write_tenx_folder(tmp_path / "filtered_feature_bc_matrix", TRUTH)
    pd.Series(TRUTH.barcodes[:8]).to_csv(folder / "barcodes.tsv.gz", header=False, index=False)
    with pytest.raises(InputError, match=r"expected matrix.mtx.gz of 7 genes and 8 barcodes, found 7 and 20"):
        read_slide(folder)


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("matrix.mtx.gz", "counts in Matrix Market"),
        ("features.tsv.gz", "a table of genes"),
        ("barcodes.tsv.gz", "a table of barcodes"),
    ],
)
def test_a_truncated_table_of_a_matrix_folder_is_an_error(tmp_path, name, what):
    folder = write_tenx_folder(tmp_path / "filtered_feature_bc_matrix", TRUTH)
    (folder / name).write_bytes((folder / name).read_bytes()[:40])
    with pytest.raises(InputError, match=f"{name}: expected {what}.*cannot be read"):
        read_slide(folder)
