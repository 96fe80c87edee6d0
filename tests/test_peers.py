"""Methods of other people: what the script refuses, and that its files are what the evaluation reads."""

import json
import subprocess
import sys
from pathlib import Path

import anndata as ad
import numpy as np
import pytest

from benchmarks.peers.command import main
from benchmarks.peers.files import check_values, versions
from napari_stimg.errors import InputError
from napari_stimg.io import read_slide
from tests.small_sections import write_small_section
from trainer.evaluation.keeping import check_embeddings, external_embeddings

PRINT_WHAT_OF_THE_PROJECT_IS_LOADED = """
import sys
import benchmarks.peers.command
print(*(name for name in sys.modules if name.split(".")[0] in ("napari_stimg", "trainer")))
"""

PRINT_WHAT_THAT_LOADS = """
import sys
before = set(sys.modules)
import napari_stimg.errors, trainer.evaluation.memory
print(*{name.split(".")[0] for name in set(sys.modules) - before} - sys.stdlib_module_names)
"""


def run_python(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run a new interpreter."""
    return subprocess.run([sys.executable, *arguments], cwd=cwd, capture_output=True, text=True, check=False)


def refusal(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> str:
    """Return the one line that the script says."""
    try:
        code: object = main([str(argument) for argument in arguments])
    except SystemExit as stopped:  # by the parser of options
        code = stopped.code
    assert code == 2
    said = capsys.readouterr()
    assert said.out == ""
    (line,) = said.err.splitlines()
    return line


@pytest.fixture(scope="module")
def section(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_small_section(tmp_path_factory.mktemp("section") / "study__one.h5ad")


def test_embeddings_and_facts_are_what_the_evaluation_reads(section: Path, tmp_path: Path) -> None:
    assert main(["pca", str(section), "-o", str(tmp_path), "--seed", "3"]) == 0
    slide = read_slide(section)
    check_embeddings(tmp_path)
    found = external_embeddings(tmp_path, slide.name, slide.n_spots)
    assert list(found) == ["pca"]
    facts = json.loads((tmp_path / "pca" / "study__one.json").read_text(encoding="utf-8"))
    assert facts["shape"] == list(found["pca"].shape)
    assert facts["seed"] == 3
    assert 0 < facts["seconds"] < 60
    assert facts["peak_mb"] > 0
    assert facts["versions"] == versions()
    assert not list(tmp_path.rglob("*.part"))


def test_principal_components_are_those_of_a_full_decomposition(section: Path, tmp_path: Path) -> None:
    main(["pca", str(section), "-o", str(tmp_path)])
    values = np.load(tmp_path / "pca" / "study__one.npy")
    counts = ad.read_h5ad(section).X.toarray()
    expression = np.log1p(counts / counts.sum(axis=1, keepdims=True) * 1e4)
    left, lengths, _ = np.linalg.svd(expression - expression.mean(axis=0), full_matrices=False)
    np.testing.assert_allclose(np.abs(values[:, :5]), np.abs((left * lengths)[:, :5]), rtol=1e-3, atol=1e-3)


def test_a_method_that_is_not_there_is_refused(
    section: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = refusal(capsys, "magic", section, "-o", tmp_path)
    assert "expected a method (pca, banksy, " in said
    assert "found magic" in said


@pytest.mark.parametrize("method", ["banksy", "graphst", "stagate", "spagcn", "novae"])
def test_a_method_whose_package_is_missing_is_refused(
    method: str, section: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = refusal(capsys, method, section, "-o", tmp_path)
    assert said.startswith(f"benchmarks.peers: {method}: expected the package ")
    assert "benchmarks/peers/README.md" in said
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--epochs", "5"), "expected a method that reads --epochs, found one that does not"),
        (("--n-domains", "5"), "expected a method that reads --n-domains, found one that does not"),
        (("--seed", "-1"), "expected a seed >= 0, found -1"),
        (("--seed", "x"), "invalid int value: 'x'"),
    ],
)
def test_options_that_cannot_be_used_are_refused(
    options: tuple[str, ...], said: str, section: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert said in refusal(capsys, "pca", section, "-o", tmp_path, *options)


def test_a_section_without_places_is_refused(section: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    placeless = ad.read_h5ad(section)
    del placeless.obsm["spatial"]
    placeless.write_h5ad(tmp_path / "placeless.h5ad")
    said = refusal(capsys, "pca", tmp_path / "placeless.h5ad", "-o", tmp_path / "out")
    assert 'expected places in obsm["spatial"], found none' in said


def test_a_file_that_is_no_section_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said = refusal(capsys, "pca", tmp_path / "none.h5ad", "-o", tmp_path / "out")
    assert "expected a section (.h5ad), found no file" in said
    (tmp_path / "text.h5ad").write_text("text", encoding="utf-8")
    said = refusal(capsys, "pca", tmp_path / "text.h5ad", "-o", tmp_path / "out")
    assert "text.h5ad: expected a section (.h5ad), found " in said


def test_values_that_are_not_finite_or_of_other_spots_are_refused() -> None:
    check_values(np.zeros((3, 2)), 3)
    for values in (np.zeros((4, 2)), np.zeros(3), np.array([[0.0], [np.nan], [0.0]])):
        with pytest.raises(InputError, match="expected finite values, one row for each of 3 spots, found"):
            check_values(values, 3)


def test_without_the_packages_of_any_method_the_script_says_so(repository: Path) -> None:
    result = run_python("-S", "-m", "benchmarks.peers", "pca", "x", "-o", "y", cwd=repository)  # -S: standard library
    assert result.returncode == 2
    (line,) = result.stderr.splitlines()
    assert line.startswith("benchmarks.peers: expected the package ")


def test_of_the_project_the_script_needs_the_standard_library_alone(repository: Path) -> None:
    loaded = run_python("-c", PRINT_WHAT_OF_THE_PROJECT_IS_LOADED, cwd=repository).stdout.split()
    needed = ["napari_stimg", "napari_stimg.errors", "trainer", "trainer.evaluation", "trainer.evaluation.memory"]
    assert sorted(loaded) == needed
    assert set(run_python("-c", PRINT_WHAT_THAT_LOADS, cwd=repository).stdout.split()) == {"napari_stimg", "trainer"}
