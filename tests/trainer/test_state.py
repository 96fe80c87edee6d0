import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from lightning.fabric import Fabric

from napari_stimg.errors import InputError
from trainer.state import State, average_weights, load_state, save_state


@pytest.fixture
def fabric() -> Fabric:
    return Fabric(accelerator="cpu", devices=1)


def state_of(width: int = 3, *, step: int = 0, seed: int = 0) -> State:
    torch.manual_seed(seed)
    objective, average = torch.nn.Linear(width, 2), torch.nn.Linear(width, 2)
    optimiser = torch.optim.AdamW(objective.parameters(), lr=0.1 + seed)
    objective(torch.ones(1, width)).sum().backward()
    optimiser.step()
    return {"objective": objective, "average": average, "optimiser": optimiser, "step": step, "best": float("inf")}


def test_what_was_saved_is_loaded_into_modules_optimiser_and_values(fabric: Fabric, tmp_path: Path) -> None:
    saved, state = state_of(step=7) | {"best": 0.25}, state_of(seed=1)
    save_state(fabric, tmp_path / "last.state", saved)
    assert os.listdir(tmp_path) == ["last.state"]
    objective = state["objective"]
    load_state(fabric, tmp_path / "last.state", state)
    assert (state["step"], state["best"]) == (7, 0.25)
    assert state["objective"] is objective
    for part in ("objective", "average"):
        assert torch.equal(state[part].weight, saved[part].weight)
    assert state["optimiser"].param_groups[0]["lr"] == 0.1
    for moments, same in zip(state["optimiser"].state.values(), saved["optimiser"].state.values(), strict=True):
        assert all(torch.equal(value, same[key]) for key, value in moments.items())


def test_a_state_takes_the_place_of_the_one_before(fabric: Fabric, tmp_path: Path) -> None:
    (tmp_path / "last.state.part").write_bytes(b"of a save that was killed")
    for step in (1, 2):
        save_state(fabric, tmp_path / "last.state", state_of(step=step))
    assert os.listdir(tmp_path) == ["last.state"]
    assert average_weights(tmp_path / "last.state")[1] == 2


KILLED_WHILE_SAVING = """
import os, signal, sys
from pathlib import Path
from lightning.fabric import Fabric
from tests.trainer.test_state import state_of
from trainer.state import save_state
kill = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
setattr(os, sys.argv[2], kill)
save_state(Fabric(accelerator="cpu", devices=1), Path(sys.argv[1]), state_of(step=2))
"""


@pytest.mark.parametrize("moment", ["fsync", "replace"])
def test_a_kill_while_a_state_is_saved_leaves_the_one_before(
    fabric: Fabric, tmp_path: Path, repository: Path, moment: str
) -> None:
    save_state(fabric, tmp_path / "last.state", state_of(step=1))
    command = [sys.executable, "-c", KILLED_WHILE_SAVING, str(tmp_path / "last.state"), moment]
    assert subprocess.run(command, cwd=repository, env=os.environ | {"PYTHONPATH": str(repository)}).returncode == -9
    assert sorted(os.listdir(tmp_path)) == ["last.state", "last.state.part"]
    assert average_weights(tmp_path / "last.state")[1] == 1


def damaged(whole: bytes) -> dict[str, bytes]:
    return {"empty": b"", "text": b"no state", "cut off": whole[: len(whole) // 2], "start": b"PK\x03\x04 cut off"}


@pytest.mark.parametrize("damage", ["empty", "text", "cut off", "start"])
def test_damaged_states_are_refused(fabric: Fabric, tmp_path: Path, damage: str) -> None:
    path = tmp_path / "last.state"
    save_state(fabric, path, state_of())
    path.write_bytes(damaged(path.read_bytes())[damage])
    with pytest.raises(InputError, match=rf"found {path}, which cannot be loaded \(.*\); remove it to start anew, or"):
        load_state(fabric, path, state_of())
    with pytest.raises(InputError, match=rf"expected a run's state, found {path}, which cannot be read; fit again"):
        average_weights(path)


@pytest.mark.parametrize("content", [[1, 2], {"average": 3, "step": 1}, {"step": 1}, None], ids=str)
def test_files_of_something_else_are_refused(fabric: Fabric, tmp_path: Path, content: object) -> None:
    path = tmp_path / "last.state"
    torch.save(content, path)
    with pytest.raises(InputError, match="which cannot be loaded"):
        load_state(fabric, path, state_of())
    with pytest.raises(InputError, match="which cannot be read"):
        average_weights(path)


def test_states_of_a_model_of_other_sizes_are_refused(fabric: Fabric, tmp_path: Path) -> None:
    save_state(fabric, tmp_path / "last.state", state_of(3))
    with pytest.raises(InputError, match=r"expected the state of an interrupted run of these .*size mismatch"):
        load_state(fabric, tmp_path / "last.state", state_of(4))


def test_a_run_without_a_state_has_no_weights(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=rf"expected a run's state at {tmp_path / 'last.state'}, found none; give the"):
        average_weights(tmp_path / "last.state")
