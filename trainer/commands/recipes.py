"""The YAML files that come along, in ``trainer/configs``."""

from importlib.resources import files
from pathlib import Path

from napari_stimg.errors import InputError

AXES = "axes"
"""Their folder of what an ablation changes; recipes themselves lie beside it."""


def names(folder: str = ".") -> list[str]:
    """Return the names of the files in a folder of ``trainer/configs``, without their ending."""
    found = [path.name for path in files("trainer").joinpath("configs", folder).iterdir()]
    return sorted(name.removesuffix(".yaml") for name in found if name.endswith(".yaml"))


def path_of(given: str, folder: str = ".") -> Path:
    """Return the file that is given by its path, or by the name of one that comes along.

    Raises
    ------
    InputError
        If there is neither.
    """
    if Path(given).is_file():
        return Path(given)
    if given in names(folder):
        return Path(str(files("trainer").joinpath("configs", folder, f"{given}.yaml")))
    raise InputError(
        f"expected a YAML file that is there, or one of {', '.join(names(folder))}, found no {given}; "
        "give one of these."
    )
