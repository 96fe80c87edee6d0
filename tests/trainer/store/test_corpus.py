"""A corpus, opened: sections for training, slides for evaluation, and what is damaged."""

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from napari_stimg.errors import InputError
from napari_stimg.expression import gene_moments, log_expression, thin
from napari_stimg.io import read_slide
from napari_stimg.lattice import Lattice, LatticeKind, find_lattice, sum_by_cell
from napari_stimg.progress import run
from napari_stimg.slide import Slide
from tests.corpus_slides import KINDS, corpus_slide
from tests.synthetic_lattices import array_of, slide_at
from trainer.store import THINNINGS, Corpus, Section, open_corpus, pack_slides
from trainer.store.unpack import unpack

TWICE = ("Mbp", "SNAP25", "mbp", "GFAP")
"""Genes of which one is there twice."""

SLIDES = {kind: corpus_slide(str(kind), kind, shape=(9, 8), genes=TWICE, seed=i) for i, kind in enumerate(KINDS)}

OPEN_WITHOUT_READERS = """
import sys

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {"anndata", "h5py", "zarr", "napari", "pooch", "dask", "distributed", "requests"}:
            raise ModuleNotFoundError(name)

sys.meta_path.insert(0, Missing())
from trainer.store import open_corpus
corpus = open_corpus(sys.argv[1])
print(corpus.section("irregular").count_matrix().sum(), corpus.slide("hexagonal").counts.sum(), len(corpus.vocabulary))
"""

UNPACK = """
import sys
from trainer.store import open_corpus
corpus = open_corpus(sys.argv[1])
print("ready", flush=True)
sys.stdin.readline()
print(sum(corpus.section(name).counts.sum() for name in corpus.names))
"""


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("packed") / "corpus"
    pack_slides(SLIDES.values(), folder)
    return folder


@pytest.fixture
def corpus(packed: Path, tmp_path: Path) -> Corpus:
    """Open a copy of the corpus that nothing was unpacked of."""
    return open_corpus(shutil.copytree(packed, tmp_path / "corpus", ignore=shutil.ignore_patterns("unpacked")))


def dense(section: Section) -> np.ndarray:
    """Return (K, V) counts, genes by their ids."""
    counts = np.zeros((section.n_cells, int(section.ids.max()) + 1))
    counts[:, section.ids] = section.count_matrix().toarray()
    return counts


def assert_same_lattice(found: Lattice, expected: Lattice) -> None:
    assert (found.kind, found.shape) == (expected.kind, expected.shape)
    np.testing.assert_array_equal(found.occupied, expected.occupied)
    np.testing.assert_allclose(found.token_positions, expected.token_positions, rtol=1e-6, atol=1e-6)
    assert found.pitch_um == pytest.approx(expected.pitch_um)


@pytest.mark.parametrize("kind", KINDS)
def test_a_section_holds_the_counts_of_each_cell(kind: LatticeKind, corpus: Corpus) -> None:
    slide, section = SLIDES[kind], corpus.section(str(kind))
    lattice = find_lattice(slide)
    counts = sum_by_cell(slide.counts, lattice).toarray()
    used = [0, 1, 3]  # the third column is the first one's gene
    np.testing.assert_array_equal(dense(section), counts[:, used])
    np.testing.assert_array_equal(section.library_size, counts.sum(axis=1))
    np.testing.assert_array_equal(section.n_detected[np.argsort(section.ids)], (counts[:, used] > 0).sum(axis=0))
    assert sorted(section.ids) == [0, 1, 2]
    assert corpus.entry(str(kind)).unused == 1


@pytest.mark.parametrize("kind", KINDS)
def test_a_section_lies_on_the_lattice_of_its_slide_one_spot_a_cell(kind: LatticeKind, corpus: Corpus) -> None:
    expected, section = find_lattice(SLIDES[kind]), corpus.section(str(kind))
    found = section.lattice
    assert found.n_spots == section.n_cells == len(expected.occupied) == len(found.occupied)
    assert_same_lattice(found, expected)
    np.testing.assert_array_equal(found.token_positions, expected.token_positions)
    np.testing.assert_array_equal(found.positions, expected.token_positions)
    assert (found.pitch, found.found_by) == (expected.pitch, expected.found_by)
    assert (found.n_spots < expected.n_spots) == (kind is LatticeKind.IRREGULAR)


@pytest.mark.parametrize("kind", KINDS)
def test_labels_are_those_of_the_first_spot_of_each_cell(kind: LatticeKind, corpus: Corpus) -> None:
    slide = SLIDES[kind]
    lattice = find_lattice(slide)
    first = lattice.spot_at[tuple(lattice.occupied.T)]
    labels = corpus.section(str(kind)).labels
    assert list(labels) == ["layer"]
    assert labels["layer"].tolist() == [slide.obs["layer"].iloc[spot] or "" for spot in first]


def test_types_are_as_narrow_as_counts_and_genes_allow(corpus: Corpus) -> None:
    section = corpus.section("square")
    assert section.counts.max() > 255
    assert (section.counts.dtype, section.genes.dtype, section.indptr.dtype) == (np.uint16, np.uint16, np.int64)
    assert section.count_matrix().has_canonical_format  # columns ascend in each row
    assert section.n_genes == 3


def test_arrays_are_mapped_from_disk_and_may_not_be_changed(corpus: Corpus) -> None:
    section = corpus.section("square")
    assert isinstance(section.counts, np.memmap)
    with pytest.raises(ValueError, match="read-only"):
        section.counts[0] = 1


def test_moments_are_those_of_log_expression_of_all_counts_and_of_thinned_ones(corpus: Corpus) -> None:
    slide, section = SLIDES[LatticeKind.SQUARE], corpus.section("square")
    counts = sum_by_cell(slide.counts, find_lattice(slide))
    columns = np.array([0, 1, 3])[section.ids]
    exact = gene_moments(log_expression(counts))
    assert tuple(section.moments) == THINNINGS
    np.testing.assert_allclose(section.moments[1.0].mean, exact.mean[columns], rtol=1e-6)
    np.testing.assert_allclose(section.moments[1.0].variance, exact.variance[columns], rtol=1e-5)
    for share in THINNINGS[1:]:
        thinned = gene_moments(log_expression(thin(counts, share, np.random.default_rng(0))))
        np.testing.assert_allclose(section.moments[share].mean, thinned.mean[columns], rtol=0.02)
        assert (section.moments[share].mean != section.moments[1.0].mean).all()


def test_moments_are_the_same_wherever_a_section_is_unpacked(corpus: Corpus, tmp_path: Path) -> None:
    elsewhere = open_corpus(corpus.path, unpacked=tmp_path / "elsewhere")
    first, second = corpus.section("square"), elsewhere.section("square")
    for share in THINNINGS:
        np.testing.assert_array_equal(first.moments[share].mean, second.moments[share].mean)
    assert (tmp_path / "elsewhere").is_dir()


@pytest.mark.parametrize("kind", KINDS)
def test_a_slide_comes_back_with_its_lattice_counts_genes_and_labels(kind: LatticeKind, corpus: Corpus) -> None:
    slide, lattice = SLIDES[kind], find_lattice(SLIDES[kind])
    back = corpus.slide(str(kind))
    assert_same_lattice(find_lattice(back), lattice)
    order = np.argsort(lattice.token_of_spot, kind="stable")
    columns = back.columns_of(["MBP", "SNAP25", "GFAP"])
    np.testing.assert_array_equal(back.counts.toarray()[:, columns], slide.counts.toarray()[order][:, [0, 1, 3]])
    np.testing.assert_array_equal(find_lattice(back).cell_of_spot, lattice.cell_of_spot[order])
    assert back.obs["layer"].tolist() == [label or "" for label in slide.obs["layer"].iloc[order]]
    assert back.name == str(kind)


@pytest.mark.parametrize("kind", [LatticeKind.HEXAGONAL, LatticeKind.CHECKERBOARD])
@pytest.mark.parametrize("side", ["row", "diagonal"])
def test_a_slide_on_one_line_comes_back_with_its_lattice(kind: LatticeKind, side: str, tmp_path: Path) -> None:
    n_cols = 75 if kind is LatticeKind.HEXAGONAL else 20
    full = array_of(kind, n_cols, n_cols)
    indices = full[full[:, 0] == 0] if side == "row" else full[full[:, 0] == full[:, 1]]
    slide = slide_at(indices.astype(float), indices=indices)
    assert find_lattice(slide).kind is kind
    pack_slides([slide], tmp_path / "corpus")
    back = open_corpus(tmp_path / "corpus").slide("synthetic")
    np.testing.assert_array_equal(find_lattice(back).positions, find_lattice(slide).positions)
    assert find_lattice(back).kind is kind


def test_a_slide_of_one_spot_comes_back(tmp_path: Path) -> None:
    slide = corpus_slide().select(np.array([1]))
    pack_slides([slide], tmp_path / "corpus")
    corpus = open_corpus(tmp_path / "corpus")
    assert corpus.slide("section").counts.sum() == slide.counts.sum() == corpus.section("section").library_size[0]
    assert find_lattice(corpus.slide("section")).kind is LatticeKind.SQUARE


def test_genes_of_a_slide_have_an_ensembl_id_where_the_corpus_knows_one(tmp_path: Path) -> None:
    first = corpus_slide("first", genes=("Mbp", "X"), gene_ids=("ENSMUSG00000000001.3", ""))
    pack_slides([first, corpus_slide("second", genes=("X", "MBP"))], tmp_path / "corpus")
    back = open_corpus(tmp_path / "corpus").slide("second")
    assert back.gene_ids is not None
    assert dict(zip(back.gene_names.tolist(), back.gene_ids.tolist(), strict=True)) == {
        "X": "",
        "MBP": "ENSMUSG00000000001",
    }


def test_a_section_is_unpacked_once(corpus: Corpus) -> None:
    corpus.section("square")
    (corpus.path / "shards" / corpus.entry("square").shard).unlink()
    assert corpus.section("square").n_cells == 69
    assert [path.name for path in corpus.unpacked.iterdir()] == [f"square-{corpus.entry('square').sha256[:8]}.1"]


def test_what_a_killed_process_left_of_an_unpacked_section_is_passed_over(corpus: Corpus) -> None:
    (corpus.unpacked / ".part-1-abc").mkdir(parents=True)
    (corpus.unpacked / ".part-1-abc" / "counts.npy").write_bytes(b"half")
    assert corpus.section("square").n_cells == 69


@pytest.mark.parametrize("content", [None, b"", b"half"])
def test_a_damaged_unpacked_array_is_refused(content: bytes | None, corpus: Corpus) -> None:
    corpus.section("square")
    (folder,) = corpus.unpacked.iterdir()
    (folder / "counts.npy").unlink()
    if content is not None:
        (folder / "counts.npy").write_bytes(content)
    with pytest.raises(InputError, match=r"expected the unpacked arrays of section square, found counts\.npy damaged"):
        corpus.section("square")


def test_an_unpacked_array_that_was_cut_short_is_refused(corpus: Corpus) -> None:
    corpus.section("square")
    (folder,) = corpus.unpacked.iterdir()
    (folder / "genes.npy").write_bytes((folder / "genes.npy").read_bytes()[:-1])
    with pytest.raises(InputError, match=r"found genes\.npy damaged or gone; remove the folder, and it is unpacked"):
        corpus.section("square")


def test_where_nothing_can_be_unpacked_to_is_refused(corpus: Corpus, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    elsewhere = open_corpus(corpus.path, unpacked=tmp_path / "file" / "unpacked")
    match = r"unpacked: expected a folder that sections can be unpacked to, found one that cannot be written to \(.+\);"
    with pytest.raises(InputError, match=match):
        elsewhere.section("square")


def test_unpacking_all_leaves_nothing_to_unpack(corpus: Corpus) -> None:
    steps = list(corpus.unpack())
    assert [(step.done, step.total) for step in steps] == [(done, 4) for done in range(5)]
    assert len(list(corpus.unpacked.iterdir())) == 4


def test_unpacking_some_unpacks_those(corpus: Corpus) -> None:
    run(corpus.unpack(["square", "irregular"]))
    assert sorted(path.name.split("-")[0] for path in corpus.unpacked.iterdir()) == ["irregular", "square"]


def test_processes_that_unpack_at_once_get_the_same(corpus: Corpus) -> None:
    command = [sys.executable, "-c", UNPACK, str(corpus.path)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    processes = [subprocess.Popen(command, **pipes) for _ in range(3)]
    assert [process.stdout.readline() for process in processes] == ["ready\n"] * 3
    for process in processes:
        process.stdin.write("go\n")
        process.stdin.flush()
    totals = {process.communicate()[0] for process in processes}
    assert len(totals) == 1
    assert len(list(corpus.unpacked.iterdir())) == 4


def test_a_folder_that_is_there_before_ours_is_kept(corpus: Corpus) -> None:
    """Which is what happens to the slower of two processes."""
    entry = corpus.entry("square")
    target = corpus.unpacked / f"{Path(entry.shard).stem}.1"
    target.parent.mkdir()
    target.write_text("a file, which is in the way")
    with pytest.raises(OSError, match=target.name):
        unpack(corpus.path, entry, corpus.unpacked)
    assert list(corpus.unpacked.iterdir()) == [target]


def test_opening_a_corpus_needs_no_readers(corpus: Corpus) -> None:
    command = [sys.executable, "-c", OPEN_WITHOUT_READERS, str(corpus.path)]
    printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    used = [0, 1, 3]
    assert [float(number) for number in printed] == [
        SLIDES[LatticeKind.IRREGULAR].counts[:, used].sum(),
        SLIDES[LatticeKind.HEXAGONAL].counts[:, used].sum(),
        3,
    ]


def test_opening_reads_no_shard(corpus: Corpus) -> None:
    shutil.rmtree(corpus.path / "shards")
    assert open_corpus(corpus.path).names == tuple(map(str, KINDS))


def test_a_damaged_shard_is_refused_before_anything_is_unpacked(corpus: Corpus) -> None:
    shard = corpus.path / "shards" / corpus.entry("square").shard
    content = bytearray(shard.read_bytes())
    content[len(content) // 2] ^= 1
    shard.write_bytes(content)
    match = rf"square-\w+.npz: expected the checksum {corpus.entry('square').sha256[:12]}, found \w+; the shard is dam"
    with pytest.raises(InputError, match=match):
        corpus.section("square")
    with pytest.raises(InputError, match=match):
        corpus.slide("square")
    with pytest.raises(InputError, match=match):
        run(corpus.verify())
    assert not corpus.unpacked.exists()
    assert corpus.section("hexagonal").n_cells == 69


def test_a_shard_that_is_gone_is_refused(corpus: Corpus) -> None:
    (corpus.path / "shards" / corpus.entry("square").shard).unlink()
    with pytest.raises(InputError, match=r"expected the shard of section square, found none there; copy the corpus"):
        run(corpus.verify())


def test_a_whole_corpus_is_verified(corpus: Corpus) -> None:
    assert len(list(corpus.verify())) == 5


def test_a_section_that_is_not_there_is_refused(corpus: Corpus) -> None:
    match = r"expected one of its 4 sections \(hexagonal, square, checkerboard, irregular\), found 'Z9'; choose one of"
    for ask in (corpus.section, corpus.slide, corpus.entry, lambda name: run(corpus.unpack([name]))):
        with pytest.raises(InputError, match=match):
            ask("Z9")


@pytest.mark.parametrize("name", ["her2st__A1", "stutility_mob__MOB1", "slideseq_cerebellum__sepal_subset"])
def test_a_measured_section_comes_back(name: str, sections_dir: Path, tmp_path: Path) -> None:
    slide: Slide = read_slide(sections_dir / f"{name}.h5ad")
    lattice = find_lattice(slide)
    pack_slides([slide], tmp_path / "corpus", compression="deflate")
    corpus = open_corpus(tmp_path / "corpus")
    section = corpus.section(name)
    match = corpus.vocabulary.match(slide)
    columns = match.columns[np.argsort(match.ids)]
    difference = sum_by_cell(slide.counts, lattice)[:, columns] - section.count_matrix()[:, np.argsort(section.ids)]
    assert abs(difference).nnz == 0
    assert_same_lattice(section.lattice, lattice)
    assert_same_lattice(find_lattice(corpus.slide(name)), lattice)
    assert corpus.slide(name).counts.sum(dtype=np.float64) == slide.counts[:, columns].sum(dtype=np.float64)
