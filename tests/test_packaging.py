"""The distribution: what a wheel holds, what napari finds in it, what importing it brings along."""

import os
import shutil
import subprocess
import sys
import sysconfig
from importlib.metadata import distribution, requires
from pathlib import Path
from zipfile import ZipFile

import npe2
import pytest
from napari._app_model.constants import MenuId
from packaging.requirements import Requirement

import napari_stimg

GUI_MODULES = {"napari", "qtpy", "magicgui", "superqt", "vispy", "PySide2", "PySide6", "PyQt5", "PyQt6"}
"""What only ``napari_stimg._widgets`` may import."""

PRINT_MODULES_OF_HEADLESS_IMPORTS = """
import importlib, pkgutil, sys
import napari_stimg, sample_data, trainer
for package in (napari_stimg, sample_data, trainer):
    for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        if not module.name.startswith("napari_stimg._widgets") and not module.name.endswith(".__main__"):
            importlib.import_module(module.name)
print(*sys.modules, sep="\\n")
"""

PRINT_WHERE_THE_MANIFEST_IS_FOUND = """
import importlib.util
import napari_stimg, npe2
print(npe2.PluginManifest.from_distribution("napari-stimg").name)
print(napari_stimg.__file__)
print(*importlib.util.find_spec("napari_stimg_manifest").submodule_search_locations, sep="\\n")
"""


def python(*arguments: str, cwd: Path, path: str = "") -> list[str]:
    """Run a new interpreter, with ``path`` as its PYTHONPATH, and return the lines it printed."""
    command = [sys.executable, *arguments]
    env = os.environ | {"PYTHONPATH": path}
    return subprocess.run(command, cwd=cwd, env=env, check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()


@pytest.fixture(scope="module")
def wheel(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel from a copy of the repository, which leaves the repository as it was."""
    source = tmp_path_factory.mktemp("source") / "repository"
    shutil.copytree(repository, source, ignore=shutil.ignore_patterns(".*", "build", "dist", "*.egg-info", "runs"))
    dist = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(dist), str(source)]
    subprocess.run(command, check=True, capture_output=True)
    (built,) = dist.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def wheel_contents(wheel: Path) -> set[str]:
    with ZipFile(wheel) as archive:
        return {name for name in archive.namelist() if ".dist-info/" not in name}


@pytest.fixture(scope="module")
def manifest() -> npe2.PluginManifest:
    """Return the manifest as napari finds it in this environment."""
    return npe2.PluginManifest.from_distribution("napari-stimg")


@pytest.fixture
def plugins(manifest: npe2.PluginManifest) -> npe2.PluginManager:
    """Return a plugin manager that knows no plugin but this one."""
    manager = npe2.PluginManager()
    manager.register(manifest)
    return manager


def test_wheel_holds_the_manifest_and_nothing_else_of_the_root(wheel_contents: set[str]) -> None:
    assert {name for name in wheel_contents if name.startswith("napari_stimg_manifest")} == {
        "napari_stimg_manifest/napari.yaml"
    }


def test_wheel_holds_three_packages_and_no_tests(wheel_contents: set[str]) -> None:
    top_level = {name.split("/")[0] for name in wheel_contents}
    assert top_level == {"napari_stimg", "napari_stimg_manifest", "sample_data", "trainer"}


@pytest.mark.parametrize("package", ["napari_stimg", "sample_data", "trainer"])
def test_wheel_holds_every_file_of_a_package(package: str, wheel_contents: set[str], repository: Path) -> None:
    files = {path.relative_to(repository).as_posix() for path in (repository / package).rglob("*") if path.is_file()}
    missing = {name for name in files - wheel_contents if "__pycache__" not in name}
    assert missing == set()


def test_installed_wheel_shows_its_own_manifest_to_napari(wheel: Path, tmp_path: Path) -> None:
    site = tmp_path / "site"
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target", str(site)]
    subprocess.run([*pip, str(wheel)], check=True, capture_output=True)
    # Without the site module (-S) this environment's other packages are there, but not its own editable install.
    path = os.pathsep.join([str(site), sysconfig.get_path("purelib"), sysconfig.get_path("platlib")])
    name, package, *manifest_folders = python("-S", "-c", PRINT_WHERE_THE_MANIFEST_IS_FOUND, cwd=tmp_path, path=path)
    assert name == "napari-stimg"
    assert Path(package) == site / "napari_stimg" / "__init__.py"
    assert [Path(folder) for folder in manifest_folders] == [site / "napari_stimg_manifest"]


def test_manifest_is_found_and_valid_in_this_environment(manifest: npe2.PluginManifest) -> None:
    assert manifest.name == "napari-stimg"
    assert manifest.package_version == napari_stimg.__version__


def test_manifest_names_only_what_can_be_imported(manifest: npe2.PluginManifest) -> None:
    manifest.validate_imports()


def test_manifest_puts_commands_only_into_menus_that_napari_has(manifest: npe2.PluginManifest) -> None:
    assert manifest.contributions.menus
    assert set(manifest.contributions.menus) <= {str(menu) for menu in MenuId.contributables()}


@pytest.mark.parametrize(
    "path",
    ["a.h5ad", "A.H5AD", "filtered_feature_bc_matrix.h5", "B1.tsv", "B1.tsv.gz", "folder", "section.zarr"],
)
def test_napari_offers_the_reader_for(path: str, plugins: npe2.PluginManager, tmp_path: Path) -> None:
    if path in {"folder", "section.zarr"}:
        (tmp_path / path).mkdir()
    readers = list(plugins.iter_compatible_readers(str(tmp_path / path)))
    assert [reader.command for reader in readers] == ["napari-stimg.read"]


@pytest.mark.parametrize("layers", [["image"], ["labels"], ["image", "image", "labels", "shapes"]])
def test_napari_offers_the_writer_for(layers: list[str], plugins: npe2.PluginManager) -> None:
    writer, path = plugins.get_writer("saved.h5ad", layers)
    assert writer is not None
    assert writer.command == "napari-stimg.write_h5ad"
    assert path == "saved.h5ad"


def test_core_trainer_and_samples_import_without_qt_and_napari(tmp_path: Path) -> None:
    imported = {name.split(".")[0] for name in python("-c", PRINT_MODULES_OF_HEADLESS_IMPORTS, cwd=tmp_path)}
    assert {"napari_stimg", "sample_data", "trainer"} <= imported
    assert imported & GUI_MODULES == set()


def test_importing_the_package_imports_nothing_heavy(tmp_path: Path) -> None:
    imported = set(python("-c", "import napari_stimg, sys; print(*sys.modules, sep='\\n')", cwd=tmp_path))
    assert imported & {"torch", "numpy", "scipy", "pandas", "anndata", "sklearn"} == set()


def test_the_panel_opens_without_what_takes_seconds_to_import(tmp_path: Path) -> None:
    imported = set(python("-c", "import napari_stimg._widgets.dock, sys; print(*sys.modules, sep='\\n')", cwd=tmp_path))
    assert "napari_stimg._widgets.dock" in imported
    assert imported & {"torch", "sklearn", "matplotlib", "anndata"} == set()


def test_base_install_needs_no_gui_and_no_extra_names_a_qt_binding() -> None:
    needed = [Requirement(line) for line in requires("napari-stimg") or []]
    base = {requirement.name for requirement in needed if requirement.marker is None}
    assert "torch" in base
    assert base & GUI_MODULES == set()
    assert not [requirement.name for requirement in needed if requirement.name.lower().startswith(("pyqt", "pyside"))]


@pytest.mark.parametrize("command", ["stimg", "stimg-train"])
def test_command_is_installed_and_names_a_function(command: str) -> None:
    (script,) = distribution("napari-stimg").entry_points.select(group="console_scripts", name=command)
    assert callable(script.load())


@pytest.mark.parametrize("name", napari_stimg.__all__)
def test_package_offers(name: str) -> None:
    assert getattr(napari_stimg, name) is not None


def test_package_says_which_name_it_lacks() -> None:
    with pytest.raises(AttributeError, match=r"module 'napari_stimg' has no attribute 'embedd'"):
        napari_stimg.embedd  # noqa: B018
