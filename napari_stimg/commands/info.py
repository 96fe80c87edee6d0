"""``stimg info``: what a file holds, and what the model can make of it."""

import json
from collections.abc import Generator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from napari_stimg.checkpoint_file import read_checkpoint_file
from napari_stimg.io import read_slide
from napari_stimg.labels import label_columns
from napari_stimg.lattice import Lattice, find_lattice
from napari_stimg.model_range import out_of_range
from napari_stimg.progress import Progress
from napari_stimg.slide import Slide
from napari_stimg.vocabulary import Vocabulary

MANY_SHARED = 0.1
"""Share of spots that share a cell of the lattice with another; more is worth a warning."""

_NAME_WIDTH = 12


def info(
    file: Path, *, section: str | None = None, checkpoint: Path | None = None, as_json: bool = False
) -> Generator[Progress, None, str]:
    """Yield progress, and return what a file holds as text.

    Parameters
    ----------
    file : Path
        A section in any format that ``read_slide`` knows.
    section : str or None
        Which section, where the file holds several.
    checkpoint : Path or None
        The model whose vocabulary the genes are held against; None for the bundled one.
    as_json : bool
        Whether the text is JSON, for programs.

    Raises
    ------
    InputError
        If the section or the checkpoint cannot be read.
    """
    yield Progress(done=0, total=0, message=f"Reading {file.name}")
    slide = read_slide(file, section=section)
    facts = facts_of(slide, find_lattice(slide), read_checkpoint_file(checkpoint).vocabulary)
    return json.dumps(facts, indent=2) if as_json else _as_text(facts)


def facts_of(slide: Slide, lattice: Lattice, vocabulary: Vocabulary) -> dict[str, Any]:
    """Return what there is to say of a slide, in numbers, texts, lists and mappings that JSON can hold."""
    depth = np.asarray(slide.counts.sum(axis=1), dtype=np.float64).ravel()
    known = vocabulary.match(slide)
    known_counts = float(slide.counts[:, known.columns].sum(dtype=np.float64))
    facts = {
        "name": slide.name,
        "source": str(slide.source),
        "spots": slide.n_spots,
        "genes": slide.n_genes,
        "lattice": {
            "kind": str(lattice.kind),
            "shape": list(lattice.shape),
            "found_by": lattice.found_by,
            "pitch": lattice.pitch,
            "pitch_um": lattice.pitch_um,
            "shared_share": lattice.shared_share,
        },
        "values": {
            "kind": "logged" if slide.logged else "counts",
            "found_in": slide.counts_from,
            "median_per_spot": float(np.median(depth)),
            "empty_spots": int((depth == 0).sum()),
        },
        "vocabulary": {
            "known_genes": len(known.columns),
            "known_share_of_genes": len(known.columns) / slide.n_genes,
            "known_share_of_counts": known_counts / depth.sum() if depth.any() else 0.0,
            "unknown_examples": list(known.unknown[:5]),
        },
        "labels": [
            {"key": labels.key, "names": list(labels.names), "labelled_spots": labels.n_labelled}
            for labels in label_columns(slide)
        ],
        "picture_shape": None if slide.histology is None else list(slide.histology.image.shape[:2]),
    }
    return facts | {"warnings": [*slide.notes, *out_of_range(slide, known), *_warnings(facts)]}


def _warnings(facts: Mapping[str, Any]) -> list[str]:
    """Return a sentence for everything else that results would suffer from."""
    warnings = []
    if facts["lattice"]["shared_share"] > MANY_SHARED:
        shared = _percent(facts["lattice"]["shared_share"])
        warnings.append(f"{shared} of the spots share a cell of the lattice: they get one embedding.")
    if facts["values"]["empty_spots"]:
        warnings.append(f"{facts['values']['empty_spots']:,} spots have no counts.")
    return warnings


def _as_text(facts: Mapping[str, Any]) -> str:
    lattice, values, vocabulary = facts["lattice"], facts["values"], facts["vocabulary"]
    unit = "" if values["kind"] == "logged" else f", median {values['median_per_spot']:,.0f} a spot"
    of_genes, of_counts = (_percent(vocabulary[f"known_share_of_{what}"]) for what in ("genes", "counts"))
    known = f"{vocabulary['known_genes']:,} of {facts['genes']:,} genes known ({of_genes}), {of_counts} of the counts"
    lines = [
        ("source", facts["source"]),
        ("lattice", f"{lattice['kind']}, {_by(lattice['shape'])} cells, from {_source(lattice['found_by'])}"),
        ("pitch", _pitch(lattice)),
        ("spots", f"{facts['spots']:,}"),
        ("genes", f"{facts['genes']:,}"),
        ("values", f"{values['kind']} from {values['found_in']}{unit}"),
        ("vocabulary", known),
        ("labels", "; ".join(map(_label_line, facts["labels"])) or "none"),
        ("picture", "none" if facts["picture_shape"] is None else f"{_by(facts['picture_shape'])} pixels"),
        *(("warning", warning) for warning in facts["warnings"]),
    ]
    return "\n".join([facts["name"], *(f"  {name:<{_NAME_WIDTH}}{value}" for name, value in lines)])


def _source(found_by: str) -> str:
    return "places, rasterised" if found_by == "rasterised" else found_by


def _pitch(lattice: Mapping[str, Any]) -> str:
    in_file = f"{lattice['pitch']:,.4g} units of the file"
    return f"{in_file}, unknown in um" if lattice["pitch_um"] is None else f"{lattice['pitch_um']:,.4g} um ({in_file})"


def _label_line(labels: Mapping[str, Any]) -> str:
    names = labels["names"]
    shown = ", ".join(names[:8]) + (", ..." if len(names) > 8 else "")
    return f"{labels['key']} ({len(names)}: {shown}; {labels['labelled_spots']:,} spots)"


def _by(shape: list[int]) -> str:
    return " x ".join(f"{side:,}" for side in shape)


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"
