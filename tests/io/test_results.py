import shutil
from dataclasses import dataclass, replace
from pathlib import Path

import anndata as ad
import h5py
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

from napari_stimg import keys
from napari_stimg.errors import InputError
from napari_stimg.io import Results, check_size, check_target, read_slide, results, slide_from_anndata, write_results
from napari_stimg.lattice import find_lattice
from tests.io.written_formats import anndata_of, hexagonal_truth, square_truth, write_legacy_st, write_visium

TRUTH = hexagonal_truth()


@dataclass(frozen=True, kw_only=True, eq=False)
class Predicted:
    spots: np.ndarray
    columns: np.ndarray
    expected: np.ndarray
    sd: np.ndarray


def predicted(spots: list[int], columns: list[int]) -> Predicted:
    expected = np.arange(len(spots) * len(columns), dtype=np.float32).reshape(len(spots), -1)
    return Predicted(spots=np.array(spots), columns=np.array(columns), expected=expected, sd=expected + 0.5)


def full_results(n_spots: int = 20) -> Results:
    rng = np.random.default_rng(0)
    return Results(
        mask=np.arange(n_spots) < 3,
        reconstruction=predicted([0, 1, 2], [1, 4]),
        embedding=rng.normal(size=(n_spots, 6)),
        domains=np.arange(n_spots) % 3 - 1,
        domain_names=("cortex", "white matter"),
        domain_colors=("#112233", "#445566"),
        domain_probabilities=rng.random((n_spots, 2)),
        provenance={"version": "0.1", "seed": 0, "scores": {"mse": 0.25, "genes/top": ["A", "B"]}, "none": None},
    )


@pytest.fixture
def rich_file(tmp_path) -> Path:
    """Return a file that holds more than a slide does."""
    adata = anndata_of(TRUTH)
    adata.layers["counts"] = adata.X.copy()
    adata.X = adata.X.toarray() * 1.5 - 2
    adata.layers["other"] = np.arange(140.0).reshape(20, 7)
    adata.raw = adata.copy()
    adata.obs["layer"] = pd.Categorical(["L1", None] * 10, categories=["L2", "L1"])
    adata.obs["words"] = [f"w{number}" for number in range(20)]
    adata.obsm["X_pca"] = np.ones((20, 3))
    adata.obsp["graph"] = sp.eye(20, format="csr")
    adata.varm["loadings"] = np.ones((7, 2))
    adata.uns["history"] = {"steps": np.array(["a", "b"]), "n": 3}
    adata.write_h5ad(tmp_path / "rich.h5ad")
    return tmp_path / "rich.h5ad"


def write(path: Path, target: Path, what: Results | None = None, **kwargs) -> ad.AnnData:
    slide = read_slide(path, **kwargs)
    write_results(slide, target, lattice=find_lattice(slide), results=what)
    return ad.read_h5ad(target)


def test_results_lie_where_the_keys_say(rich_file, tmp_path):
    out = write(rich_file, tmp_path / "out.h5ad", full_results())
    wanted = full_results()
    assert out.obs[keys.MASK].dtype == bool
    assert out.obs[keys.MASK].tolist() == wanted.mask.tolist()
    np.testing.assert_allclose(out.obsm[keys.EMBEDDING], wanted.embedding, rtol=1e-6)
    assert out.obsm[keys.EMBEDDING].dtype == np.float32
    assert out.obs[keys.DOMAIN].cat.categories.tolist() == ["cortex", "white matter"]
    assert out.obs[keys.DOMAIN].cat.codes.tolist() == wanted.domains.tolist()
    assert list(out.uns[keys.DOMAIN_COLORS]) == ["#112233", "#445566"]
    np.testing.assert_allclose(out.obsm[keys.DOMAIN_PROBABILITY], wanted.domain_probabilities, rtol=1e-6)
    np.testing.assert_array_equal(
        out.obs[[keys.LATTICE_ROW, keys.LATTICE_COL]], find_lattice(read_slide(rich_file)).cell_of_spot
    )


def test_the_layers_hold_what_was_predicted_and_nan_elsewhere(rich_file, tmp_path):
    out = write(rich_file, tmp_path / "out.h5ad", full_results())
    for key, offset in ((keys.RECONSTRUCTION, 0.0), (keys.UNCERTAINTY, 0.5)):
        expected = np.full((20, 7), np.nan)
        expected[:3][:, [1, 4]] = [[0, 1], [2, 3], [4, 5]]
        np.testing.assert_array_equal(out.layers[key], (expected + offset).astype(np.float32))
        assert out.layers[key].dtype == np.float32


def test_provenance_is_written_and_added_to_what_is_there(rich_file, tmp_path):
    first = write(rich_file, tmp_path / "first.h5ad", full_results())
    assert first.uns[keys.PROVENANCE]["version"] == "0.1"
    assert first.uns[keys.PROVENANCE]["scores"]["mse"] == 0.25
    assert list(first.uns[keys.PROVENANCE]["scores"]["genes_top"]) == ["A", "B"]
    assert "none" not in first.uns[keys.PROVENANCE]
    second = Results(provenance={"seed": 7, "input": Path("a/b"), "paths": [Path("c")]})
    again = write(tmp_path / "first.h5ad", tmp_path / "second.h5ad", second).uns[keys.PROVENANCE]
    assert (again["version"], again["seed"], again["input"]) == ("0.1", 7, str(Path("a/b")))


def test_everything_that_the_input_held_is_kept(rich_file, tmp_path):
    before = ad.read_h5ad(rich_file)
    after = write(rich_file, tmp_path / "out.h5ad", full_results())
    np.testing.assert_array_equal(after.X, before.X)
    np.testing.assert_array_equal(after.layers["other"], before.layers["other"])
    np.testing.assert_array_equal(after.layers["counts"].toarray(), before.layers["counts"].toarray())
    np.testing.assert_array_equal(after.raw.X, before.raw.X)
    np.testing.assert_array_equal(after.obsm["X_pca"], before.obsm["X_pca"])
    np.testing.assert_array_equal(after.obsp["graph"].toarray(), before.obsp["graph"].toarray())
    np.testing.assert_array_equal(after.varm["loadings"], before.varm["loadings"])
    pd.testing.assert_frame_equal(after.obs[before.obs.columns], before.obs)
    pd.testing.assert_frame_equal(after.var, before.var)
    assert list(after.uns["history"]["steps"]) == ["a", "b"]


def test_the_input_is_untouched(rich_file, tmp_path):
    before = rich_file.read_bytes()
    write(rich_file, tmp_path / "out.h5ad", full_results())
    assert rich_file.read_bytes() == before


def test_what_was_written_reads_to_the_same_slide(rich_file, tmp_path):
    write(rich_file, tmp_path / "out.h5ad", full_results())
    before, after = read_slide(rich_file), read_slide(tmp_path / "out.h5ad")
    np.testing.assert_array_equal(after.counts.toarray(), before.counts.toarray())
    np.testing.assert_array_equal(after.places, before.places)
    assert after.obs[keys.MASK].tolist() == full_results().mask.tolist()


def test_a_part_of_a_file_is_written_with_its_own_spots(rich_file, tmp_path):
    slide = read_slide(rich_file).select(np.array([7, 3, 12]))
    what = Results(mask=np.array([False, True, False]), reconstruction=predicted([1], [0, 6]))
    write_results(slide, tmp_path / "crop.h5ad", lattice=find_lattice(slide), results=what)
    out = ad.read_h5ad(tmp_path / "crop.h5ad")
    assert out.obs_names.tolist() == list(TRUTH.barcodes[[7, 3, 12]])
    np.testing.assert_array_equal(out.layers["other"], np.arange(140.0).reshape(20, 7)[[7, 3, 12]])
    np.testing.assert_array_equal(out.layers[keys.RECONSTRUCTION][1], [0, *[np.nan] * 5, 1])
    assert np.isnan(out.layers[keys.RECONSTRUCTION][[0, 2]]).all()


def test_genes_of_raw_are_written_to_the_columns_of_x(tmp_path):
    adata = anndata_of(TRUTH)
    adata.raw = adata.copy()
    adata = adata[:, [5, 2]].copy()
    adata.X = adata.X.toarray() - 0.5
    adata.write_h5ad(tmp_path / "raw.h5ad")
    what = Results(reconstruction=predicted([3], [2, 4, 5]))
    out = write(tmp_path / "raw.h5ad", tmp_path / "out.h5ad", what)
    np.testing.assert_array_equal(out.layers[keys.RECONSTRUCTION][3], [2, 0])
    with pytest.raises(
        InputError, match="expected reconstructed genes among the 2 that the file's X holds, found none"
    ):
        write(tmp_path / "raw.h5ad", tmp_path / "out2.h5ad", Results(reconstruction=predicted([3], [4])))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.h5ad", "raw.h5ad"]


def test_new_results_replace_older_ones(rich_file, tmp_path):
    write(rich_file, tmp_path / "first.h5ad", full_results())
    newer = Results(mask=np.arange(20) == 9, reconstruction=predicted([9], [0]), domains=np.zeros(20, dtype=int))
    out = write(tmp_path / "first.h5ad", tmp_path / "second.h5ad", newer)
    assert np.isfinite(out.layers[keys.RECONSTRUCTION]).sum() == 1
    assert out.obs[keys.DOMAIN].cat.categories.tolist() == ["1"]
    assert keys.DOMAIN_COLORS not in out.uns
    assert keys.DOMAIN_PROBABILITY not in out.obsm
    assert keys.EMBEDDING in out.obsm


def test_a_new_mask_drops_the_reconstruction_of_another(rich_file, tmp_path):
    write(rich_file, tmp_path / "first.h5ad", full_results())
    out = write(tmp_path / "first.h5ad", tmp_path / "second.h5ad", Results(mask=np.arange(20) == 9))
    assert keys.RECONSTRUCTION not in out.layers


def test_without_results_the_section_and_its_lattice_are_written(rich_file, tmp_path):
    out = write(rich_file, tmp_path / "out.h5ad")
    assert keys.LATTICE_ROW in out.obs
    assert keys.MASK not in out.obs
    assert keys.PROVENANCE not in out.uns


def test_another_format_becomes_an_anndata(tmp_path):
    out = write(write_visium(tmp_path / "outs", TRUTH), tmp_path / "out.h5ad", full_results())
    np.testing.assert_array_equal(out.X.toarray(), TRUTH.counts)
    before, after = read_slide(tmp_path / "outs"), read_slide(tmp_path / "out.h5ad")
    np.testing.assert_array_equal(after.histology.image, before.histology.image)
    assert after.um_per_place == before.um_per_place
    assert np.isfinite(out.layers[keys.RECONSTRUCTION]).sum() == 6


def test_a_table_of_legacy_st_becomes_an_anndata(tmp_path):
    truth = square_truth()
    write(write_legacy_st(tmp_path / "A1.tsv", truth), tmp_path / "out.h5ad", full_results(24))
    np.testing.assert_array_equal(read_slide(tmp_path / "out.h5ad").counts.toarray(), truth.counts)


def test_a_slide_without_a_file_becomes_an_anndata(tmp_path):
    slide = slide_from_anndata(anndata_of(TRUTH), name="s")
    write_results(slide, tmp_path / "out.h5ad", lattice=find_lattice(slide))
    np.testing.assert_array_equal(read_slide(tmp_path / "out.h5ad").counts.toarray(), TRUTH.counts)


def test_predictions_are_written_across_blocks_of_rows(tmp_path):
    truth = hexagonal_truth(n_rows=20, n_cols=10, n_genes=600)
    slide = slide_from_anndata(anndata_of(truth), name="s")
    spots = [5, 63, 64, 65, 199]
    what = Results(reconstruction=predicted(spots, [0, 511, 512, 599]))
    write_results(slide, tmp_path / "out.h5ad", lattice=find_lattice(slide), results=what)
    layer = ad.read_h5ad(tmp_path / "out.h5ad").layers[keys.RECONSTRUCTION]
    np.testing.assert_array_equal(layer[np.ix_(spots, [0, 511, 512, 599])], what.reconstruction.expected)
    assert np.isfinite(layer).sum() == 20


def test_results_are_written_compressed(rich_file, tmp_path):
    write(rich_file, tmp_path / "out.h5ad", full_results())
    with h5py.File(tmp_path / "out.h5ad", "r") as file:
        assert file["layers/counts/data"].compression == "gzip"
        assert file[f"layers/{keys.RECONSTRUCTION}"].compression == "gzip"


def test_an_older_target_is_replaced(rich_file, tmp_path):
    (tmp_path / "out.h5ad").write_text("old")
    assert write(rich_file, tmp_path / "out.h5ad").n_obs == 20


# --- what cannot be written -------------------------------------------------------------------


@pytest.mark.parametrize("link", [Path.symlink_to, Path.hardlink_to], ids=["symbolic link", "hard link"])
def test_the_input_is_never_overwritten(rich_file, tmp_path, link):
    link(tmp_path / "alias.h5ad", rich_file)
    for target in (rich_file, tmp_path / "." / "rich.h5ad", tmp_path / "alias.h5ad"):
        with pytest.raises(InputError, match="expected another file than the input, found the input"):
            write(rich_file, target)


def test_a_target_of_another_ending_is_an_error(rich_file, tmp_path):
    with pytest.raises(InputError, match=r"expected a file name that ends in .h5ad, found out.csv"):
        write(rich_file, tmp_path / "out.csv")


def test_a_target_that_is_a_folder_is_an_error(rich_file, tmp_path):
    (tmp_path / "out.h5ad").mkdir()
    with pytest.raises(InputError, match="expected a file to write, found a folder of that name"):
        write(rich_file, tmp_path / "out.h5ad")


@pytest.mark.parametrize("folder", ["missing", "rich.h5ad"])
def test_a_target_without_a_folder_is_an_error(rich_file, tmp_path, folder):
    with pytest.raises(InputError, match="expected an existing folder to write to, found none at"):
        write(rich_file, tmp_path / folder / "out.h5ad")


def test_a_folder_that_may_not_be_written_to_is_an_error(rich_file, monkeypatch):
    monkeypatch.setattr("os.access", lambda path, mode: False)  # root, who runs tests in containers, may write anywhere
    with pytest.raises(InputError, match="expected a folder that you may write to, found that you may not"):
        check_target(read_slide(rich_file), Path("out.h5ad"))


def test_a_failure_while_writing_leaves_nothing_behind(rich_file, tmp_path):
    (tmp_path / "out.h5ad").write_text("old")
    unwritable = Results(provenance={"model": object()})
    with pytest.raises(
        InputError, match=r"out.h5ad: expected to write the results there, found that it cannot"
    ) as caught:
        write(rich_file, tmp_path / "out.h5ad", unwritable)
    assert (tmp_path / "out.h5ad").read_text() == "old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.h5ad", "rich.h5ad"]
    assert "while writing" in caught.value.__cause__.__notes__[-1]


def test_an_input_that_is_gone_is_an_error(rich_file, tmp_path):
    slide = read_slide(rich_file)
    rich_file.unlink()
    with pytest.raises(InputError, match="expected the file that the section was read from, found it gone"):
        write_results(slide, tmp_path / "out.h5ad", lattice=find_lattice(slide))


def test_an_input_that_has_changed_is_an_error(rich_file, tmp_path):
    slide = read_slide(rich_file)
    ad.read_h5ad(rich_file)[:15].copy().write_h5ad(tmp_path / "fewer.h5ad")
    shutil.move(tmp_path / "fewer.h5ad", rich_file)
    with pytest.raises(
        InputError, match="expected the 20 spots and 7 genes that were read, found 15 spots and 7 genes"
    ):
        write_results(slide, tmp_path / "out.h5ad", lattice=find_lattice(slide))


def test_a_layer_too_large_to_open_is_refused(rich_file, tmp_path, monkeypatch):
    monkeypatch.setattr(results, "LARGEST_LAYER_BYTES", 20 * 7 * 4 - 1)
    slide = read_slide(rich_file)
    with pytest.raises(InputError, match=r"found 20 spots x 7 genes \(0 GiB\); crop the section to fewer spots first"):
        check_size(slide)
    with pytest.raises(InputError, match="to write the reconstruction"):
        write(rich_file, tmp_path / "out.h5ad", full_results())
    write(rich_file, tmp_path / "out.h5ad", replace(full_results(), reconstruction=None))


def test_two_domains_or_classes_of_one_name_are_kept_apart(rich_file, tmp_path):
    alike = replace(
        full_results(),
        domain_names=("tumour", "tumour"),
        scribbles=np.arange(20) % 4 - 1,
        scribble_names=("a", "a", "a (2)"),
    )
    written = write(rich_file, tmp_path / "alike.h5ad", alike)
    assert written.obs[keys.DOMAIN].cat.categories.tolist() == ["tumour", "tumour (2)"]
    assert written.obs[keys.SCRIBBLE].cat.categories.tolist() == ["a", "a (3)", "a (2)"]
    assert pd.isna(written.obs[keys.SCRIBBLE].iloc[0])
    assert written.obs[keys.SCRIBBLE].iloc[1:4].tolist() == ["a", "a (3)", "a (2)"]
