"""Downloads public sections into a cache, verified, with nothing half-written left behind."""

import hashlib
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pandas as pd
import pooch
import requests

from napari_stimg.errors import InputError
from napari_stimg.io.opening import hdf5_file, reading
from napari_stimg.progress import Progress
from sample_data.catalogue import MatrixContent, PublicSection

TIMEOUT_S = 30.0
"""How long a server may be silent, unless told otherwise."""


def default_cache() -> Path:
    """Return the folder of this user where downloads are kept, as the operating system wants it."""
    return Path(pooch.os_cache("napari-stimg"))


def fetch(
    section: PublicSection,
    *,
    cache: Path | None = None,
    base_url: str | None = None,
    show_bar: bool = False,
    timeout_s: float = TIMEOUT_S,
) -> Generator[Progress, None, Path]:
    """Download what is missing of a section and return the path that ``napari_stimg.io.read_slide`` opens.

    Files in the cache whose checksum is right are not downloaded again, so that a section once fetched opens without
    a network. Each file appears in the cache only when it is whole and verified.

    Parameters
    ----------
    section : PublicSection
        What to fetch; one of ``sample_data.catalogue``.
    cache : Path, optional
        Folder for the downloads; by default :func:`default_cache`. The section gets a folder of its own in it.
    base_url : str, optional
        Mirror to take the place of the scheme and host of every address, such as ``"http://127.0.0.1:8000"``.
    show_bar : bool
        Draw a bar of the bytes on standard error.
    timeout_s : float, > 0
        Longest silence of a server, in seconds, before the download is given up.

    Yields
    ------
    Progress
        Files done, of how many.

    Raises
    ------
    InputError
        If a server cannot be reached or refuses, a checksum or a content is wrong, or the cache cannot be written.
    """
    folder = (default_cache() if cache is None else cache) / section.key
    n_files = len(section.files)
    for done, file in enumerate(section.files):
        yield Progress(done=done, total=n_files, message=f"Downloading {Path(file.saved_as).name}")
        address = file.address if base_url is None else base_url.rstrip("/") + urlsplit(file.address).path
        download = _VerifiedDownload(sha256=file.sha256, show_bar=show_bar, timeout_s=timeout_s)
        _fetch_file(address, folder / file.saved_as, download)
    for path, text in section.written:
        with _telling_trouble(folder / path, address=None):
            _write_whole(folder / path, text)
    if section.content is not None:
        check_matrix(folder, section.content)
    yield Progress(done=n_files, total=n_files, message=f"Downloaded {section.key}")
    return folder / section.opens


def check_matrix(folder: Path, content: MatrixContent) -> None:
    """Verify a matrix by its shape and its barcodes, and remove it from the cache if it is another one.

    Raises
    ------
    InputError
        If it cannot be read, or its genes or barcodes are not those of the section.
    """
    path = folder / content.matrix
    try:
        _check_matrix(path, folder / content.positions, n_genes=content.n_genes)
    except InputError:
        path.unlink()
        raise


def _check_matrix(path: Path, positions_path: Path, *, n_genes: int) -> None:
    with hdf5_file(path, "10x Genomics' matrix (.h5)") as file, reading(path, "10x Genomics' matrix (.h5)"):
        n_found, n_barcodes = (int(size) for size in file["matrix/shape"][:])
        barcodes = file["matrix/barcodes"][:].astype(str)
    positions = pd.read_csv(positions_path, header=None, usecols=[0, 1], names=["barcode", "in_tissue"])
    expected = positions.loc[positions["in_tissue"] == 1, "barcode"].to_numpy(dtype=np.str_)
    n_shared = np.intersect1d(expected, barcodes).size
    if (n_found, n_barcodes, n_shared) != (n_genes, expected.size, expected.size):
        raise InputError(
            f"{path.name}: expected {n_genes:,} genes in the {expected.size:,} spots of {positions_path.name}, found "
            f"{n_found:,} genes in {n_barcodes:,} spots, of which {n_shared:,} are the same; the download is removed: "
            "try again, and if it stays so, the file has changed at its source: please report it."
        )


def _fetch_file(address: str, path: Path, download: "_VerifiedDownload") -> None:
    with _telling_trouble(path, address=address):
        pooch.retrieve(address, known_hash=download.sha256, fname=path.name, path=path.parent, downloader=download)


class _VerifiedDownload:
    """Downloads to the temporary file that pooch gives, and says which checksum was found if it is a wrong one.

    Parameters
    ----------
    sha256 : str or None
        What it should be; None verifies nothing.
    show_bar : bool
        Draw a bar of the bytes on standard error.
    timeout_s : float
        Longest silence of the server.
    """

    def __init__(self, *, sha256: str | None, show_bar: bool, timeout_s: float) -> None:
        self.sha256 = sha256
        self._download = pooch.HTTPDownloader(progressbar=show_bar, timeout=timeout_s)

    def __call__(self, address: str, temporary: str, pooch_: Any) -> None:
        self._download(address, temporary, pooch_)
        with Path(temporary).open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if self.sha256 is not None and found != self.sha256:
            raise InputError(
                f"{address}: expected the SHA-256 checksum {self.sha256}, found {found}; nothing is kept of it: "
                "try again, and if it stays so, the file has changed at its source: please report it."
            )


@contextmanager
def _telling_trouble(path: Path, *, address: str | None) -> Iterator[None]:
    """Turn what goes wrong on the way from a server to the cache into an :class:`InputError`."""
    try:
        yield
    except requests.HTTPError as error:
        raise InputError(
            f"{address}: expected the file, found the server's answer {str(error).split(' for url')[0]}; "
            f"try again later, or put the file at {path} yourself."
        ) from error
    except requests.RequestException as error:
        raise InputError(
            f"{address}: expected a server that sends the file, found {_trouble(error)}; check the network (and the "
            f"proxy) and try again, or put the file at {path} yourself."
        ) from error
    except OSError as error:
        raise InputError(
            f"{path}: expected a cache that can be written, found {error.strerror or error}; "
            "make room or choose another folder."
        ) from error


def _trouble(error: requests.RequestException) -> str:
    if isinstance(error, requests.Timeout):
        return "one that does not answer"
    if isinstance(error, requests.exceptions.ChunkedEncodingError):
        return "a connection that broke off half way"
    return "no connection to it" if isinstance(error, requests.ConnectionError) else str(error)


def _write_whole(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{path.name}.part")
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(path)
