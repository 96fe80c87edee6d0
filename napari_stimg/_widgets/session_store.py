"""Keeps what the user drew on a section in a file of the user's own, and brings it back. Knows neither Qt nor napari.

One file a section, named by where the section was read from; it is written beside and renamed, so that whatever
ends the process leaves the former one whole or the new one.
"""

import hashlib
import json
import os
import re
import threading
from collections.abc import Callable, Generator
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO
from zipfile import BadZipFile
from zlib import error as ZlibError

import numpy as np
from numpy.typing import NDArray
from platformdirs import user_data_path

from napari_stimg._widgets.history import History
from napari_stimg._widgets.kept import DRAWN, Kept, Look, put_into
from napari_stimg._widgets.named_crops import NamedCrop
from napari_stimg._widgets.session import MAX_CHANNELS, Channel, Display, Domains, Session
from napari_stimg.errors import InputError
from napari_stimg.progress import Progress
from napari_stimg.slide import Slide
from napari_stimg.whole_files import written_beside

FOLDER_VARIABLE = "STIMG_USER_DATA"
"""Environment variable that names another folder than the one of the platform."""

MAX_FILES = 50
"""Sections that are kept; the one that was kept longest ago goes first."""

VERSION = 1
"""Of the files; another version is not read."""

SET_ASIDE = ".ignored.npz"
"""Ending of a file that could not be used: it is never written over by what is drawn next."""

_COLOR = re.compile("#[0-9a-fA-F]{6}")

_DAMAGED = (OSError, ValueError, KeyError, TypeError, AttributeError, EOFError, IndexError, BadZipFile, ZlibError)


@dataclass(frozen=True, kw_only=True)
class Origin:
    """Where a section was read from, and what it was then.

    Parameters
    ----------
    path, section : str
        The file or folder, resolved, and what the section is called.
    n_spots, n_genes : int
        Its size.
    names_sha256 : str
        Checksum of the names of its spots and genes.
    size_bytes, modified_ns : int
        Of the file, at the time of reading (of a folder: its own entry).
    """

    path: str
    section: str
    n_spots: int
    n_genes: int
    names_sha256: str
    size_bytes: int
    modified_ns: int

    @property
    def file_name(self) -> str:
        """What its file is called."""
        key = hashlib.sha256(f"{self.path}\n{self.section}".encode()).hexdigest()
        return f"{key[:32]}.npz"


def user_folder() -> Path:
    """Return the user's folder, which need not exist: ``STIMG_USER_DATA``, or where the platform has it."""
    named = os.environ.get(FOLDER_VARIABLE)
    return Path(named).expanduser().absolute() if named else user_data_path("napari-stimg", appauthor=False)


def kept_folder() -> Path:
    """Return the folder of kept sections, which need not exist."""
    return user_folder() / "sections"


def origin_of(slide: Slide) -> Origin | None:
    """Return where a slide was read from; None if from nowhere, or if that is gone."""
    if slide.source is None:
        return None
    try:
        path = slide.source.resolve()
        stat = path.stat()
    except OSError:
        return None
    names = "\n".join(("\n".join(slide.spot_names), "", "\n".join(slide.gene_names)))
    return Origin(
        path=str(path),
        section=slide.name,
        n_spots=slide.n_spots,
        n_genes=slide.n_genes,
        names_sha256=hashlib.sha256(names.encode()).hexdigest(),
        size_bytes=stat.st_size,
        modified_ns=stat.st_mtime_ns,
    )


def write_kept(origin: Origin, kept: Kept) -> Path:
    """Write what is kept of a section in place of what was kept before, and return where.

    Raises
    ------
    OSError
        If it cannot be written; then what was kept before is still there.
    """
    folder = kept_folder()
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / origin.file_name
    arrays: dict[str, Any] = {"hidden": kept.hidden, "scribbles": kept.scribbles}
    domains = kept.domains
    if domains is not None:
        arrays["domain_labels"] = domains.labels
        if domains.probabilities is not None:
            arrays["domain_probabilities"] = domains.probabilities
    text = json.dumps({"version": VERSION, "origin": asdict(origin), **_facts(kept)}, default=str)
    write_whole(target, lambda file: np.savez_compressed(file, text=np.array(text), **arrays))
    _drop_oldest(folder, spare=target)
    return target


def read_kept(origin: Origin) -> Kept | None:
    """Return what was kept of a section, or None if nothing was.

    Raises
    ------
    InputError
        If what was kept is damaged, or of another version of the section's file. It is set aside, not deleted.
    """
    path = kept_folder() / origin.file_name
    if not path.exists():
        return None
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            facts = json.loads(str(arrays["text"]))
            is_same = facts["version"] == VERSION and Origin(**facts["origin"]) == origin
            kept = _kept(facts, dict(arrays), origin) if is_same else None
    except _DAMAGED as error:
        problem = InputError(f"What you drew on {origin.section} could not be restored: {_set_aside(path)}.")
        problem.add_note(f"{path}: {error}")
        raise problem from error
    if kept is None:
        raise InputError(
            f"What you drew on {origin.section} was not restored, for {Path(origin.path).name} has changed since: "
            f"{_set_aside(path)}."
        )
    return kept


class KeptWriter:
    """Writes the newest of what is to be kept, from whichever thread: an older state never comes after a newer one."""

    def __init__(self) -> None:
        self._waiting: dict[Origin, Kept] = {}
        self._exchanging, self._writing = threading.Lock(), threading.Lock()

    @property
    def has_work(self) -> bool:
        """Whether there is something to write."""
        return bool(self._waiting)

    def offer(self, origin: Origin, kept: Kept) -> None:
        """Write this with the next `write`, in place of what was offered before."""
        with self._exchanging:
            self._waiting[origin] = kept

    def write(self) -> str:
        """Write what was offered, and return what went wrong in one sentence; empty if nothing did."""
        with self._writing:
            with self._exchanging:
                batch, self._waiting = self._waiting, {}
            for origin, kept in batch.items():
                try:
                    write_kept(origin, kept)
                except OSError as error:
                    return f"What you draw cannot be kept for the next time: {kept_folder()} ({error.strerror})."
        return ""


def with_kept(steps: Generator[Progress, None, Session]) -> Generator[Progress, None, Session]:
    """Return the section that these steps open, with what was kept of it; from now on it is to be kept."""
    session = yield from steps
    session.origin = origin_of(session.slide)
    if session.origin is None:
        return session
    try:
        kept = read_kept(session.origin)
    except InputError as error:
        kept, session.restore_problem = None, str(error)
    if kept is not None:
        session.restored, session.restored_at = kept, kept.kept_at
        session.mask_history, session.scribble_history = History(kept.hidden), History(kept.scribbles)
        put_into(session, kept)
    return session


def write_whole(target: Path, write: Callable[[BinaryIO], object]) -> None:
    """Write a file beside and rename it, so that there is the former or the new one, never a part.

    Parameters
    ----------
    target : Path
        The file; its folder is there.
    write : callable
        Writes into the open binary file that it is given.
    """
    with written_beside(target) as beside, beside.open("wb") as file:
        write(file)
        file.flush()
        os.fsync(file.fileno())


def _facts(kept: Kept) -> dict[str, Any]:
    """Return what is no array, ready for JSON."""
    domains = kept.domains
    return {
        "kept_at": kept.kept_at.isoformat(),
        "classes": kept.classes,
        "class_colors": kept.class_colors,
        "domains": None
        if domains is None
        else {"names": domains.names, "colors": domains.colors, "how": dict(domains.how)},
        "crops": [{"name": crop.name, "corners": crop.corners.tolist()} for crop in kept.crops],
        "display": asdict(kept.display),
        "stage": kept.stage,
        "looks": {role: asdict(look) for role, look in kept.looks.items()},
        "unsaved": sorted(kept.unsaved),
    }


def _kept(facts: dict[str, Any], arrays: dict[str, NDArray[Any]], origin: Origin) -> Kept:
    """Return what a file holds.

    Raises
    ------
    ValueError
        If its parts do not fit the section or each other.
    """
    n_spots, classes = origin.n_spots, tuple(facts["classes"])
    _check(len(classes) == len(facts["class_colors"]), "classes and their colours differ in number")
    return Kept(
        hidden=_column(arrays["hidden"], n_spots, low=0, end=2).astype(np.bool_),
        scribbles=_column(arrays["scribbles"], n_spots, low=-1, end=len(classes)).astype(np.intp),
        classes=classes,
        class_colors=_colors(facts["class_colors"]),
        domains=None if facts["domains"] is None else _domains(facts["domains"], arrays, n_spots),
        crops=tuple(map(_crop, facts.get("crops", ()))),
        display=_display(facts["display"], origin.n_genes),
        stage=str(facts["stage"]),
        looks={role: _look(look) for role, look in facts["looks"].items()},
        unsaved=frozenset(facts["unsaved"]) & DRAWN,
        kept_at=datetime.fromisoformat(facts["kept_at"]),
    )


def _domains(facts: dict[str, Any], arrays: dict[str, NDArray[Any]], n_spots: int) -> Domains:
    names, probabilities = tuple(facts["names"]), arrays.get("domain_probabilities")
    _check(len(names) == len(facts["colors"]), "domains and their colours differ in number")
    _check(probabilities is None or probabilities.shape == (n_spots, len(names)), "probabilities of other domains")
    return Domains(
        labels=_column(arrays["domain_labels"], n_spots, low=-1, end=len(names)).astype(np.intp),
        names=names,
        colors=_colors(facts["colors"]),
        probabilities=probabilities,
        how=dict(facts["how"]),
    )


def _crop(facts: dict[str, Any]) -> NamedCrop:
    corners = np.array(facts["corners"], dtype=np.float64)
    _check(corners.ndim == 2 and corners.shape[1] == 2 and bool(np.isfinite(corners).all()), "an outline of no places")
    return NamedCrop(name=str(facts["name"]), corners=corners)


def _display(facts: dict[str, Any], n_genes: int) -> Display:
    colors = _colors([one["color"] for one in facts["channels"]])
    columns_shown = [int(one["column"]) for one in facts["channels"]]
    gammas = [float(one.get("gamma", 1.0)) for one in facts["channels"]]
    _check(all(0 < gamma < np.inf for gamma in gammas), "a gamma that is none")
    channels = [
        Channel(column=column, color=color, gamma=gamma)
        for column, color, gamma in zip(columns_shown, colors, gammas, strict=True)
    ]
    columns = [*columns_shown, facts["column"] or 0]
    _check(len(channels) <= MAX_CHANNELS, "too many channels")
    _check(all(0 <= column < n_genes for column in columns), "a gene that is not in the section")
    return Display(
        column=facts["column"],
        colormap=str(facts["colormap"]),
        clip_percent=float(facts["clip_percent"]),
        channels=channels,
    )


def _colors(named: list[str]) -> tuple[str, ...]:
    _check(all(_COLOR.fullmatch(color) for color in named), "colours that are not #rrggbb")
    return tuple(named)


def _look(facts: dict[str, Any]) -> Look:
    low, high = map(float, facts["limits"])
    gamma = float(facts["gamma"])
    _check(low < high and gamma > 0, "contrast limits or a gamma that no layer can have")
    return Look(limits=(low, high), gamma=gamma, colormap=str(facts["colormap"]))


def _column(values: NDArray[Any], n_spots: int, *, low: int, end: int) -> NDArray[Any]:
    """Return one whole number a spot, each from ``low`` up to but not including ``end``."""
    _check(values.shape == (n_spots,) and values.dtype.kind in "biu", "other spots")
    _check(bool(np.all((values >= low) & (values < end))), "numbers out of range")
    return values


def _check(is_so: bool, problem: str) -> None:
    if not is_so:
        raise ValueError(problem)


def _set_aside(path: Path) -> str:
    """Rename a file that cannot be used, and say in half a sentence where it is."""
    aside = path.with_suffix(SET_ASIDE)
    try:
        path.replace(aside)
    except OSError:
        return f"it is in {path}"
    return f"it was set aside as {aside}"


def _drop_oldest(folder: Path, *, spare: Path) -> None:
    """Delete what was kept longest ago, beyond `MAX_FILES`; what another process deletes meanwhile is no matter."""
    dated = []
    for path in folder.glob("*.npz"):
        try:
            dated.append((path.stat().st_mtime_ns, path))
        except OSError:
            continue
    for _, path in sorted(dated, reverse=True)[MAX_FILES:]:
        if path != spare:
            path.unlink(missing_ok=True)
