"""Training from a corpus on a machine that has next to nothing: no anndata, zarr, napari, network or TensorBoard."""

import subprocess
import sys
from pathlib import Path

import pytest

MISSING = ("anndata", "zarr", "napari", "qtpy", "magicgui", "pooch", "requests", "dask", "distributed", "tensorboard")

RUN = """
import sys
from importlib.abc import MetaPathFinder

class Missing(MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {missing}:
            raise ModuleNotFoundError("No module named " + repr(name), name=name)

sys.meta_path.insert(0, Missing())
from trainer.cli import main
sys.exit(main(sys.argv[1:]))
"""


def stimg_train(*arguments: object) -> subprocess.CompletedProcess[str]:
    code = RUN.format(missing=set(MISSING))
    return subprocess.run([sys.executable, "-c", code, *map(str, arguments)], capture_output=True, text=True)


@pytest.mark.parametrize("loader", ["workers", "resident"])
def test_fit_and_export_run_from_a_corpus_alone(loader: str, corpus: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    settings = ["model.width=8", "crops.tokens=200", "crops.sides=[7]", "optimiser.steps=2", "run.accelerator=cpu"]
    fitted = stimg_train(
        "fit", "small", f"data.corpus={corpus}", f"run.folder={run}", f"run.loader={loader}", *settings
    )
    assert fitted.returncode == 0, fitted.stderr
    assert (run / "last.state").exists()
    assert not (run / "curves").exists()
    exported = stimg_train("export", run, "-o", tmp_path / "model.safetensors")
    assert exported.returncode == 0, exported.stderr
    assert (tmp_path / "model.safetensors").exists()
