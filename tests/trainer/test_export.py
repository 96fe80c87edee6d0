import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
import torch

from napari_stimg.checkpoint import load_checkpoint
from napari_stimg.errors import InputError
from napari_stimg.progress import run
from tests.small_corpus import small_config
from trainer.cli import main
from trainer.export import export
from trainer.fit import fit
from trainer.run_folder import read_log
from trainer.state import average_weights


@pytest.fixture(scope="module")
def run_folder(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a validated run whose best state is not its last."""
    folder = tmp_path_factory.mktemp("exported") / "run"
    config = small_config(
        corpus,
        folder,
        data={"validation": ["simulated2"], "corpus": str(corpus)},
        optimiser={"steps": 12, "learning_rate": 0.3, "gene_learning_rate": 0.1, "warmup": 0, "ema_decay": 0.0},
        run={"folder": str(folder), "accelerator": "cpu", "validate_every": 2, "seed": 6, "log_every": 1},
    )
    run(fit(config))
    return folder


def scores_of(folder: Path) -> dict[int, dict[str, float]]:
    log = read_log(folder / "log.jsonl")
    return {entry["step"]: entry["validation"] for entry in log if "validation" in entry}


@pytest.fixture(scope="module")
def best_step(run_folder: Path) -> int:
    """Return the step of the best state, which is not the last."""
    step = min(scores := scores_of(run_folder), key=lambda step: scores[step]["loss"])
    assert step < 12
    return step


@pytest.mark.parametrize("state", ["best", "last"])
def test_a_checkpoint_has_the_averaged_weights_and_genes_of_a_state(
    run_folder: Path, best_step: int, tmp_path: Path, state: str
) -> None:
    export(run_folder, tmp_path / "model.safetensors", state=state)
    checkpoint = load_checkpoint(tmp_path / "model.safetensors")
    weights, step = average_weights(run_folder / f"{state}.state")
    assert step == checkpoint.card["steps"] == (best_step if state == "best" else 12)
    for name, weight in checkpoint.model.state_dict().items():
        torch.testing.assert_close(weight, weights[name].half().float())
    genes = json.loads((run_folder / "vocabulary.json").read_text())
    assert list(checkpoint.vocabulary.symbols) == genes["symbols"]
    assert dict(checkpoint.vocabulary.aliases) == genes["aliases"]


def test_the_best_state_is_exported_where_there_is_one(run_folder: Path, tmp_path: Path) -> None:
    assert export(run_folder, tmp_path / "model.safetensors")["state"] == "best"


def test_without_validation_the_last_state_is_exported(corpus: Path, tmp_path: Path) -> None:
    run(fit(small_config(corpus, tmp_path / "run", optimiser={"steps": 1})))
    card = export(tmp_path / "run", tmp_path / "model.safetensors")
    assert card["state"] == "last"
    assert card["scores"] == {}
    with pytest.raises(InputError, match=r"expected a run's state at .*best\.state, found none; give the folder"):
        export(tmp_path / "run", tmp_path / "model.safetensors", state="best")


def test_the_card_says_where_a_model_comes_from(run_folder: Path, best_step: int, tmp_path: Path) -> None:
    card = export(run_folder, tmp_path / "model.safetensors", notes={"licence": "CC0"})
    assert load_checkpoint(tmp_path / "model.safetensors").card == card
    assert card["sections"] == ["simulated0", "simulated1"]
    assert card["trained_further_from"] is None
    assert card["seed"] == 6
    assert card["config"]["optimiser"]["learning_rate"] == 0.3
    assert card["scores"] == scores_of(run_folder)[best_step]
    assert card["notes"] == {"licence": "CC0"}
    assert card["sha256_of_state"] == hashlib.sha256((run_folder / "best.state").read_bytes()).hexdigest()
    assert card["compute"]["crops_per_s"] > 0


def test_no_card_says_where_things_lay_on_a_machine(run_folder: Path, corpus: Path, tmp_path: Path) -> None:
    text = json.dumps(export(run_folder, tmp_path / "model.safetensors"))
    page = (tmp_path / "model.md").read_text()
    for path in (str(corpus.parent), str(run_folder.parent), str(tmp_path)):
        assert path not in text
        assert path not in page


def test_the_card_is_a_page_too(run_folder: Path, best_step: int, tmp_path: Path) -> None:
    export(run_folder, tmp_path / "model.safetensors", notes={"licence": "CC0"})
    page = (tmp_path / "model.md").read_text()
    checkpoint = load_checkpoint(tmp_path / "model.safetensors")
    assert page.startswith("# model\n")
    assert checkpoint.sha256 in page
    assert f"| steps | {best_step} of 12, seed 6 |" in page
    assert "| licence | CC0 |" in page
    assert "simulated0, simulated1" in page
    assert "    optimiser.learning_rate = 0.3" in page
    assert "Not for diagnosis" in page


def hours_of(folder: Path, elapsed_s: list[float], tmp_path: Path) -> float:
    """Return the hours that a run's card states, its log lines having these seconds since they were started."""
    copy = tmp_path / "copy"
    copy.mkdir()
    for name in ("config.yaml", "vocabulary.json", "last.state"):
        (copy / name).write_bytes((folder / name).read_bytes())
    lines = [
        {"step": step, "loss": 1.0, "crops_per_s": 5.0, "devices": "1 x cpu", "elapsed_s": s}
        for step, s in enumerate(elapsed_s)
    ]
    (copy / "log.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    hours: float = export(copy, tmp_path / "model.safetensors", state="last")["compute"]["hours"]
    return hours


@pytest.mark.parametrize(
    ("elapsed_s", "hours"), [([], 0), ([36.0], 0.01), ([360, 720], 0.2), ([36.0, 3600, 9036], 2.51)], ids=str
)
def test_hours_are_summed_over_interruptions(
    run_folder: Path, tmp_path: Path, elapsed_s: list[float], hours: float
) -> None:
    assert hours_of(run_folder, elapsed_s, tmp_path) == pytest.approx(hours)


def test_folders_without_a_run_or_without_a_state_are_refused(run_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=rf"expected the folder of a run, found no config\.yaml in {tmp_path}; "):
        export(tmp_path, tmp_path / "model.safetensors")
    for name in ("config.yaml", "vocabulary.json"):
        (tmp_path / name).write_bytes((run_folder / name).read_bytes())
    with pytest.raises(InputError, match=r"expected a run's state at .*last\.state, found none; give the folder"):
        export(tmp_path, tmp_path / "model.safetensors")
    assert not (tmp_path / "model.safetensors").exists()


# --- the command ---------------------------------------------------------------------------------------


def test_the_command_writes_checkpoint_and_card(
    run_folder: Path, best_step: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "model.safetensors"
    options = ["--state", "best", "--note", "licence=CC BY 4.0", "--note", "data=https://example.org/?a=b"]
    assert main(["export", str(run_folder), "-o", str(target), *options]) == 0
    assert capsys.readouterr().out == f"{target}: the best state after {best_step} steps; its card is beside it\n"
    assert load_checkpoint(target).card["notes"] == {"licence": "CC BY 4.0", "data": "https://example.org/?a=b"}


@pytest.mark.parametrize(
    ("options", "match"),
    [
        (["-o", "model.bin"], "expected a file name that ends in .safetensors, found model.bin; add the ending."),
        (["-o", "no folder/model.safetensors"], "expected a folder that can be written to, found none at no folder"),
        (["-o", "m.safetensors", "--note", "licence"], "--note: expected KEY=TEXT, such as licence=MIT, found 'l"),
        (["-o", "m.safetensors", "--note", "licence="], "--note: expected KEY=TEXT, such as licence=MIT, found 'l"),
    ],
    ids=str,
)
def test_bad_input_is_refused_in_one_sentence(
    run_folder: Path,
    options: list[str],
    match: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[Any],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["export", str(run_folder), *options]) == 2
    (sentence,) = capsys.readouterr().err.splitlines()
    assert sentence.startswith("stimg-train export: ")
    assert match in sentence
    assert list(tmp_path.iterdir()) == []
