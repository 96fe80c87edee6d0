import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from napari_stimg.errors import InputError
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
    assert sorted(os.listdir(begun.path)) == ["config.yaml", "last.state", "vocabulary.json"]
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
