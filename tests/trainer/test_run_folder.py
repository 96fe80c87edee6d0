import json
import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from napari_stimg.errors import InputError
from tests.known_slides import factor_checkpoint
from tests.small_corpus import load_small_data, small_config
from trainer.config import Config, read_config
from trainer.data import Data
from trainer.run_folder import RunFolder, read_log


@pytest.fixture
def config(corpus: Path, tmp_path: Path) -> Config:
    return small_config(corpus, tmp_path / "run")


@pytest.fixture
def begun(config: Config, data: Data) -> RunFolder:
    """Return the folder of a run that has saved a state."""
    folder = RunFolder(Path(config.run.folder), writes=True)
    folder.check(config, None)
    folder.begin(config, data, None)
    folder.last.write_bytes(b"a state")
    return folder


def test_a_folder_is_made_and_gets_settings_and_genes(begun: RunFolder, config: Config, data: Data) -> None:
    assert sorted(os.listdir(begun.path)) == ["config.yaml", "last.state", "run.lock", "vocabulary.json"]
    assert read_config(begun.path / "config.yaml") == config
    genes = begun.read_genes()
    assert genes["symbols"] == list(data.vocabulary.symbols)
    assert genes["sections"] == ["simulated0", "simulated1", "simulated2"]
    assert (genes["from"], genes["from_sections"]) == (None, [])


def test_processes_that_do_not_write_leave_the_folder_alone(config: Config, data: Data) -> None:
    folder = RunFolder(Path(config.run.folder), writes=False)
    folder.check(config, None)
    folder.begin(config, data, None)
    folder.go_on_from(0)
    folder.log({"step": 1, "loss": 1.0})
    folder.close()
    assert os.listdir(folder.path) == []


def test_a_run_may_go_on_with_settings_that_change_nothing(begun: RunFolder, config: Config, data: Data) -> None:
    later = replace(config, optimiser=replace(config.optimiser, steps=9), run=replace(config.run, workers=2))
    begun.check(later, None)
    begun.begin(later, data, None)
    assert read_config(begun.path / "config.yaml") == later


def test_settings_that_a_kill_cut_off_in_writing_are_not_there(begun: RunFolder, config: Config) -> None:
    (begun.path / "config.yaml.part").write_text("data: {cor")
    begun.check(config, None)


def test_other_settings_are_refused(begun: RunFolder, config: Config) -> None:
    other = replace(config, masks=replace(config.masks, thin=0.1))
    with pytest.raises(InputError, match=r"^masks\.thin: expected 0\.666.*, with which the run in .*run was started"):
        begun.check(other, None)


def test_before_a_state_is_saved_settings_may_change(begun: RunFolder, config: Config) -> None:
    begun.last.unlink()
    begun.check(replace(config, masks=replace(config.masks, thin=0.1)), None)


def test_another_corpus_is_refused_if_its_sections_or_genes_differ(
    begun: RunFolder, config: Config, corpus: Path
) -> None:
    fewer = load_small_data(corpus, left_out=["simulated2"])
    with pytest.raises(InputError, match=r"run: expected the 3 sections that the run was started with, found 2, not"):
        begun.begin(config, fewer, None)
    genes = begun.read_genes()
    genes["symbols"][0] = "OTHER"
    (begun.path / "vocabulary.json").write_text(json.dumps(genes))
    with pytest.raises(InputError, match=r"run: expected the 46 symbols that .*, found 46, not the same; give"):
        begun.begin(config, load_small_data(corpus), None)


def test_a_file_in_the_place_of_the_folder_is_refused(config: Config, tmp_path: Path) -> None:
    (tmp_path / "run").write_text("")
    with pytest.raises(InputError, match=r"run\.folder: expected a folder to write to, found \[Errno 17\]"):
        RunFolder(tmp_path / "run", writes=True).check(config, None)


def test_a_folder_of_something_else_is_refused_and_kept(config: Config, tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "config.yaml").write_text("mine")
    with pytest.raises(InputError, match=r"run\.folder: expected an empty folder or that of a run, found config\.yaml"):
        RunFolder(folder, writes=True).check(config, None)
    assert (folder / "config.yaml").read_text() == "mine"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such lock")
def test_two_runs_do_not_share_a_folder(begun: RunFolder, config: Config) -> None:
    with pytest.raises(InputError, match=r"run\.folder: expected no other process to train in .*, found one at work"):
        RunFolder(begun.path, writes=True).check(config, None)
    begun.close()
    RunFolder(begun.path, writes=True).check(config, None)


@pytest.mark.parametrize("change", [{"processes": 2}, {"loader": "resident"}], ids=str)
def test_other_batches_are_refused(change: dict[str, Any], begun: RunFolder, config: Config, data: Data) -> None:
    with pytest.raises(InputError, match=r"expected .*, found .*: it would learn from other batches"):
        begun.begin(config, data, None, **change)


def test_fewer_processes_may_accumulate_as_many_batches_more(config: Config, data: Data) -> None:
    folder = RunFolder(Path(config.run.folder), writes=True)
    folder.check(config, None)
    folder.begin(config, data, None, processes=2)
    folder.last.write_bytes(b"a state")
    folder.begin(replace(config, optimiser=replace(config.optimiser, accumulate=2)), data, None, processes=1)


def test_validating_on_what_the_model_was_trained_on_is_refused(config: Config, corpus: Path) -> None:
    data = load_small_data(corpus, validation=["simulated2"])
    start = replace(factor_checkpoint(), card={"sections": ["simulated2"]})
    with pytest.raises(
        InputError, match=r"data\.validation: expected sections that the model of --from was not trained"
    ):
        RunFolder(Path(config.run.folder), writes=True).begin(config, data, start)


def test_what_an_earlier_run_left_is_removed_when_its_state_is_gone(
    begun: RunFolder, config: Config, data: Data
) -> None:
    begun.last.unlink()
    begun.best.write_bytes(b"of another run")
    (begun.path / "log.jsonl").write_text('{"step": 1}\n')
    begun.begin(config, data, None)
    assert not begun.best.exists()
    assert not (begun.path / "log.jsonl").exists()


@pytest.mark.parametrize("text", ["", "[]", "{}", "\xff"])
def test_damaged_genes_are_refused(text: str, begun: RunFolder) -> None:
    (begun.path / "vocabulary.json").write_text(text)
    with pytest.raises(InputError, match=r"expected the genes of a run in .*vocabulary\.json, found"):
        begun.read_genes()


@pytest.mark.parametrize("line", ["{", "[]", '{"loss": 1}'])
def test_a_log_with_another_line_is_refused(line: str, tmp_path: Path) -> None:
    (tmp_path / "log.jsonl").write_text(f'{{"step": 1}}\n{line}\n{{"step": 2}}\n')
    with pytest.raises(InputError, match=r"expected JSON with a step on every line, found other text on line 2"):
        read_log(tmp_path / "log.jsonl")


# --- the log -------------------------------------------------------------------------------------------


def test_the_log_keeps_what_was_done_and_forgets_what_will_be_done_again(begun: RunFolder) -> None:
    begun.go_on_from(0)
    for step in (1, 2, 3):
        begun.log({"step": step, "loss": step / 8, "devices": "1 x cpu"})
        begun.log({"step": step, "validation": {"loss": step / 4}})
    begun.close()
    with (begun.path / "log.jsonl").open("a") as log:
        log.write('{"step": 4, "lo')
    assert len(read_log(begun.path / "log.jsonl")) == 6
    again = RunFolder(begun.path, writes=True)
    again.go_on_from(2)
    again.log({"step": 3, "loss": 0.5})
    again.close()
    assert read_log(begun.path / "log.jsonl") == [
        {"step": 1, "loss": 0.125, "devices": "1 x cpu"},
        {"step": 1, "validation": {"loss": 0.25}},
        {"step": 2, "loss": 0.25, "devices": "1 x cpu"},
        {"step": 2, "validation": {"loss": 0.5}},
        {"step": 3, "loss": 0.5},
    ]


def test_curves_are_those_of_the_log(begun: RunFolder) -> None:
    events = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    begun.go_on_from(0)
    for step in (1, 2, 3):
        begun.log({"step": step, "loss": step / 8, "devices": "1 x cpu"})
    begun.log({"step": 3, "validation": {"loss": 0.75}})
    begun.close()
    again = RunFolder(begun.path, writes=True)
    again.go_on_from(2)
    again.log({"step": 3, "loss": 0.5})
    again.close()
    found = events.EventAccumulator(str(begun.path / "curves"))
    found.Reload()
    assert found.Scalars("validation/loss") == []  # of a step that was taken again
    assert [(event.step, event.value) for event in found.Scalars("training/loss")] == [(1, 0.125), (2, 0.25), (3, 0.5)]


def test_a_folder_says_where_its_last_good_state_is(begun: RunFolder) -> None:
    assert begun.last_good() == f"the last good state is {begun.path / 'last.state'}"
    begun.last.unlink()
    assert begun.last_good() == "no state was saved before"
