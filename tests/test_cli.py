"""What the commands of ``stimg`` print and write, on a small section and with a small untrained model."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import anndata as ad
import numpy as np
import pandas as pd
import pytest

import napari_stimg
from napari_stimg import embed, load_checkpoint, reconstruct
from napari_stimg.checkpoint_file import bundled_path
from napari_stimg.cli import main
from napari_stimg.commands.reconstruct import N_GENES, most_variable_visible, report
from napari_stimg.domains import ClusterParameters, PaintParameters, cluster, domain_colors, paint
from napari_stimg.expression import log_expression
from napari_stimg.inference import InferenceParameters, Reconstruction
from napari_stimg.io import mask_from_square, read_slide
from napari_stimg.lattice import find_lattice
from napari_stimg.progress import run
from tests.small_sections import write_small_model, write_small_section, write_two_sections

COMMANDS = ("view", "info", "embed", "reconstruct", "domains")
SQUARE = ("--square", "6", "5", "4")

Stimg = Callable[..., str]


@pytest.fixture(scope="module")
def section(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_small_section(tmp_path_factory.mktemp("section") / "small.h5ad")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_small_model(tmp_path_factory.mktemp("model") / "small.safetensors")


@pytest.fixture
def stimg(model: Path, capsys: pytest.CaptureFixture[str]) -> Stimg:
    """Run a command with the small model, and return what it printed."""

    def run_command(*arguments: object) -> str:
        assert main([*map(str, arguments), "--checkpoint", str(model)]) == 0
        return capsys.readouterr().out

    return run_command


def python(code: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Run code in a new interpreter."""
    return subprocess.run([sys.executable, "-c", code, *map(str, arguments)], capture_output=True, text=True)


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_each_command_has_an_example(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        main([command, "--help"])
    assert f"\n  stimg {command} section.h5ad" in capsys.readouterr().out


def test_help_names_every_command_and_has_an_example(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        main(["--help"])
    printed = capsys.readouterr().out
    assert all(f"\n    {command} " in printed or f"\n    {command}\n" in printed for command in COMMANDS)
    assert "stimg info section.h5ad" in printed


def test_version_is_that_of_the_package(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        main(["--version"])
    assert capsys.readouterr().out == f"stimg {napari_stimg.__version__}\n"


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys, contextlib, napari_stimg.cli\n"
        "with contextlib.suppress(SystemExit): napari_stimg.cli.main(['embed', '--help'])\n"
        "print(*sys.modules, file=sys.stderr)"
    )
    imported = set(python(code).stderr.split())
    assert "napari_stimg.cli" in imported
    assert imported & {"torch", "numpy", "scipy", "pandas", "anndata", "sklearn"} == set()


def test_info_imports_no_torch(section: Path, model: Path) -> None:
    code = (
        "import sys, napari_stimg.cli\n"
        "napari_stimg.cli.main(['info', sys.argv[1], '--checkpoint', sys.argv[2]])\n"
        "print('torch' in sys.modules)"
    )
    assert python(code, section, model).stdout.splitlines()[-1] == "False"


def test_info_says_what_the_file_holds(section: Path, stimg: Stimg) -> None:
    lines = [line.split(maxsplit=1) for line in stimg("info", section).splitlines()[1:]]
    said = {name: value for name, value in lines}
    slide = read_slide(section)
    n_rows, n_cols = find_lattice(slide).shape
    assert said["source"] == str(section)
    assert said["lattice"] == f"hexagonal, {n_rows} x {n_cols} cells, from array indices"
    assert said["pitch"].startswith("100 um")
    assert said["spots"] == str(slide.n_spots)
    assert said["genes"] == "60"
    assert said["values"].startswith("counts from X, median ")
    assert said["vocabulary"] == "60 of 60 genes known (100.0 %), 100.0 % of the counts"
    assert said["labels"].startswith(f"layer (7: L1, L2, L3, L4, L5, L6, WM; {slide.n_spots} spots)")
    assert said["picture"] == "none"
    assert "warning" not in said


def test_info_as_json_is_what_the_readers_find(section: Path, stimg: Stimg) -> None:
    facts = json.loads(stimg("info", section, "--json"))
    slide = read_slide(section)
    lattice = find_lattice(slide)
    assert (facts["name"], facts["spots"], facts["genes"]) == ("small", slide.n_spots, slide.n_genes)
    assert facts["lattice"] == {
        "kind": "hexagonal",
        "shape": list(lattice.shape),
        "found_by": "array indices",
        "pitch": pytest.approx(lattice.pitch),
        "pitch_um": pytest.approx(100.0),
        "shared_share": 0.0,
    }
    assert facts["values"]["kind"] == "counts"
    assert facts["values"]["median_per_spot"] == np.median(np.asarray(slide.counts.sum(axis=1)))
    assert {labels["key"] for labels in facts["labels"]} == {"layer", "hot_spot"}
    assert facts["warnings"] == []


def test_info_counts_what_another_checkpoint_knows(
    section: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = write_small_model(tmp_path / "few.safetensors", n_genes=3)
    assert main(["info", str(section), "--json", "--checkpoint", str(model)]) == 0
    facts = json.loads(capsys.readouterr().out)
    slide = read_slide(section)
    assert facts["vocabulary"]["known_genes"] == 3
    assert facts["vocabulary"]["known_share_of_genes"] == 0.05
    assert facts["vocabulary"]["known_share_of_counts"] == pytest.approx(slide.counts[:, :3].sum() / slide.counts.sum())
    assert facts["vocabulary"]["unknown_examples"] == slide.gene_names[3:8].tolist()
    assert [warning for warning in facts["warnings"] if "The model knows 3 of 60 genes" in warning]


def test_info_warns_of_unknown_genes_empty_spots_and_shared_cells(tmp_path: Path, stimg: Stimg) -> None:
    rng = np.random.default_rng(0)
    places = np.repeat(rng.uniform(0, 1000, (100, 2)), 2, axis=0) + rng.normal(0, 0.1, (200, 2))
    counts = rng.poisson(2.0, (200, 3)).astype(np.float32)
    counts[:4] = 0
    section = ad.AnnData(counts, var=pd.DataFrame(index=["one", "two", "three"]), obsm={"spatial": places})
    section.obs_names = [f"cell{i}" for i in range(200)]
    section.write_h5ad(tmp_path / "pairs.h5ad")
    printed = stimg("info", tmp_path / "pairs.h5ad")
    assert "the model knows none of the genes" in printed.lower()
    assert "4 spots have no counts" in printed
    assert "of the spots share a cell of the lattice" in printed
    assert "irregular" in printed
    assert "unknown in um" in printed


def test_info_says_that_values_are_logged(section: Path, tmp_path: Path, stimg: Stimg) -> None:
    logged = ad.read_h5ad(section)
    logged.X = log_expression(logged.X.tocsr())
    logged.write_h5ad(tmp_path / "logged.h5ad")
    assert json.loads(stimg("info", tmp_path / "logged.h5ad", "--json"))["values"]["kind"] == "logged"
    assert "values      logged from X\n" in stimg("info", tmp_path / "logged.h5ad")


def test_embed_writes_the_embedding_of_the_core_and_says_so(
    section: Path, model: Path, stimg: Stimg, tmp_path: Path
) -> None:
    target = tmp_path / "out.h5ad"
    assert stimg("embed", section, "-o", target) == (
        f'small: {read_slide(section).n_spots} spots embedded in 8 dimensions, in obsm["X_stimg"] of {target}\n'
    )
    written = ad.read_h5ad(target)
    expected = run(embed(read_slide(section), load_checkpoint(model)))
    np.testing.assert_array_equal(written.obsm["X_stimg"], expected)
    lattice = find_lattice(read_slide(section))
    np.testing.assert_array_equal(written.obs[["stimg_row", "stimg_col"]], lattice.cell_of_spot)


def test_embed_holds_as_many_components_as_are_asked_for(section: Path, tmp_path: Path, stimg: Stimg) -> None:
    stimg("embed", section, "-o", tmp_path / "out.h5ad", "--n-components", "2")
    written = ad.read_h5ad(tmp_path / "out.h5ad")
    assert np.linalg.matrix_rank(written.obsm["X_stimg"] - written.obsm["X_stimg"].mean(axis=0), tol=1e-3) <= 2


def test_output_keeps_all_of_the_input_and_leaves_it_as_it_was(section: Path, stimg: Stimg, tmp_path: Path) -> None:
    before = section.read_bytes()
    stimg("embed", section, "-o", tmp_path / "out.h5ad")
    assert section.read_bytes() == before
    written, original = ad.read_h5ad(tmp_path / "out.h5ad"), ad.read_h5ad(section)
    assert (written.X != original.X).nnz == 0
    assert (written.layers["doubled"] != original.layers["doubled"]).nnz == 0
    np.testing.assert_array_equal(written.obsm["X_other"], original.obsm["X_other"])
    assert written.uns["note"] == "kept"
    pd.testing.assert_series_equal(written.obs["layer"], original.obs["layer"])
    assert os.listdir(tmp_path) == ["out.h5ad"]


def test_record_says_by_what_the_embedding_was_made(section: Path, model: Path, stimg: Stimg, tmp_path: Path) -> None:
    stimg("embed", section, "-o", tmp_path / "out.h5ad", "--device", "cpu")
    record = ad.read_h5ad(tmp_path / "out.h5ad").uns["stimg"]["embedding"]
    assert record["version"] == napari_stimg.__version__
    assert record["checkpoint"] == "small.safetensors"
    assert record["checkpoint_sha256"] == load_checkpoint(model).sha256
    assert record["device"] == "cpu"
    windows = {"side": 32, "stride": 16}
    others = {"n_rehearsals": 12, "seed": 0, "uncertainty": True, "kriging": True, "n_components": 12}
    assert record["parameters"] == {"windows": windows} | others


def test_the_bundled_checkpoint_is_the_default(
    section: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["info", str(section), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["vocabulary"]["known_genes"] > 0
    assert main(["embed", str(section), "-o", str(tmp_path / "out.h5ad")]) == 0
    record = ad.read_h5ad(tmp_path / "out.h5ad").uns["stimg"]["embedding"]
    assert record["checkpoint"] == bundled_path().name
    assert record["checkpoint_sha256"] == load_checkpoint().sha256


def test_records_of_earlier_commands_stay(section: Path, stimg: Stimg, tmp_path: Path) -> None:
    stimg("embed", section, "-o", tmp_path / "first.h5ad")
    stimg("reconstruct", tmp_path / "first.h5ad", "-o", tmp_path / "second.h5ad", *SQUARE)
    written = ad.read_h5ad(tmp_path / "second.h5ad")
    assert set(written.uns["stimg"]) == {"embedding", "reconstruction"}
    assert {"X_stimg", "X_other"} <= set(written.obsm)


def test_section_is_chosen_by_its_name(stimg: Stimg, tmp_path: Path) -> None:
    several = write_two_sections(tmp_path / "several.h5ad")
    assert json.loads(stimg("info", several, "--json", "--section", "A"))["spots"] == 30
    stimg("embed", several, "-o", tmp_path / "out.h5ad", "--section", "B")
    assert set(ad.read_h5ad(tmp_path / "out.h5ad").obs["library_id"]) == {"B"}


def test_reconstruct_writes_what_the_core_predicts_and_nan_elsewhere(
    section: Path, model: Path, stimg: Stimg, tmp_path: Path
) -> None:
    stimg("reconstruct", section, "-o", tmp_path / "out.h5ad", *SQUARE, "--seed", "3")
    written, slide = ad.read_h5ad(tmp_path / "out.h5ad"), read_slide(section)
    mask = mask_from_square(slide, find_lattice(slide), 6, 5, 4)
    expected = run(reconstruct(slide, mask, load_checkpoint(model), params=InferenceParameters(seed=3)))
    np.testing.assert_array_equal(written.obs["stimg_mask"], mask)
    np.testing.assert_allclose(written.layers["stimg_reconstruction"][mask], expected.expected, rtol=1e-5)
    np.testing.assert_allclose(written.layers["stimg_uncertainty"][mask], expected.sd, rtol=1e-5)
    assert np.isnan(written.layers["stimg_reconstruction"][~mask]).all()
    assert np.isnan(written.layers["stimg_uncertainty"][~mask]).all()


def test_hidden_values_change_nothing_but_the_scores(section: Path, stimg: Stimg, tmp_path: Path) -> None:
    stimg("reconstruct", section, "-o", tmp_path / "true.h5ad", *SQUARE)
    true = ad.read_h5ad(tmp_path / "true.h5ad")
    other = ad.read_h5ad(section)
    counts = other.X.toarray()
    counts[true.obs["stimg_mask"]] = np.random.default_rng(0).poisson(50.0, counts[true.obs["stimg_mask"]].shape)
    other.X = counts
    other.write_h5ad(tmp_path / "changed.h5ad")
    stimg("reconstruct", tmp_path / "changed.h5ad", "-o", tmp_path / "other.h5ad", *SQUARE)
    changed = ad.read_h5ad(tmp_path / "other.h5ad")
    for layer in ("stimg_reconstruction", "stimg_uncertainty"):
        np.testing.assert_array_equal(changed.layers[layer], true.layers[layer])


def test_square_key_and_polygon_hide_the_same_spots(section: Path, stimg: Stimg, tmp_path: Path) -> None:
    stimg("reconstruct", section, "-o", tmp_path / "square.h5ad", *SQUARE)
    hidden = ad.read_h5ad(tmp_path / "square.h5ad").obs["stimg_mask"].to_numpy()
    stimg("reconstruct", tmp_path / "square.h5ad", "-o", tmp_path / "key.h5ad", "--mask-key", "stimg_mask")
    x, y = ad.read_h5ad(section).obsm["spatial"][hidden].T
    ring = [[left, top] for left, top in zip(x - 1, y, strict=True)]
    polygons = [[[[a, b - 1], [a + 2, b - 1], [a + 2, b + 1], [a, b + 1]]] for a, b in ring]
    (tmp_path / "region.geojson").write_text(json.dumps({"type": "MultiPolygon", "coordinates": polygons}))
    stimg("reconstruct", section, "-o", tmp_path / "drawn.h5ad", "--geojson", tmp_path / "region.geojson")
    for name, told in (("key", "obs stimg_mask"), ("drawn", "polygons of region.geojson")):
        written = ad.read_h5ad(tmp_path / f"{name}.h5ad")
        np.testing.assert_array_equal(written.obs["stimg_mask"], hidden)
        assert written.uns["stimg"]["reconstruction"]["parameters"]["mask"] == told


@pytest.mark.parametrize(("genes", "n_genes"), [("MBP,PLP1,MBP", 2), ("MBP,mbp", 1), ("mbp", 1), ("all", 60)])
def test_only_the_genes_asked_for_are_reconstructed(
    genes: str, n_genes: int, section: Path, stimg: Stimg, tmp_path: Path
) -> None:
    printed = stimg("reconstruct", section, "-o", tmp_path / "out.h5ad", *SQUARE, "--genes", genes)
    written = ad.read_h5ad(tmp_path / "out.h5ad")
    predicted = ~np.isnan(written.layers["stimg_reconstruction"][written.obs["stimg_mask"].to_numpy()])
    assert predicted.all(axis=0).sum() == predicted.any(axis=0).sum() == n_genes
    assert predicted[:, written.var_names.get_loc("MBP")].all()
    assert f"{n_genes} {'gene' if n_genes == 1 else 'genes'} reconstructed" in printed


def test_genes_that_vary_most_among_visible_spots_are_the_default(section: Path, tmp_path: Path) -> None:
    small = ad.read_h5ad(section)
    counts = np.zeros((small.n_obs, N_GENES + 50), dtype=np.float32)
    counts[:, 0] = 100
    counts[::2, 1 : N_GENES + 1] = 1  # varies
    hidden = np.zeros(small.n_obs, dtype=bool)
    hidden[:20] = True
    counts[hidden, N_GENES + 1 :] = np.arange(20)[:, None]  # varies, but only where it is hidden
    names = [f"gene{i}" for i in range(counts.shape[1])]
    wide = ad.AnnData(counts, obs=small.obs, var=pd.DataFrame(index=names), obsm={"spatial": small.obsm["spatial"]})
    wide.write_h5ad(tmp_path / "wide.h5ad")
    chosen = most_variable_visible(read_slide(tmp_path / "wide.h5ad"), hidden)
    assert len(chosen) == N_GENES
    assert set(chosen) <= set(names[: N_GENES + 1])


def test_scores_are_printed_and_kept(section: Path, stimg: Stimg, tmp_path: Path) -> None:
    printed = stimg("reconstruct", section, "-o", tmp_path / "out.h5ad", *SQUARE)
    record = ad.read_h5ad(tmp_path / "out.h5ad").uns["stimg"]["reconstruction"]
    scores, by_gene = record["scores"], record["scores_by_gene"]
    words = printed.split()
    assert f"{scores['mse']:.4f}" in words
    assert f"{scores['mse_neighbours']:.4f}" in words
    assert f"{scores['mse_slide_mean']:.4f}" in words
    assert f"{scores['pcc']:.3f}" in words
    assert by_gene.shape[0] == 60
    assert by_gene["mse"].mean() == pytest.approx(scores["mse"], rel=1e-5)
    better_guess = by_gene[["mse_slide_mean", "mse_neighbours"]].min(axis=1)
    best = (better_guess - by_gene["mse"]).sort_values(ascending=False).index[0]
    assert f"\n{best} " in printed
    assert record["seed"] == 0
    assert record["parameters"]["mask"] == "square of 4 cells at row 6, col 5"
    assert record["parameters"]["n_genes"] == 60


def test_a_gene_without_correlation_is_shown_without_one(section: Path, stimg: Stimg, tmp_path: Path) -> None:
    printed = stimg("reconstruct", section, "-o", tmp_path / "out.h5ad", "--square", "6", "5", "1", "--genes", "MBP")
    (row,) = [line for line in printed.splitlines() if line.startswith("MBP")]
    assert row.split()[-1] == "-"


def test_seed_changes_what_the_model_rehearses_on(section: Path, stimg: Stimg, tmp_path: Path) -> None:
    written = {}
    for name, seed in (("first", 0), ("again", 0), ("other", 1)):
        stimg("reconstruct", section, "-o", tmp_path / f"{name}.h5ad", *SQUARE, "--seed", seed)
        written[name] = ad.read_h5ad(tmp_path / f"{name}.h5ad").layers["stimg_reconstruction"]
    np.testing.assert_array_equal(written["first"], written["again"])
    assert not np.array_equal(written["first"], written["other"], equal_nan=True)


def test_domains_are_found_as_the_core_finds_them(section: Path, model: Path, stimg: Stimg, tmp_path: Path) -> None:
    printed = stimg("domains", section, "-o", tmp_path / "out.h5ad", "--n-domains", 3, "--seed", 5)
    written, slide = ad.read_h5ad(tmp_path / "out.h5ad"), read_slide(section)
    embedding = run(embed(slide, load_checkpoint(model)))
    labels = cluster(embedding, find_lattice(slide).positions, params=ClusterParameters(n_domains=3, seed=5))
    np.testing.assert_array_equal(written.obs["stimg_domain"].cat.codes, labels)
    np.testing.assert_array_equal(written.obsm["X_stimg"], embedding)
    assert written.obs["stimg_domain"].cat.categories.tolist() == ["1", "2", "3"]
    assert list(written.uns["stimg_domain_colors"]) == domain_colors(3)
    for domain, size in written.obs["stimg_domain"].value_counts().items():
        assert [domain, str(size)] in [line.split()[:2] for line in printed.splitlines()]
    record = written.uns["stimg"]["domains"]
    assert record["seed"] == 5
    assert record["parameters"] == {"n_domains": 3, "method": "consensus", "refine": True}


def test_domains_without_labels_do_not_look_at_labels(section: Path, stimg: Stimg, tmp_path: Path) -> None:
    unlabelled = ad.read_h5ad(section)
    unlabelled.obs = unlabelled.obs[["array_row", "array_col"]]
    unlabelled.write_h5ad(tmp_path / "unlabelled.h5ad")
    printed = [
        stimg("domains", file, "-o", tmp_path / "out.h5ad", "--n-domains", 4).splitlines()[1:]
        for file in (section, tmp_path / "unlabelled.h5ad")
    ]
    assert printed[0] == printed[1]


def test_domains_are_painted_from_the_labels_that_there_are(
    section: Path, model: Path, stimg: Stimg, tmp_path: Path
) -> None:
    partly = ad.read_h5ad(section)
    partly.obs["layer"] = partly.obs["layer"].where(np.arange(partly.n_obs) % 3 == 0)
    partly.write_h5ad(tmp_path / "partly.h5ad")
    printed = stimg("domains", tmp_path / "partly.h5ad", "-o", tmp_path / "out.h5ad", "--labels-key", "layer")
    written, slide = ad.read_h5ad(tmp_path / "out.h5ad"), read_slide(section)
    codes = partly.obs["layer"].cat.codes.to_numpy()
    embedding = run(embed(slide, load_checkpoint(model)))
    painting = paint(embedding, find_lattice(slide).positions, codes, params=PaintParameters())
    names = partly.obs["layer"].cat.categories
    assert written.obs["stimg_domain"].tolist() == names[painting.labels].tolist()
    assert written.obs["stimg_domain"].cat.categories.tolist() == names.tolist()
    np.testing.assert_array_equal(written.obsm["stimg_domain_probability"], painting.probabilities)
    record = written.uns["stimg"]["domains"]
    assert record["parameters"]["labels_key"] == "layer"
    assert record["parameters"]["n_labelled"] == (codes >= 0).sum()
    assert f"painted from {(codes >= 0).sum()} labels in obs layer" in printed
    assert f"accuracy {record['scores']['accuracy']:.3f}, ARI {record['scores']['ari']:.3f}" in printed


def test_seed_changes_which_labels_the_painting_is_tested_on(section: Path, stimg: Stimg, tmp_path: Path) -> None:
    scores = []
    for seed in (0, 1):
        stimg("domains", section, "-o", tmp_path / "out.h5ad", "--labels-key", "layer", "--seed", seed)
        scores.append(ad.read_h5ad(tmp_path / "out.h5ad").uns["stimg"]["domains"]["scores"]["accuracy"])
    assert scores[0] != scores[1]


def test_too_few_labels_for_a_test_are_said(section: Path, stimg: Stimg, tmp_path: Path) -> None:
    few = ad.read_h5ad(section)
    few.obs["mine"] = [["one", "two"][i] if i < 2 else np.nan for i in range(few.n_obs)]
    few.write_h5ad(tmp_path / "few.h5ad")
    printed = stimg("domains", tmp_path / "few.h5ad", "-o", tmp_path / "out.h5ad", "--labels-key", "mine")
    assert "agreement: not tested, there are too few labels in too few places" in printed


def test_results_go_to_stdout_and_progress_to_stderr_in_lines(
    section: Path, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["embed", str(section), "-o", str(tmp_path / "out.h5ad"), "--checkpoint", str(model)]) == 0
    printed = capsys.readouterr()
    assert len(printed.out.splitlines()) == 1
    lines = printed.err.splitlines()
    assert lines[:2] == ["Reading small.h5ad", "Loading the model"]
    assert lines[2].startswith("Rehearsing on visible spots: 0 of ")
    assert lines[-1] == "Writing out.h5ad"
    assert "\r" not in printed.err


def test_installed_command_and_module_exit_with_the_code(section: Path, model: Path) -> None:
    arguments = ["info", str(section), "--checkpoint", str(model)]
    command = Path(sys.executable).with_name("stimg" + (".exe" if os.name == "nt" else ""))
    for start in ([str(command)], [sys.executable, "-m", "napari_stimg.cli"]):
        assert subprocess.run([*start, *arguments], capture_output=True).returncode == 0
        assert subprocess.run([*start, "info", "missing.h5ad"], capture_output=True).returncode == 2


def test_a_reader_that_stops_listening_is_no_error(section: Path, model: Path) -> None:
    command = [sys.executable, "-m", "napari_stimg.cli", "info", str(section), "--checkpoint", str(model)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == "Reading small.h5ad\n"
    assert process.returncode == 0


@pytest.mark.parametrize(("model_error", "warned"), [(0.5, False), (1.5, True)])
def test_report_says_when_a_guess_is_better_than_the_model(model_error: float, warned: bool, section: Path) -> None:
    slide = read_slide(section)
    nothing = np.zeros((1, 1), dtype=np.float32)
    made = Reconstruction(spots=np.array([0]), columns=np.array([0]), expected=nothing, sd=nothing, elapsed_s=0.0)
    columns = ["mse", "mae", "pcc", "mse_slide_mean", "mse_neighbours"]
    scores = pd.DataFrame([[model_error, 1.0, 0.0, 2.0, 1.0]], index=["MBP"], columns=columns)
    assert ("Here the neighbours' mean is the better guess" in report(slide, made, scores)) == warned


def test_n_genes_asks_for_the_most_variable_and_those_named_besides(
    section: Path, stimg: Stimg, tmp_path: Path
) -> None:
    def reconstructed(*options: object) -> set[str]:
        stimg("reconstruct", section, "-o", tmp_path / "out.h5ad", "--square", 6, 5, 4, *options)
        written = ad.read_h5ad(tmp_path / "out.h5ad")
        return set(written.var_names[np.isfinite(np.asarray(written.layers["stimg_reconstruction"])).any(axis=0)])

    best = reconstructed("--n-genes", 5)
    other = next(str(name) for name in read_slide(section).gene_names if str(name) not in best)
    assert len(best) == 5
    assert reconstructed("--n-genes", 5, "--genes", other) == best | {other}
    assert reconstructed("--genes", other) == {other}
