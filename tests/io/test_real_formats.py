import numpy as np
import pytest

from napari_stimg.io import read_slide

VISIUM = {"spaceranger_v1_151673": "dlpfc__151673", "spaceranger_v2_151674": "dlpfc__151674"}


def order_of(names, wanted) -> np.ndarray:
    position = {name: number for number, name in enumerate(names)}
    return np.array([position[name] for name in wanted])


def assert_twins(slide, twin) -> np.ndarray:
    """Check that counts, places and indices agree up to order, and return the order."""
    spots, genes = order_of(slide.spot_names, twin.spot_names), order_of(slide.gene_names, twin.gene_names)
    assert slide.counts.shape == twin.counts.shape
    assert (slide.counts[spots][:, genes] != twin.counts).nnz == 0
    np.testing.assert_allclose(slide.places[spots], twin.places)
    np.testing.assert_array_equal(slide.array_indices[spots], twin.array_indices)
    return spots


@pytest.mark.parametrize("folder", VISIUM)
def test_space_ranger_folders_read_to_the_counts_of_their_twins(formats_dir, sections_dir, folder):
    slide = read_slide(formats_dir / folder)
    twin = read_slide(sections_dir / f"{VISIUM[folder]}.h5ad")
    assert_twins(slide, twin)
    assert list(slide.gene_ids) == list(twin.gene_ids[order_of(twin.gene_names, slide.gene_names)])
    assert slide.um_per_place == pytest.approx(0.7246, abs=2e-4)
    assert slide.um_per_place == pytest.approx(twin.um_per_place)


def test_the_picture_lies_under_the_spots(formats_dir):
    slide = read_slide(formats_dir / "spaceranger_v1_151673")
    row, col = np.rint(slide.places * slide.histology.px_per_place).astype(int).T
    image = slide.histology.image.astype(float).mean(axis=2)
    assert image[row, col].mean() < image.mean() - 10  # tissue is darker than glass


@pytest.mark.parametrize("key", ["A1", "B1"])
def test_legacy_tables_read_to_the_counts_of_their_twins(formats_dir, sections_dir, key):
    slide = read_slide(formats_dir / "legacy_st" / f"ST-cnts_{key}.tsv.gz")
    twin = read_slide(sections_dir / f"her2st__{key}.h5ad")
    spots = assert_twins(slide, twin)
    labels = slide.obs["label"].iloc[spots].astype(object).fillna("none")
    assert labels.tolist() == twin.obs["region"].astype(object).fillna("none").tolist()


def test_all_sections_read_to_counts(sections_dir):
    files = sorted(sections_dir.glob("*.h5ad"))
    assert len(files) == 68
    for file in files:
        slide = read_slide(file)
        assert not slide.logged
        assert slide.counts_from == "X"
        assert slide.name == file.stem
