import anndata as ad
import h5py
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

from napari_stimg.errors import InputError
from napari_stimg.io import anndata_file, anndata_from_slide, read_slide, slide_from_anndata
from napari_stimg.slide import Slide
from tests.io.written_formats import PITCH_PX, Truth, anndata_of, hexagonal_truth, square_truth

TRUTH = hexagonal_truth()


@pytest.fixture
def adata() -> ad.AnnData:
    return anndata_of(TRUTH)


def logged(adata: ad.AnnData) -> sp.csr_matrix:
    counts = adata.X.toarray()
    return sp.csr_matrix(np.log1p(1e4 * counts / counts.sum(axis=1, keepdims=True)).astype(np.float32))


def written(adata: ad.AnnData, folder, name: str = "section.h5ad"):
    adata.write_h5ad(folder / name)
    return folder / name


def assert_is(slide, truth: Truth) -> None:
    np.testing.assert_array_equal(slide.counts.toarray(), truth.counts)
    np.testing.assert_allclose(slide.places, truth.places)
    np.testing.assert_array_equal(slide.array_indices, truth.array_indices)
    assert list(slide.spot_names) == list(truth.barcodes)
    assert list(slide.gene_names) == list(truth.symbols)
    assert list(slide.gene_ids) == list(truth.gene_ids)


def test_a_file_reads_to_the_counts_and_places_that_were_written(adata, tmp_path):
    adata.obs["layer"] = pd.Categorical(["L1", None] * 10)
    path = written(adata, tmp_path)
    slide = read_slide(path)
    assert_is(slide, TRUTH)
    assert slide.counts.dtype == np.float32
    assert slide.counts_from == "X"
    assert slide.name == "section"
    assert slide.source == path
    assert slide.notes == ()
    assert slide.obs["layer"].tolist()[:1] == ["L1"]
    assert slide.obs.index.tolist() == list(TRUTH.barcodes)


def test_spatial_is_turned_from_xy_to_row_col(adata, tmp_path):
    adata.obsm["spatial"] = np.column_stack([np.arange(20.0), np.arange(20.0) ** 2])
    slide = read_slide(written(adata, tmp_path))
    np.testing.assert_array_equal(slide.places[3], [9.0, 3.0])


@pytest.mark.parametrize("form", [sp.csr_matrix, sp.csc_matrix, sp.csr_array, np.asarray])
@pytest.mark.parametrize("dtype", [np.uint16, np.int64, np.float64])
def test_counts_of_any_form_and_type_are_read(adata, tmp_path, form, dtype):
    adata.X = form(TRUTH.counts.astype(dtype))
    assert_is(read_slide(written(adata, tmp_path)), TRUTH)
    assert_is(slide_from_anndata(adata, name="s"), TRUTH)


def test_a_dense_matrix_is_read_block_by_block(adata, tmp_path, monkeypatch):
    monkeypatch.setattr(anndata_file, "_BLOCK_BYTES", 3 * 7 * 4)  # three of the twenty spots at a time
    adata.X = TRUTH.counts.astype(np.float32)
    assert_is(read_slide(written(adata, tmp_path)), TRUTH)


def test_counts_are_taken_from_the_layer_before_raw_before_x(adata, tmp_path):
    adata.X = logged(adata)
    adata.raw = adata
    adata.layers["counts"] = sp.csr_matrix(TRUTH.counts)
    for slide in (read_slide(written(adata, tmp_path)), slide_from_anndata(adata, name="s")):
        assert slide.counts_from == 'layers["counts"]'
        assert_is(slide, TRUTH)


def test_an_anndata_without_x_may_hold_counts_in_a_layer(adata, tmp_path):
    adata.layers["counts"] = adata.X
    adata.X = None
    for slide in (read_slide(written(adata, tmp_path)), slide_from_anndata(adata, name="s")):
        assert_is(slide, TRUTH)


def test_counts_in_raw_keep_all_genes_of_raw(adata, tmp_path):
    adata.raw = adata.copy()
    adata = adata[:, 2:5].copy()
    adata.X = adata.X.toarray() - 1.0
    for slide in (read_slide(written(adata, tmp_path)), slide_from_anndata(adata, name="s")):
        assert slide.counts_from == "raw"
        assert_is(slide, TRUTH)


def test_logged_values_are_recognised_and_said_so(adata, tmp_path):
    counts = adata.X.toarray()
    adata.X = logged(adata)
    slide = read_slide(written(adata, tmp_path))
    assert slide.logged
    np.testing.assert_allclose(slide.counts.toarray(), 1e4 * counts / counts.sum(axis=1, keepdims=True), rtol=1e-4)
    assert "X holds no counts but logged values (natural logarithm)" in slide.notes[0]


def test_without_spatial_the_array_indices_are_the_places(adata, tmp_path):
    del adata.obsm["spatial"]
    adata.uns["spatial"] = {"lib": {"images": {}, "scalefactors": {"microns_per_pixel": 0.5}}}  # of pixels, not steps
    slide = read_slide(written(adata, tmp_path))
    np.testing.assert_array_equal(slide.places, TRUTH.array_indices)
    assert slide.um_per_place is None


def test_the_pitch_of_the_hexagonal_array_gives_the_scale(adata, tmp_path):
    assert read_slide(written(adata, tmp_path)).um_per_place == pytest.approx(100 / PITCH_PX)


def test_a_square_array_has_no_known_scale(tmp_path):
    assert read_slide(written(anndata_of(square_truth()), tmp_path)).um_per_place is None


def test_indices_that_are_no_whole_numbers_are_passed_over(adata, tmp_path):
    adata.obs["array_row"] = adata.obs["array_row"] + 0.5
    slide = read_slide(written(adata, tmp_path))
    assert slide.array_indices is None
    assert "array_row and array_col are passed over" in slide.notes[0]


def test_spots_off_the_tissue_are_left_out(adata, tmp_path):
    adata.obs["in_tissue"] = [0, 0] + [1] * 18
    slide = read_slide(written(adata, tmp_path))
    assert slide.n_spots == 18
    np.testing.assert_array_equal(slide.counts.toarray(), TRUTH.counts[2:])
    assert "2 spots off the tissue (obs in_tissue = 0) are left out." in slide.notes


def test_spots_that_all_lie_on_the_tissue_need_no_note(adata, tmp_path):
    adata.obs["in_tissue"] = True
    slide = read_slide(written(adata, tmp_path))
    assert slide.n_spots == 20
    assert slide.notes == ()


def test_cells_that_share_a_place_are_noted(adata, tmp_path):
    adata.obs = adata.obs.drop(columns=["array_row", "array_col"])
    adata.obsm["spatial"][1] = adata.obsm["spatial"][0]
    assert "1 spots lie exactly on another's place." in read_slide(written(adata, tmp_path)).notes


def test_genes_indexed_by_ensembl_id_are_named_by_their_symbol(adata, tmp_path):
    symbols = ["A", "B", "B", "C", "D", "", "E"]
    adata.var = pd.DataFrame({"feature_name": symbols}, index=[f"{gene_id}.4" for gene_id in TRUTH.gene_ids])
    slide = read_slide(written(adata, tmp_path))
    assert list(slide.gene_ids) == list(TRUTH.gene_ids)
    assert list(slide.gene_names[[0, 1, 3]]) == ["A", "B", "C"]
    assert slide.gene_names[2] == f"B_{TRUTH.gene_ids[2]}.4"
    assert slide.gene_names[5] == f"{TRUTH.gene_ids[5]}.4"


def test_genes_indexed_by_ensembl_id_without_symbols_keep_the_id(adata, tmp_path):
    adata.var = pd.DataFrame(index=TRUTH.gene_ids.astype(object))
    slide = read_slide(written(adata, tmp_path))
    assert list(slide.gene_names) == list(slide.gene_ids) == list(TRUTH.gene_ids)


def test_a_missing_gene_id_is_an_empty_string(adata, tmp_path):
    adata.var["gene_ids"] = [None, *TRUTH.gene_ids[1:]]
    assert list(read_slide(written(adata, tmp_path)).gene_ids) == ["", *TRUTH.gene_ids[1:]]


def test_an_ending_that_lies_does_not_matter(adata, tmp_path):
    assert_is(read_slide(written(adata, tmp_path, "section.h5")), TRUTH)


@pytest.mark.parametrize("is_logged", [False, True])
def test_a_slide_becomes_an_anndata_that_reads_back_the_same(adata, tmp_path, is_logged):
    adata.obs["layer"] = pd.Categorical(["a", "b"] * 10)
    adata.uns["spatial"] = {
        "lib": {
            "images": {"hires": np.full((4, 5, 3), 7, dtype=np.uint8)},
            "scalefactors": {"tissue_hires_scalef": 0.1, "microns_per_pixel": 0.5},
        }
    }
    if is_logged:
        adata.X = logged(adata)
    slide = read_slide(written(adata, tmp_path))
    back = anndata_from_slide(slide)
    for again in (slide_from_anndata(back, name="again"), read_slide(written(back, tmp_path, "again.h5ad"))):
        np.testing.assert_allclose(again.counts.toarray(), slide.counts.toarray(), rtol=1e-4)
        assert again.logged == is_logged
        np.testing.assert_array_equal(again.places, slide.places)
        np.testing.assert_array_equal(again.array_indices, slide.array_indices)
        np.testing.assert_array_equal(again.gene_ids, slide.gene_ids)
        np.testing.assert_array_equal(again.histology.image, slide.histology.image)
        assert again.histology.px_per_place == 0.1
        assert again.um_per_place == 0.5
        assert again.obs["layer"].tolist() == slide.obs["layer"].tolist()


def test_a_slide_of_counts_and_places_alone_becomes_an_anndata():
    slide = Slide(
        name="bare",
        counts=sp.csr_matrix(TRUTH.counts, dtype=np.float32),
        places=TRUTH.places,
        spot_names=TRUTH.barcodes,
        gene_names=TRUTH.symbols,
    )
    adata = anndata_from_slide(slide)
    assert list(adata.obs.columns) == list(adata.var.columns) == list(adata.uns) == []
    np.testing.assert_array_equal(slide_from_anndata(adata, name="again").counts.toarray(), TRUTH.counts)


def test_making_an_anndata_leaves_the_slide_alone(adata):
    slide = slide_from_anndata(adata, name="s")
    back = anndata_from_slide(slide)
    back.X.data[:] = 0
    back.obsm["spatial"][:] = 0
    back.obs["new"] = 1
    assert_is(slide, TRUTH)
    assert "new" not in slide.obs


# --- what cannot be used ----------------------------------------------------------------------


def test_a_file_that_is_not_hdf5_is_said_to_be_none(tmp_path):
    path = tmp_path / "section.h5ad"
    path.write_text("version https://git-lfs.github.com/spec/v1\n")
    with pytest.raises(
        InputError, match=r"section\.h5ad: expected an AnnData file .* found a file that is not HDF5"
    ) as caught:
        read_slide(path)
    assert isinstance(caught.value.__cause__, OSError)
    assert str(path) in caught.value.__cause__.__notes__[0]


def test_an_empty_file_is_not_hdf5(tmp_path):
    (tmp_path / "section.h5ad").touch()
    with pytest.raises(InputError, match="found a file that is not HDF5; copy or download it again"):
        read_slide(tmp_path / "section.h5ad")


@pytest.mark.parametrize("kept", [0.3, 0.7, 0.99])
def test_a_truncated_file_is_said_to_be_cut_short(adata, tmp_path, kept):
    path = written(adata, tmp_path)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(kept * len(whole))])
    with pytest.raises(InputError, match="found an HDF5 file that is cut short or damaged; copy or download it again"):
        read_slide(path)


def test_a_file_with_damage_inside_is_said_to_be_damaged(adata, tmp_path):
    path = written(adata, tmp_path)
    with h5py.File(path, "r+") as file:
        del file["X/indices"]
    with pytest.raises(InputError, match=r"found one that cannot be read .*; it may be cut short or damaged") as caught:
        read_slide(path)
    assert str(path) in caught.value.__cause__.__notes__[-1]


def test_indices_beyond_the_genes_are_said_to_be_damage(adata, tmp_path):
    path = written(adata, tmp_path)
    with h5py.File(path, "r+") as file:
        file["X/indices"][0] = 999
    with pytest.raises(InputError, match="cannot be read"):
        read_slide(path)


def test_a_group_without_obs_is_no_anndata(adata, tmp_path):
    path = written(adata, tmp_path)
    with (
        h5py.File(path, "r") as file,
        pytest.raises(InputError, match=r"with obs and var, found spatial; give an .h5ad"),
    ):
        anndata_file.parts_of_store(file["obsm"], path, name="s")


def test_a_file_of_an_old_anndata_is_said_to_be_old(tmp_path):
    path = tmp_path / "old.h5ad"
    with h5py.File(path, "w") as file:
        file["obs"] = np.zeros(3, dtype=[("index", "S4")])
        file["var"] = np.zeros(3, dtype=[("index", "S4")])
    with pytest.raises(InputError, match=r"version 0.7 or later, found an older one"):
        read_slide(path)


def test_no_positions_is_an_error_that_names_both_places(adata, tmp_path):
    del adata.obsm["spatial"]
    adata.obs = adata.obs[[]]
    with pytest.raises(
        InputError, match=r'expected positions in obsm\["spatial"\] \(x, y\) or in obs array_row and array_col'
    ):
        read_slide(written(adata, tmp_path))


def test_one_column_of_positions_is_an_error(adata, tmp_path):
    adata.obsm["spatial"] = adata.obsm["spatial"][:, :1]
    with pytest.raises(InputError, match=r"of shape \(20, 2\), found \(20, 1\)"):
        read_slide(written(adata, tmp_path))


def test_positions_that_are_no_numbers_are_an_error(adata):
    adata.obsm["spatial"] = np.full((20, 2), "left")
    with pytest.raises(InputError, match="expected numbers in obsm"):
        slide_from_anndata(adata, name="s")


def test_nan_positions_are_an_error(adata, tmp_path):
    adata.obsm["spatial"][:3] = np.nan
    with pytest.raises(InputError, match="expected a finite position for every spot, found 3 of 20 without"):
        read_slide(written(adata, tmp_path))


def test_duplicate_positions_are_an_error(adata, tmp_path):
    adata.obsm["spatial"][1] = adata.obsm["spatial"][0]
    with pytest.raises(InputError, match="expected every spot at a place of its own, found 1 spots"):
        read_slide(written(adata, tmp_path))


def test_duplicate_array_indices_are_an_error(adata, tmp_path):
    adata.obs["array_row"] = 0
    with pytest.raises(InputError, match="expected every spot at an array_row and array_col of its own"):
        read_slide(written(adata, tmp_path))


def test_negative_values_alone_are_an_error(adata, tmp_path):
    adata.X = adata.X.toarray() - 0.7
    with pytest.raises(InputError, match=r'put the raw counts into layers\["counts"\]'):
        read_slide(written(adata, tmp_path))


def test_counts_that_are_no_integers_are_an_error(adata, tmp_path):
    adata.X = adata.X.toarray() + 0.5
    with pytest.raises(InputError, match=r"neither integers nor logged \(such as 1.5\) in X"):
        read_slide(written(adata, tmp_path))


def test_no_spots_is_an_error(adata, tmp_path):
    with pytest.raises(InputError, match="expected at least one spot and one gene, found 0 spots and 7 genes"):
        read_slide(written(adata[:0].copy(), tmp_path))


def test_no_genes_is_an_error(adata, tmp_path):
    with pytest.raises(InputError, match="expected at least one spot and one gene, found 20 spots and 0 genes"):
        read_slide(written(adata[:, :0].copy(), tmp_path))


def test_duplicate_gene_names_are_an_error(adata, tmp_path):
    adata.var.index = ["Same"] * 2 + list(TRUTH.symbols[2:])
    with pytest.raises(
        InputError, match=r"expected unique gene names, found 1 that repeat \(such as Same\).*var_names_make_unique"
    ):
        read_slide(written(adata, tmp_path))


def test_duplicate_spot_names_are_an_error(adata, tmp_path):
    adata.obs.index = ["same"] * 2 + list(TRUTH.barcodes[2:])
    with pytest.raises(InputError, match=r"expected unique spot names, found 1 that repeat .* obs_names_make_unique"):
        read_slide(written(adata, tmp_path))


def test_no_spot_in_the_tissue_is_an_error(adata, tmp_path):
    adata.obs["in_tissue"] = 0
    with pytest.raises(InputError, match="expected spots in the tissue, found obs in_tissue to be 0 for all"):
        read_slide(written(adata, tmp_path))


def test_a_matrix_of_another_length_is_an_error(adata, tmp_path):
    path = written(adata, tmp_path)
    with h5py.File(path, "r+") as file:
        del file["X"]
        ad.io.write_elem(file, "X", sp.csr_matrix(TRUTH.counts[:9]))
    with pytest.raises(
        InputError, match=r"expected X of shape \(20, 7\), found \(9, 7\); the file's tables do not belong"
    ):
        read_slide(path)
