"""Packing: what goes in, what is left out, and that neither kills nor workers make a difference."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import anndata as ad
import dask
import numpy as np
import pytest
from distributed import LocalCluster

from napari_stimg.errors import InputError
from napari_stimg.progress import Progress, run
from tests.corpus_slides import corpus_slide, files_of, write_slide
from tests.small_sections import write_two_sections
from trainer.store import Packed, open_corpus, pack_slides
from trainer.store.order import in_order
from trainer.store.pack import PackParameters, Task, died, pack_files
from trainer.store.packer import Refused
from trainer.store.sources import fingerprint_of_file

GENES = tuple(f"GENE{i}" for i in range(40))
SLIDES = [
    corpus_slide(f"slide {i}", seed=i, genes=GENES[5 * i : 20 + 5 * i], gene_ids=(f"ENSG{i:011}", *[""] * (19 - i % 2)))
    for i in range(0, 4, 2)
]

KILLED_AT_EVERY_STEP = """
import os, shutil, signal, sys
from pathlib import Path
from tests.corpus_slides import files_of
from tests.trainer.store.test_pack import SLIDES
from trainer.store import pack_slides

whole, folder = Path(sys.argv[1]), Path(sys.argv[2])

def pack(steps_left=None):
    # A fork packs, and is killed as it is about to touch the corpus for the last of so many times.
    child = os.fork()
    if not child:
        def count(event, arguments):
            nonlocal steps_left
            if event.startswith(("open", "os.")) and any(str(folder) in str(a) for a in arguments):
                steps_left -= 1
                if not steps_left:
                    os.kill(os.getpid(), signal.SIGKILL)
        if steps_left:
            sys.addaudithook(count)
        pack_slides(SLIDES, folder)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

step = 1
while pack(step):
    assert pack() == 0
    assert files_of(folder) == files_of(whole), step
    shutil.rmtree(folder)
    step += 1
print(step - 1)
"""


OTHER_CLUSTER = """
import sys
from distributed import LocalCluster
with LocalCluster(n_workers=1, processes=False, protocol="tcp", dashboard_address="127.0.0.1:0") as cluster:
    print(cluster.scheduler_address, flush=True)
    sys.stdin.read()
"""


def pack(paths: list[Path], corpus: Path, **params: object) -> Packed:
    return run(pack_files(paths, corpus, params=PackParameters(**params)))


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Write five sections, of which the third is broken and the fourth has the first one's name."""
    folder = tmp_path_factory.mktemp("files")
    (folder / "elsewhere").mkdir()
    slides = [corpus_slide(f"s{i}", seed=i, genes=GENES[3 * i : 3 * i + 9]) for i in range(3)]
    paths = [write_slide(slide, folder) for slide in slides]
    paths.insert(2, folder / "broken.h5ad")
    paths[2].write_text("broken")
    paths.insert(3, write_slide(corpus_slide("s0", seed=9), folder / "elsewhere"))
    return paths


@pytest.fixture(scope="module")
def packed(files: list[Path], tmp_path_factory: pytest.TempPathFactory) -> tuple[Packed, Path]:
    """Pack the five, in this process."""
    corpus = tmp_path_factory.mktemp("packed") / "corpus"
    return pack(files, corpus), corpus


def test_broken_sections_are_left_out_in_a_sentence_and_the_others_are_in(packed: tuple[Packed, Path]) -> None:
    result, corpus = packed
    assert [entry.name for entry in result.added] == ["s0", "s1", "s2"]
    assert [refused.name for refused in result.refused] == ["broken.h5ad", "s0"]
    assert "found a file that is not HDF5" in result.refused[0].reason
    assert result.refused[1].reason == (
        "s0: expected a name that no section of the corpus has, found it taken by one from another file s0.h5ad; "
        "rename the file, or pack it into another corpus."
    )
    assert open_corpus(corpus).names == ("s0", "s1", "s2")
    assert open_corpus(corpus).vocabulary.symbols == GENES[:15]
    assert len(list((corpus / "shards").iterdir())) == 3


def test_progress_goes_from_nothing_to_all(files: list[Path], tmp_path: Path) -> None:
    steps = list(pack_files(files[:2], tmp_path / "corpus", params=PackParameters()))
    assert steps == [Progress(done=done, total=2, message="Packing sections") for done in range(3)]


def test_packing_again_changes_nothing(files: list[Path], packed: tuple[Packed, Path], tmp_path: Path) -> None:
    corpus = packed[1]
    before = files_of(corpus)
    again = pack(files, corpus)
    assert [entry.name for entry in again.known] == ["s0", "s1", "s2"]
    assert again.added == []
    assert files_of(corpus) == before


def test_a_file_that_lies_elsewhere_now_is_known(
    files: list[Path], packed: tuple[Packed, Path], tmp_path: Path
) -> None:
    moved = tmp_path / files[0].name
    moved.write_bytes(files[0].read_bytes())
    assert [entry.name for entry in pack([moved], packed[1]).known] == ["s0"]


def test_appending_gives_the_corpus_of_packing_all_at_once_and_keeps_every_id(
    files: list[Path], packed: tuple[Packed, Path], tmp_path: Path
) -> None:
    corpus = tmp_path / "corpus"
    symbols: tuple[str, ...] = ()
    for path in files:
        pack([path], corpus)
        longer = open_corpus(corpus).vocabulary.symbols
        assert longer[: len(symbols)] == symbols
        symbols = longer
    assert files_of(corpus) == files_of(packed[1])


def test_many_workers_give_the_corpus_of_one(files: list[Path], packed: tuple[Packed, Path], tmp_path: Path) -> None:
    parallel = pack(files, tmp_path / "corpus", n_workers=2)
    assert parallel == packed[0]
    assert files_of(tmp_path / "corpus") == files_of(packed[1])


def test_a_running_cluster_gives_the_same_corpus(
    files: list[Path], packed: tuple[Packed, Path], tmp_path: Path
) -> None:
    with LocalCluster(n_workers=1, processes=False, protocol="tcp", dashboard_address="127.0.0.1:0") as cluster:
        assert pack(files, tmp_path / "corpus", scheduler=cluster.scheduler_address) == packed[0]
    assert files_of(tmp_path / "corpus") == files_of(packed[1])


def test_no_cluster_is_refused_and_leaves_nothing(files: list[Path], tmp_path: Path) -> None:
    match = r"expected a Dask scheduler at tcp:/127.0.0.1, found none that answers; check the address"
    with pytest.raises(InputError, match=match):
        pack(files, tmp_path / "corpus", scheduler="tcp:/127.0.0.1")
    assert list(tmp_path.iterdir()) == []


def test_without_dask_more_workers_are_refused(
    files: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(InputError, match=r"expected Dask to share the work, found it missing; install it with"):
        pack(files, tmp_path / "corpus", n_workers=2)


def test_a_file_that_kills_its_workers_is_left_out_and_the_others_are_read() -> None:
    tasks = [Task(path=Path(name), known=frozenset(), compression="lzma") for name in ("a", "deadly", "b")]
    with dask.config.set({"distributed.scheduler.allowed-failures": 0}):
        results = list(in_order(read_unless_deadly, tasks, n_workers=2, died=died))
    assert [result[0].reason for result in results] == [
        "a",
        "deadly: expected a worker to read it, found that all who tried died; give them more memory.",
        "b",
    ]


def read_unless_deadly(task: Task) -> list[Refused]:
    """Stand for a section so large that the system ends whoever reads it."""
    if task.path.name == "deadly":
        os._exit(1)
    return [Refused(name=task.path.name, reason=task.path.name)]


def test_a_cluster_of_another_version_is_refused(files: list[Path], tmp_path: Path) -> None:
    metadata = tmp_path / "site" / "napari_stimg-0.0.9.dist-info" / "METADATA"
    metadata.parent.mkdir(parents=True)
    metadata.write_text("Metadata-Version: 2.1\nName: napari-stimg\nVersion: 0.0.9\n")
    command = [sys.executable, "-c", OTHER_CLUSTER]
    env = os.environ | {"PYTHONPATH": str(tmp_path / "site")}
    with subprocess.Popen(
        command, cwd=tmp_path, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as cluster:
        assert cluster.stdout is not None
        address = cluster.stdout.readline().strip()
        match = (
            r"expected napari-stimg \S+ on every Dask worker, found 0\.0\.9; install the same version on all of them"
        )
        with pytest.raises(InputError, match=match):
            pack(files, tmp_path / "corpus", scheduler=address)
        cluster.communicate("done")
    assert not (tmp_path / "corpus").exists()


def test_of_a_file_of_several_sections_all_are_packed(tmp_path: Path) -> None:
    path = write_two_sections(tmp_path / "two.h5ad")
    assert [entry.name for entry in pack([path], tmp_path / "corpus").added] == ["two A", "two B"]
    corpus = open_corpus(tmp_path / "corpus")
    assert [entry.source.section for entry in corpus.entries] == ["A", "B"]
    assert [corpus.slide(name).n_spots for name in corpus.names] == [30, 24]
    again = pack([path], tmp_path / "corpus")
    assert (len(again.added), len(again.known), len(again.refused)) == (0, 2, 0)


def test_of_several_sections_a_broken_one_is_left_out(tmp_path: Path) -> None:
    path = write_two_sections(tmp_path / "two.h5ad")
    section = ad.read_h5ad(path)
    section.X.data[: section.X.indptr[30]] = 0
    section.write_h5ad(path)
    result = pack([path], tmp_path / "corpus")
    assert [entry.name for entry in result.added] == ["two B"]
    assert [refused.reason for refused in result.refused] == [
        "two A: expected at least one count, found none; choose a file with counts."
    ]


def test_a_file_that_the_system_does_not_give_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / f"{'x' * 300}.h5ad"
    (refused,) = pack([path], tmp_path / "corpus").refused
    assert refused.name == path.name
    assert refused.reason.startswith(f"{path.name}: ")


def test_a_folder_is_known_by_its_files(tmp_path: Path) -> None:
    folder = tmp_path / "outs"
    (folder / "spatial").mkdir(parents=True)
    (folder / "spatial" / "positions.csv").write_text("a,b")
    first = fingerprint_of_file(folder)
    (folder / "spatial" / "positions.csv").write_text("c,d")
    assert fingerprint_of_file(folder) == first
    (folder / "spatial" / "positions.csv").write_text("c,d,e")
    assert fingerprint_of_file(folder) != first


def test_a_slide_in_memory_is_known_and_another_of_its_name_refused(tmp_path: Path) -> None:
    pack_slides(SLIDES, tmp_path / "corpus")
    again = pack_slides([SLIDES[0], corpus_slide("slide 0", seed=7)], tmp_path / "corpus")
    assert [entry.name for entry in again.known] == ["slide 0"]
    assert [refused.name for refused in again.refused] == ["slide 0"]
    assert "found it taken by one from another slide in memory;" in again.refused[0].reason


def test_slides_are_taken_one_at_a_time(tmp_path: Path) -> None:
    def slides() -> Iterator[object]:
        for number, slide in enumerate(SLIDES):
            assert len(open_corpus(tmp_path / "corpus").names) == number
            yield slide

    assert len(pack_slides(slides(), tmp_path / "corpus").added) == 2


def test_a_logged_slide_in_memory_is_left_out(tmp_path: Path) -> None:
    result = pack_slides([corpus_slide("logged", logged=True), SLIDES[0]], tmp_path / "corpus")
    assert [refused.name for refused in result.refused] == ["logged"]
    assert [entry.name for entry in result.added] == ["slide 0"]


def test_compression_is_that_asked_for(tmp_path: Path) -> None:
    pack_slides(SLIDES, tmp_path / "lzma")
    pack_slides(SLIDES, tmp_path / "deflate", compression="deflate")
    lzma, deflate = open_corpus(tmp_path / "lzma"), open_corpus(tmp_path / "deflate")
    assert lzma.entries[0].sha256 != deflate.entries[0].sha256
    assert (lzma.slide("slide 0").counts != deflate.slide("slide 0").counts).nnz == 0


def test_names_that_files_cannot_have_make_shards_all_the_same(tmp_path: Path) -> None:
    names = ["../a b/c", ".hidden", "é" * 300, "x" * 300, "ok-1.2", "..."]
    pack_slides([corpus_slide(name, seed=i) for i, name in enumerate(names)], tmp_path / "corpus")
    corpus = open_corpus(tmp_path / "corpus")
    assert corpus.names == tuple(names)
    assert [entry.shard[:-13] for entry in corpus.entries] == ["_a_b_c", "hidden", "_", "x" * 80, "ok-1.2", ""]
    assert sorted(entry.shard for entry in corpus.entries) == sorted(os.listdir(tmp_path / "corpus" / "shards"))


def test_what_a_killed_writer_left_goes_and_other_files_stay(tmp_path: Path) -> None:
    corpus = tmp_path / "corpus"
    pack_slides(SLIDES, corpus)
    before = files_of(corpus)
    for name in ("stray-01234567.npz", "-01234567.npz", f"{open_corpus(corpus).entries[0].shard}.part"):
        (corpus / "shards" / name).write_bytes(b"half")
    (corpus / "shards" / "README.md").write_text("mine")
    pack_slides(SLIDES, corpus)
    assert files_of(corpus) == before | {"shards/README.md": b"mine"}


@pytest.mark.skipif(sys.platform == "win32", reason="needs fork")
def test_killed_as_it_touches_any_file_it_goes_on_to_the_same_corpus(tmp_path: Path, repository: Path) -> None:
    pack_slides(SLIDES, tmp_path / "whole")
    command = [sys.executable, "-c", KILLED_AT_EVERY_STEP, str(tmp_path / "whole"), str(tmp_path / "corpus")]
    killed = subprocess.run(command, cwd=repository, capture_output=True, text=True)
    assert killed.returncode == 0, killed.stderr
    assert int(killed.stdout) > 10


@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL")
def test_the_command_killed_at_random_goes_on_to_the_same_corpus(tmp_path: Path) -> None:
    slides = [corpus_slide(f"s{i}", shape=(30, 30), seed=i, genes=GENES[i : i + 25]) for i in range(12)]
    paths = [str(write_slide(slide, tmp_path)) for slide in slides]
    command = [sys.executable, "-m", "trainer", "corpus", *paths, "-o"]
    subprocess.run([*command, str(tmp_path / "whole")], check=True, capture_output=True)
    rng = np.random.default_rng(5)
    for kill in range(2):
        corpus = tmp_path / f"corpus{kill}"
        with subprocess.Popen([*command, str(corpus)], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL) as process:
            assert process.stderr is not None
            for _ in range(rng.integers(3, 9)):
                process.stderr.readline()
            process.send_signal(signal.SIGKILL)
        assert process.returncode == -signal.SIGKILL
        n_in = len(open_corpus(corpus).names)
        assert 0 < n_in < 12
        resumed = subprocess.run([*command, str(corpus)], check=True, capture_output=True, text=True)
        assert f"packed: {12 - n_in}; in already: {n_in}; left out: 0" in resumed.stdout
        assert files_of(corpus) == files_of(tmp_path / "whole")


def test_a_folder_of_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "report.md").write_text("report")
    with pytest.raises(InputError, match=r"expected a corpus or an empty folder, found report.md; choose another"):
        pack_slides(SLIDES, tmp_path)
    assert os.listdir(tmp_path) == ["report.md"]


def test_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "corpus").write_text("file")
    with pytest.raises(InputError, match=r"corpus: expected a folder for the corpus, found a file; choose another"):
        pack_slides(SLIDES, tmp_path / "corpus")


def test_a_folder_within_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"corpus: expected a folder that can be written to, found none at .*none; ma"):
        pack_slides(SLIDES, tmp_path / "none" / "corpus")


def test_an_empty_folder_becomes_a_corpus_and_stays_if_nothing_is_packed(tmp_path: Path) -> None:
    assert pack_slides([], tmp_path).added == []
    assert sorted(os.listdir(tmp_path)) == ["corpus.jsonl", "shards"]
    assert len(pack_slides(SLIDES, tmp_path).added) == 2


def test_a_corpus_of_nothing_is_not_left_behind(tmp_path: Path) -> None:
    assert pack_slides([], tmp_path / "corpus").added == []
    assert os.listdir(tmp_path) == []
