"""Opening files so that a damaged one is told in one sentence."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import h5py

from napari_stimg.errors import InputError


@contextmanager
def reading(path: Path, expected: str) -> Iterator[None]:
    """Turn what a library raises on a damaged file into an :class:`InputError` that names the file.

    Only calls of libraries belong inside: whatever goes wrong there is taken for the file's fault.

    Parameters
    ----------
    path : Path
        The file or folder that is read.
    expected : str
        What it should be, e.g. ``"a table of spot positions"``.

    Raises
    ------
    InputError
        Of whatever the library raised; that is kept as its cause, with a note of the whole path.
    """
    try:
        yield
    except (InputError, MemoryError):
        raise
    except Exception as error:  # h5py, zarr, anndata, pyarrow, pillow and zlib share no narrower class
        error.add_note(f"while reading {path}")
        raise InputError(
            f"{path.name}: expected {expected}, found one that cannot be read ({_first_line(error)}); "
            "it may be cut short or damaged: copy or download it again."
        ) from error


@contextmanager
def hdf5_file(path: Path, expected: str) -> Iterator[h5py.File]:
    """Open an HDF5 file for reading.

    Raises
    ------
    InputError
        If it is not HDF5, or cut short, or may not be read.
    """
    try:
        file = h5py.File(path, "r")
    except OSError as error:
        error.add_note(f"while opening {path}")
        raise InputError(
            f"{path.name}: expected {expected}, found {_what_it_is(path, error)}; copy or download it again."
        ) from error
    with file:
        yield file


def _what_it_is(path: Path, error: OSError) -> str:
    if isinstance(error, PermissionError):
        return "a file that you may not read"
    if not h5py.is_hdf5(path):
        return "a file that is not HDF5"
    return "an HDF5 file that is cut short or damaged"


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0][:160]}" if lines else type(error).__name__
