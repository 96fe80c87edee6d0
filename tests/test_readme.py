"""What the documents say holds: examples run, commands parse, links lead somewhere, refusals are those of the code."""

import ast
import re
import shlex
from contextlib import chdir
from pathlib import Path

import anndata as ad
import numpy as np
import pytest

from napari_stimg import cli, keys
from trainer import cli as train_cli

ROOT = Path(__file__).resolve().parents[1]
README = ROOT / "README.md"
FILE_FORMATS = ROOT / "docs" / "file-formats.md"
DOCUMENTS = (README, *sorted((ROOT / "docs").glob("*.md")))

LARGEST_PICTURE_BYTES = 300_000


def blocks(document, language):
    return re.findall(rf"^```{language}\n(.*?)^```$", document.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


def commands_of(program):
    """Return the arguments of every line of the README's shell blocks that starts this program."""
    lines = "\n".join(blocks(README, "sh")).replace("\\\n", " ").splitlines()
    words = [shlex.split(line, comments=True) for line in lines]
    return [arguments for name, *arguments in filter(None, words) if name == program]


def rows_of_tables(document):
    """Return the cells of every row of the document's tables, without their headers' rules."""
    lines = [line for line in document.read_text(encoding="utf-8").splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]


def local_targets(document):
    """Return the files that a document links to or shows."""
    links = re.findall(r"\]\(([^)#\s]+)", document.read_text(encoding="utf-8"))
    return [document.parent / link for link in links if "://" not in link]


def sentences_in(package):
    """Return a pattern for each sentence of the form expected ..., found ... in the code of a package."""
    patterns = []
    for path in sorted(package.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.JoinedStr):
                parts = [re.escape(p.value) if isinstance(p, ast.Constant) else ".+" for p in node.values]
                patterns.append("".join(parts))
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                patterns.append(re.escape(node.value))
    return [re.compile(pattern) for pattern in patterns if "expected " in pattern.replace("\\", "")]


@pytest.fixture(scope="module")
def example(tmp_path_factory):
    """Return the names of the README's Python example, having run it in an empty folder, and the folder."""
    folder = tmp_path_factory.mktemp("readme")
    names = {}
    with chdir(folder):
        for number, block in enumerate(blocks(README, "python"), start=1):
            exec(compile(block, f"README.md, Python block {number}", "exec"), names)
    return names, folder


def test_the_python_example_runs_and_writes_what_it_says(example):
    names, folder = example
    slide, mask = names["slide"], names["mask"]
    written = ad.read_h5ad(folder / "results.h5ad")
    assert written.shape == (slide.n_spots, slide.n_genes)
    np.testing.assert_array_equal(written.obs[keys.MASK], mask)
    np.testing.assert_array_equal(np.isfinite(written.layers[keys.RECONSTRUCTION]).all(axis=1), mask)
    np.testing.assert_array_equal(np.isfinite(written.layers[keys.UNCERTAINTY]).any(axis=1), mask)
    assert written.obsm[keys.EMBEDDING].shape == (slide.n_spots, 128)
    assert len(written.uns[keys.DOMAIN_COLORS]) == written.obs[keys.DOMAIN].cat.categories.size


def test_the_python_example_in_memory_gives_the_embedding_of_the_file(example):
    names, _ = example
    np.testing.assert_allclose(names["adata"].obsm[keys.EMBEDDING], names["embedding"], rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("arguments", commands_of("stimg"), ids=" ".join)
def test_each_example_of_stimg_is_a_command(arguments):
    assert callable(cli.build_parser().parse_args(arguments).run)


@pytest.mark.parametrize("arguments", commands_of("stimg-train"), ids=" ".join)
def test_each_example_of_stimg_train_is_a_command(arguments):
    assert callable(train_cli.build_parser().parse_args(arguments).run)


@pytest.mark.parametrize(("program", "module"), [("stimg", cli), ("stimg-train", train_cli)])
def test_every_command_has_an_example(program, module):
    commands = re.findall(r"^    (\w+)\b", module.build_parser().format_help(), re.MULTILINE)
    assert {arguments[0] for arguments in commands_of(program)} == set(commands)


@pytest.mark.parametrize("document", [README, FILE_FORMATS], ids=lambda path: path.name)
def test_every_key_that_is_written_is_named(document):
    text = document.read_text(encoding="utf-8")
    written = (
        keys.RECONSTRUCTION,
        keys.UNCERTAINTY,
        keys.MASK,
        keys.EMBEDDING,
        keys.DOMAIN,
        keys.DOMAIN_PROBABILITY,
        keys.DOMAIN_COLORS,
        keys.LATTICE_ROW,
        keys.LATTICE_COL,
        keys.PROVENANCE,
    )
    assert [key for key in written if f'["{key}"]' not in text] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_and_pictures_are_there(document):
    assert [path for path in local_targets(document) if not path.exists()] == []


def test_pictures_are_small_and_shown():
    pictures = sorted((ROOT / "docs" / "images").rglob("*.jpg"))
    assert pictures
    shown = {path.resolve() for document in DOCUMENTS for path in local_targets(document)}
    assert shown >= set(pictures)
    assert [path.name for path in pictures if path.stat().st_size >= LARGEST_PICTURE_BYTES] == []


def test_every_refusal_in_the_documents_is_said_by_the_code():
    quoted = [
        cells[-1].strip("`") for cells in rows_of_tables(FILE_FORMATS) if re.search("expected .*, found", cells[-1])
    ]
    assert len(quoted) > 50
    patterns = sentences_in(ROOT / "napari_stimg")
    assert [sentence for sentence in quoted if not any(p.fullmatch(sentence) for p in patterns)] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_tables_have_as_many_cells_in_every_row(document):
    for table in re.findall(r"(?:^\|.*\n)+", document.read_text(encoding="utf-8"), re.MULTILINE):
        widths = {len(re.sub(r"``?.*?``?", "", row).strip("|").split("|")) for row in table.splitlines()}
        assert len(widths) == 1, table
