"""Bad input through the commands: exit code 2, one sentence, no traceback, nothing written, the input as it was."""

import json
import re
import sys
from collections.abc import Callable
from pathlib import Path

import anndata as ad
import numpy as np
import pytest
import scipy.sparse as sp
from safetensors.numpy import load_file, save_file

from napari_stimg.cli import main
from tests.small_sections import small_section, write_small_model, write_small_section, write_two_sections

SENTENCE = re.compile(r"^stimg \w+: .*expected .+, found .+; .+\.$")

OPTIONS = {
    "info": (),
    "embed": ("-o", "OUT"),
    "reconstruct": ("-o", "OUT", "--square", "6", "5", "4"),
    "domains": ("-o", "OUT", "--n-domains", "3"),
}
"""Of a run of each command that would succeed on the small section."""

WRITING = ("embed", "reconstruct", "domains")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_small_model(tmp_path_factory.mktemp("model") / "small.safetensors")


@pytest.fixture(scope="module")
def section(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_small_section(tmp_path_factory.mktemp("section") / "small.h5ad")


@pytest.fixture
def refuse(model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., None]:
    """Run a command that must fail, and check how it does."""

    def run_command(command: str, file: Path, *options: object, match: str, checkpoint: Path = model) -> None:
        before, there = file.read_bytes(), sorted(tmp_path.rglob("*"))
        arguments = [str(tmp_path / "out.h5ad") if option == "OUT" else str(option) for option in options]
        assert main([command, str(file), *arguments, "--checkpoint", str(checkpoint)]) == 2
        printed = capsys.readouterr()
        *progress, sentence = printed.err.splitlines()
        assert SENTENCE.match(sentence), sentence
        assert sentence.startswith(f"stimg {command}: ")
        assert re.search(match, sentence), sentence
        assert not [line for line in progress if line.startswith("stimg ") or "Traceback" in line]
        assert printed.out == ""
        assert file.read_bytes() == before
        assert sorted(tmp_path.rglob("*")) == there

    return run_command


def cut_short(path: Path) -> None:
    write_small_section(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def no_hdf5(path: Path) -> None:
    path.write_text("barcode,gene\nACGT,1\n")


def empty_file(path: Path) -> None:
    path.touch()


def no_coordinates(path: Path) -> None:
    section = small_section()
    del section.obsm["spatial"], section.obs["array_row"], section.obs["array_col"]
    section.write_h5ad(path)


def nan_coordinates(path: Path) -> None:
    section = small_section()
    section.obsm["spatial"][3, 0] = np.nan
    section.write_h5ad(path)


def duplicate_coordinates(path: Path) -> None:
    section = small_section()
    del section.obs["array_row"], section.obs["array_col"]
    section.obsm["spatial"][:200] = section.obsm["spatial"][0]
    section.write_h5ad(path)


def duplicate_array_indices(path: Path) -> None:
    section = small_section()
    section.obs.iloc[1, [0, 1]] = section.obs.iloc[0, [0, 1]]
    section.write_h5ad(path)


def negative_counts(path: Path) -> None:
    section = small_section()
    section.X.data[5] = -1
    section.write_h5ad(path)


def fractional_counts(path: Path) -> None:
    section = small_section()
    section.X.data += 0.37 * np.arange(section.X.data.size)
    section.write_h5ad(path)


def no_spots(path: Path) -> None:
    small_section()[:0].copy().write_h5ad(path)


def no_genes(path: Path) -> None:
    small_section()[:, :0].copy().write_h5ad(path)


def duplicate_genes(path: Path) -> None:
    section = small_section()
    section.var_names = ["MBP", "MBP", *section.var_names[2:]]
    section.write_h5ad(path)


def several_sections(path: Path) -> None:
    write_two_sections(path)


@pytest.mark.filterwarnings("ignore:Variable names are not unique")  # anndata says so of the bad file while it is made
@pytest.mark.parametrize("command", OPTIONS)
@pytest.mark.parametrize(
    ("spoil", "match"),
    [
        (cut_short, "cut short or damaged"),
        (no_hdf5, "a file that is not HDF5"),
        (empty_file, "a file that is not HDF5"),
        (no_coordinates, "expected .*(spatial|places|positions)"),
        (nan_coordinates, "a finite position for every spot, found 1 of"),
        (duplicate_coordinates, "every spot at a place of its own, found 199 spots"),
        (duplicate_array_indices, "array_row and array_col of its own, found 1 "),
        (negative_counts, "found -1|negative"),
        (fractional_counts, "expected .*counts"),
        (no_spots, "at least one spot and one gene, found 0 spots"),
        (no_genes, "at least one spot and one gene, found .*0 genes"),
        (duplicate_genes, "unique gene names, found 1 that repeat \\(such as MBP\\)"),
        (several_sections, "expected one section, found 2 in obs column library_id \\(A, B\\)"),
    ],
)
def test_unusable_section_is_refused_in_one_sentence(
    command: str, spoil: Callable[[Path], None], match: str, refuse: Callable[..., None], tmp_path: Path
) -> None:
    spoil(tmp_path / "bad.h5ad")
    refuse(command, tmp_path / "bad.h5ad", *OPTIONS[command], match=match)


@pytest.mark.parametrize("command", OPTIONS)
def test_missing_file_and_unknown_format_are_refused(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "notes.txt").touch()
    for name, match in (("missing.h5ad", "found nothing there"), ("notes.txt", "found a file of another ending")):
        options = [str(tmp_path / "out.h5ad") if option == "OUT" else option for option in OPTIONS[command]]
        assert main([command, str(tmp_path / name), *options]) == 2
        assert match in capsys.readouterr().err.splitlines()[-1]
    assert not (tmp_path / "out.h5ad").exists()


@pytest.mark.parametrize("command", OPTIONS)
def test_unknown_section_is_refused(command: str, refuse: Callable[..., None], tmp_path: Path) -> None:
    several = write_two_sections(tmp_path / "several.h5ad")
    refuse(command, several, *OPTIONS[command], "--section", "C", match=r"its sections \(A, B\), found 'C'")


@pytest.mark.parametrize("command", WRITING)
def test_genes_that_the_model_does_not_know_are_refused(
    command: str, refuse: Callable[..., None], tmp_path: Path
) -> None:
    unknown = small_section()
    unknown.var_names = [f"locus{i}" for i in range(unknown.n_vars)]
    unknown.write_h5ad(tmp_path / "unknown.h5ad")
    refuse(
        command, tmp_path / "unknown.h5ad", *OPTIONS[command], match="genes that the model knows .*found none among 60"
    )


@pytest.mark.parametrize(
    ("options", "match"),
    [
        (["--square", 300, 300, 4], "a mask that hides at least one spot, found none in the square of 4 cells"),
        (["--square", -9, -9, 4], "a mask that hides at least one spot, found none in the square of 4 cells"),
        (["--square", 0, 0, 99], "found every spot in the square of 99 cells"),
        (["--square", 6, 5, 0], "a square of at least one cell a side, found 0"),
        (["--mask-key", "nobody"], "a column of obs that can be a mask .*found no column 'nobody'"),
        (["--mask-key", "layer"], "expected True and False .*found L"),
        (["--geojson", "missing.geojson"], "expected a GeoJSON file, found none there"),
        (["--geojson", "outside.geojson"], "found none in outside.geojson"),
        (["--geojson", "broken.geojson"], "expected GeoJSON, found one that cannot be read"),
        (["--geojson", "point.geojson"], "at least one Polygon or MultiPolygon, found none"),
        (["--square", 6, 5, 4, "--genes", "MBP,NOGENE"], "expected genes of this slide, found NOGENE"),
    ],
)
def test_mask_that_cannot_be_is_refused(
    options: list[object], match: str, section: Path, refuse: Callable[..., None], tmp_path: Path
) -> None:
    ring = [[-9e6, -9e6], [-8e6, -9e6], [-8e6, -8e6]]
    outside = {"type": "Polygon", "coordinates": [ring]}
    (tmp_path / "outside.geojson").write_text(json.dumps(outside))
    (tmp_path / "point.geojson").write_text(json.dumps({"type": "Point", "coordinates": [0, 0]}))
    (tmp_path / "broken.geojson").write_text(json.dumps(outside)[:-9])
    named = [tmp_path / option if str(option).endswith(".geojson") else option for option in options]
    refuse("reconstruct", section, "-o", "OUT", *named, match=match)


@pytest.mark.parametrize(
    ("options", "match"),
    [
        (
            ["--labels-key", "nobody"],
            r"a column of obs that holds labels \(layer, hot_spot\), found no column 'nobody'",
        ),
        (["--labels-key", "cortical_depth"], "at most 64 different labels in obs cortical_depth, found"),
        (["--labels-key", "one"], "expected labels of at least two domains, found 1"),
        (["--labels-key", "none"], "expected labels of at least two domains, found 0"),
        (["--n-domains", 5000], "expected 2 to .* domains .*, found 5000"),
    ],
)
def test_domains_that_cannot_be_are_refused(
    options: list[object], match: str, refuse: Callable[..., None], tmp_path: Path
) -> None:
    section = small_section()
    section.obs["one"], section.obs["none"] = "only", ""
    section.write_h5ad(tmp_path / "section.h5ad")
    refuse("domains", tmp_path / "section.h5ad", "-o", "OUT", *options, match=match)


@pytest.mark.parametrize("command", WRITING)
@pytest.mark.parametrize(
    ("target", "match"),
    [
        ("no folder/out.h5ad", "an existing folder to write to, found none"),
        ("a file/out.h5ad", "an existing folder to write to, found none"),
        ("out.csv", r"ends in \.h5ad, found out\.csv"),
        ("a folder.h5ad", "expected a file to write, found a folder"),
        (f"{'long' * 62}.h5ad", "expected to .*write .*, found .*too long"),  # once it is written
        (f"{'long' * 90}.h5ad", "expected to .*write .*, found .*too long"),  # when it is looked for
    ],
)
def test_unwritable_output_is_refused(
    command: str, target: str, match: str, section: Path, refuse: Callable[..., None], tmp_path: Path
) -> None:
    (tmp_path / "a file").touch()
    (tmp_path / "a folder.h5ad").mkdir()
    options = ["-o", tmp_path / target, *OPTIONS[command][2:]]
    refuse(command, section, *options, match=match)


@pytest.mark.parametrize("command", WRITING)
def test_output_over_the_input_is_refused(command: str, refuse: Callable[..., None], tmp_path: Path) -> None:
    section = write_small_section(tmp_path / "small.h5ad")
    (tmp_path / "alias.h5ad").symlink_to(section)
    for target in (section, tmp_path / "alias.h5ad"):
        refuse(
            command, section, "-o", target, *OPTIONS[command][2:], match="another file than the input, found the input"
        )


def test_an_older_output_survives_a_failure(section: Path, refuse: Callable[..., None], tmp_path: Path) -> None:
    older = write_small_section(tmp_path / "out.h5ad")
    before = older.read_bytes()
    refuse("reconstruct", section, "-o", "OUT", "--square", 300, 300, 4, match="found none in the square")
    assert older.read_bytes() == before


def flipped(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-20] ^= 0xFF
    path.write_bytes(content)


def truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-50])


def other_format(path: Path) -> None:
    save_file(load_file(path), path, metadata={"format": "another-model"})


def without_texts(path: Path) -> None:
    save_file(load_file(path), path)


def no_safetensors(path: Path) -> None:
    path.write_bytes(b"not a checkpoint")


def removed(path: Path) -> None:
    path.unlink()


@pytest.mark.parametrize("command", OPTIONS)
@pytest.mark.parametrize(
    ("spoil", "match"),
    [
        (flipped, "expected the checksum [0-9a-f]{12} of bad.safetensors, found [0-9a-f]{12}; the file is corrupted"),
        (truncated, "expected a safetensors checkpoint, found bad.safetensors, which cannot be read"),
        (no_safetensors, "expected a safetensors checkpoint, found bad.safetensors, which cannot be read"),
        (other_format, "a checkpoint of the format stimg-mae-1, found another-model"),
        (without_texts, "a checkpoint of the format stimg-mae-1, found another in"),
        (removed, "expected a checkpoint at .*, found no file"),
    ],
)
def test_unusable_checkpoint_is_refused(
    command: str,
    spoil: Callable[[Path], None],
    match: str,
    section: Path,
    model: Path,
    refuse: Callable[..., None],
    tmp_path: Path,
) -> None:
    bad = tmp_path / "bad.safetensors"
    bad.write_bytes(model.read_bytes())
    spoil(bad)
    refuse(command, section, *OPTIONS[command], match=match, checkpoint=bad)


@pytest.mark.parametrize("command", WRITING)
def test_unknown_device_is_refused(command: str, section: Path, refuse: Callable[..., None]) -> None:
    refuse(
        command,
        section,
        *OPTIONS[command],
        "--device",
        "abacus",
        match=r"a device of this machine \(cpu.*\), found abacus",
    )


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ([], "stimg: the following arguments are required: COMMAND; see `stimg --help`."),
        (["paint"], "invalid choice: 'paint'"),
        (["embed"], "required: FILE, -o/--output"),
        (["embed", "a.h5ad"], "required: -o/--output"),
        (["reconstruct", "a.h5ad", "-o", "b.h5ad"], "one of the arguments --mask-key --square --geojson is required"),
        (["reconstruct", "a.h5ad", "-o", "b.h5ad", "--square", "1", "2"], "expected 3 arguments"),
        (["reconstruct", "a.h5ad", "-o", "b.h5ad", "--square", "1", "2", "x"], "invalid int value: 'x'"),
        (
            ["reconstruct", "a.h5ad", "-o", "b.h5ad", "--mask-key", "k", "--genes", " ,"],
            "expected genes between commas",
        ),
        (["reconstruct", "a.h5ad", "-o", "b.h5ad", "--mask-key", "k", "--geojson", "f"], "not allowed with"),
        (["domains", "a.h5ad", "-o", "b.h5ad"], "one of the arguments --n-domains --labels-key is required"),
        (["domains", "a.h5ad", "-o", "b.h5ad", "--n-domains", "1"], "expected a whole number >= 2, found '1'"),
        (["domains", "a.h5ad", "-o", "b.h5ad", "--n-domains", "x"], "expected a whole number >= 2, found 'x'"),
        (
            ["domains", "a.h5ad", "-o", "b.h5ad", "--n-domains", "3", "--seed", "-1"],
            "expected a whole number from 0 to 2147483647, found '-1'",
        ),
    ],
)
def test_wrong_options_are_refused_in_one_line(
    arguments: list[str], match: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(arguments)
    (line,) = capsys.readouterr().err.splitlines()
    assert match in line


if sys.platform != "win32":  # where a process cannot be given a limit

    @pytest.mark.parametrize("command", WRITING)
    def test_full_disk_is_told_in_one_sentence(command: str, section: Path, refuse: Callable[..., None]) -> None:
        import resource

        limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, limits[1]))
        try:
            refuse(command, section, *OPTIONS[command], match="expected to write the results there, found .* too large")
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def test_reconstruction_too_large_to_open_is_refused_before_any_work(
    refuse: Callable[..., None], tmp_path: Path
) -> None:
    n_spots, n_genes = 2**15, 2**16 + 1
    rows, cols = np.divmod(np.arange(n_spots), 2**8)
    counts = sp.csr_matrix((np.ones(n_spots, "f4"), (np.arange(n_spots), rows)), shape=(n_spots, n_genes))
    ad.AnnData(counts, obsm={"spatial": np.column_stack([cols, rows]).astype(float)}).write_h5ad(
        tmp_path / "large.h5ad"
    )
    match = "layers of at most 8 GiB .*found 32,768 spots x 65,537 genes"
    refuse("reconstruct", tmp_path / "large.h5ad", "-o", "OUT", "--square", 6, 5, 4, match=match)


@pytest.mark.parametrize(
    ("options", "match"),
    [
        (("--n-domains", 3, "--method", "knn"), "--method consensus, gmm or kmeans with --n-domains, found knn"),
        (("--labels-key", "layer", "--method", "gmm"), "--method blend, knn or logistic with --labels-key, found gmm"),
        (("--labels-key", "layer", "--method", "logistic", "--n-neighbours", 3), "with --method knn only"),
        (("--n-domains", 3, "--n-neighbours", 3), "with --method knn only"),
    ],
)
def test_a_method_of_the_other_way_to_domains_is_refused(
    refuse: Callable[..., None], section: Path, options: tuple[object, ...], match: str
) -> None:
    refuse("domains", section, "-o", "OUT", *options, match=match)
