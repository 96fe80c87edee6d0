"""An evaluation as files: JSON for programs, Markdown for people, pictures beside them."""

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

import pandas as pd

from napari_stimg import __version__
from napari_stimg.checkpoint import Checkpoint
from napari_stimg.errors import InputError
from trainer.evaluation.parameters import EvaluateParameters
from trainer.evaluation.tables import by_side, mark, markdown

Row = dict[str, object]
"""One row of a table."""

ABOUT_RECONSTRUCTION = """\
Squared error of log expression (gain over the slide's mean in %), and Pearson's correlation of a gene over all hidden
spots, averaged over genes; the lowest error of a column is bold. Most of the error is counting noise: the explainable
share is the part of what lies between the slide's mean and the noise floor that a method takes away. Absolute errors
are lowest for medians, which are zero for most genes: that column ranks zeros first and is given for comparison with
others only. Means that leave the hidden spots out correlate negatively with them by construction."""

ABOUT_DOMAINS = """\
Mean over seeds of the clustering ± standard deviation, raw and after one vote of each spot and its 18 nearest. The
number of domains is that of labels. Seconds are from counts to labels of one seed; the memory is the highest of
the whole process meanwhile, with libraries, model and section."""

ABOUT_PROBES = """\
Accuracy and adjusted Rand index at labelled spots that were not told. Of the protocol *random 20 %* most tested spots
have neighbours that were told, and *places only* does well by that alone: it says nothing of other tissue. Neighbouring
sections are cut alike, so hold *across sections* against *places only*, too."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Report:
    """What has been found so far.

    Parameters
    ----------
    sections : list of dict
        ``name``, ``n_spots``, ``n_genes``, ``lattice``, ``n_scored_genes``, ``n_labels``, ``trained_on``, and, where it
        is known, what there is to explain (``explainable.Explainable``).
    reconstruction, domains, probes : list of dict
        One row a section, setting and method.
    pictures : list of str
        Files, named from the folder of the report.
    """

    sections: list[Row] = field(default_factory=list)
    reconstruction: list[Row] = field(default_factory=list)
    domains: list[Row] = field(default_factory=list)
    probes: list[Row] = field(default_factory=list)
    pictures: list[str] = field(default_factory=list)


def check_report_target(target: Path) -> None:
    """Check, before long work, that a report can be written.

    Raises
    ------
    InputError
        If the folder is missing or may not be written to.
    """
    if not target.parent.is_dir() or not os.access(target.parent, os.W_OK):
        raise InputError(
            f"{target}: expected a folder that can be written to, found none at {target.parent}; make it first."
        )


def pictures_folder(target: Path) -> Path:
    """Return the folder of a report's pictures, ``REPORT_files``."""
    return target.with_name(target.name + "_files")


def write_report(report: Report, checkpoint: Checkpoint, params: EvaluateParameters, target: Path) -> str:
    """Write ``target``.json and ``target``.md, each beside its place and then renamed, and return the Markdown.

    Parameters
    ----------
    report : Report
        The tables.
    checkpoint : Checkpoint
        What was evaluated; sections it was trained on are marked.
    params : EvaluateParameters
        How.
    target : Path
        Name without an ending.
    """
    facts = {
        "version": __version__,
        "checkpoint": {"file": checkpoint.path.name, "sha256": checkpoint.sha256},
        "parameters": asdict(params),
        **asdict(report),
    }
    text = _text(report, checkpoint)
    for ending, content in ((".json", json.dumps(_without_nan(facts), indent=1, allow_nan=False)), (".md", text)):
        path = target.with_name(target.name + ending)
        beside = path.with_name(path.name + ".part")
        beside.write_text(content, encoding="utf-8")
        os.replace(beside, path)
    return text


def _text(report: Report, checkpoint: Checkpoint) -> str:
    trained_on = {str(row["name"]) for row in report.sections if row["trained_on"]}
    parts = [
        f"# Evaluation of {checkpoint.path.name}",
        f"Checkpoint `{checkpoint.path.name}` ({checkpoint.sha256[:12]}), napari-stimg {__version__}.",
        markdown(pd.DataFrame(report.sections)) if report.sections else "",
    ]
    if report.reconstruction:
        parts += ["## Hidden spots", ABOUT_RECONSTRUCTION, *_reconstruction(report, trained_on)]
    for title, about, rows in (
        ("Domains without labels", ABOUT_DOMAINS, report.domains),
        ("Domains from labels", ABOUT_PROBES, report.probes),
    ):
        if rows:
            parts += [f"## {title}", about, markdown(mark(pd.DataFrame(rows), trained_on))]
    if report.pictures:
        parts += ["## Pictures", *(f"![{Path(picture).stem}]({picture})" for picture in report.pictures)]
    return "\n\n".join(part.rstrip("\n") for part in parts if part) + "\n"


def _reconstruction(report: Report, trained_on: set[str]) -> list[str]:
    """Return a table for each section, and one with all scores of all."""
    table = pd.DataFrame(report.reconstruction)
    parts = []
    for section, rows in table.groupby("section", sort=False):
        parts += [f"### {section}{' *(trained on)*' if section in trained_on else ''}", by_side(rows)]
    return [*parts, "### All scores", markdown(mark(table, trained_on))]


def _without_nan(value: object) -> object:
    """Return a value of lists, dicts and plain values in which NaN, which JSON lacks, is None."""
    if isinstance(value, Mapping):
        return {key: _without_nan(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(item) for item in value]
    return None if value != value else value
