"""Saves a section from napari's menu as ``.h5ad``. Imports neither napari nor Qt."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from napari_stimg._reader import SESSION_KEY, SLIDE_KEY, LayerData
from napari_stimg.errors import InputError
from napari_stimg.io import Results, write_results
from napari_stimg.lattice import Lattice, find_lattice
from napari_stimg.slide import Slide


class OpenSection(Protocol):
    """What is known of a section that the panel has open."""

    lattice: Lattice

    def results(self) -> Results:
        """Return what there is to write."""

    def note_saved(self, path: Path) -> None:
        """Note that everything has been written."""


def write_h5ad(path: str, layers: Sequence[LayerData]) -> list[str]:
    """Write the section that these layers show, with its results, and return where.

    Parameters
    ----------
    path : str
        The ``.h5ad`` file to write.
    layers : sequence of (data, attributes, kind)
        Layers of one section; their metadata name it.

    Raises
    ------
    InputError
        If the layers show no section or several, or the file cannot be written.
    """
    metadata = [attributes.get("metadata", {}) for _, attributes, _ in layers]
    slide = _one_slide([entry[SLIDE_KEY] for entry in metadata if SLIDE_KEY in entry])
    section: OpenSection | None = next((entry[SESSION_KEY] for entry in metadata if SESSION_KEY in entry), None)
    if section is None:
        write_results(slide, Path(path), lattice=find_lattice(slide))
    else:
        write_results(slide, Path(path), lattice=section.lattice, results=section.results())
        section.note_saved(Path(path))
    return [path]


def _one_slide(slides: Sequence[Any]) -> Slide:
    distinct = {id(slide): slide for slide in slides}
    if len(distinct) != 1:
        names = ", ".join(slide.name for slide in distinct.values()) or "none"
        raise InputError(
            f"expected the layers of one section, found {names}; "
            "select layers of one section that was opened by napari-stimg, and save the selected ones."
        )
    slide: Slide = next(iter(distinct.values()))
    return slide
