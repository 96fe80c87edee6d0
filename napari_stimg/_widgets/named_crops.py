"""Regions of a section that the user outlined and named. Knows neither Qt nor napari."""

from collections.abc import Collection, Generator, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from napari_stimg.lattice import find_lattice
from napari_stimg.progress import Progress
from napari_stimg.slide import Slide

if TYPE_CHECKING:
    from napari_stimg.io import Results


@dataclass(frozen=True, kw_only=True, eq=False)
class NamedCrop:
    """An outlined region.

    Parameters
    ----------
    name : str
        What the user calls it; no two of a section have one name.
    corners : (N, 2) float64
        Its outline, as places (row, col), not closed.
    """

    name: str
    corners: NDArray[np.float64]


def crops_of(
    names: Sequence[str], outlines: Sequence[NDArray[np.floating]], known: Iterable[NamedCrop]
) -> tuple[NamedCrop, ...]:
    """Return one crop an outline; those that are known already are the very same objects.

    Parameters
    ----------
    names : N of str
        What they are to be called: an empty name, or one that an earlier outline has, is replaced.
    outlines : N of (n, 2)
        Corners (row, col) of each.
    known : iterable of NamedCrop
        The crops before.
    """
    known, taken, crops = list(known), set(names), []
    given: set[str] = set()
    for name, outline in zip(names, outlines, strict=True):
        if not name or name in given:
            name = distinct_name("crop", taken)
            taken.add(name)
        given.add(name)
        crop = NamedCrop(name=name, corners=np.array(outline, dtype=np.float64))
        crops.append(next((old for old in known if _is_same(old, crop)), crop))
    return tuple(crops)


def distinct_name(stem: str, taken: Collection[str]) -> str:
    """Return the stem with the first number from 1 on that makes a name of its own."""
    return next(name for number in count(1) if (name := f"{stem} {number}") not in taken)


def renamed(crops: Sequence[NamedCrop], place: int, name: str) -> tuple[NamedCrop, ...]:
    """Return the crops with another name for one of them; a name that is empty or taken changes nothing."""
    name = name.strip()
    if not name or name in {crop.name for crop in crops}:
        return tuple(crops)
    return (*crops[:place], replace(crops[place], name=name), *crops[place + 1 :])


def results_in(results: "Results", spots: NDArray[np.bool_]) -> "Results":
    """Return what was drawn and found in these spots, (S,) bool; without reconstruction, which needs all of them."""

    def of_spots(values: NDArray[np.generic] | None) -> NDArray[np.generic] | None:
        return None if values is None else values[spots]

    parts = ("mask", "scribbles", "embedding", "domains", "domain_probabilities")
    provenance = {what: made for what, made in results.provenance.items() if what != "reconstruction"}
    selected = {part: of_spots(getattr(results, part)) for part in parts}
    return replace(results, reconstruction=None, provenance=provenance, **selected)  # type: ignore[arg-type]


def write_part(part: Slide, target: Path, results: "Results") -> Generator[Progress, None, Path]:
    """Write some spots of a section with their results, and return where.

    Raises
    ------
    InputError
        If the target is the input or cannot be written.
    """
    from napari_stimg.io import write_results

    yield Progress(done=0, total=0, message=f"Writing {part.n_spots:,} spots")
    write_results(part, target, lattice=find_lattice(part), results=results)
    return target


def _is_same(one: NamedCrop, other: NamedCrop) -> bool:
    return one.name == other.name and np.array_equal(one.corners, other.corners)
