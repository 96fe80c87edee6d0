"""An evaluation as files: JSON for programs, Markdown for people."""

import json
import os
from dataclasses import asdict
from pathlib import Path

import pandas as pd

from napari_stimg import __version__
from napari_stimg.checkpoint import Checkpoint
from napari_stimg.errors import InputError
from trainer.evaluate import EvaluateParameters, Report

DECIMALS = {"gain_percent": 2, "mse": 4, "mae": 4}
"""Decimals of a column in Markdown; 3 of the others."""


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
    trained_on = set(checkpoint.card.get("sections", ()))
    facts = {
        "version": __version__,
        "checkpoint": {"file": checkpoint.path.name, "sha256": checkpoint.sha256},
        "parameters": asdict(params),
        "reconstruction": report.reconstruction.to_dict(orient="records"),
        "domains": report.domains.to_dict(orient="records"),
    }
    text = "\n".join(
        [
            f"Checkpoint `{checkpoint.path.name}` ({checkpoint.sha256[:12]}), napari-stimg {__version__}.",
            "",
            "## Hidden squares",
            "",
            _markdown(report.reconstruction, trained_on),
            "## Domains without labels",
            "",
            _markdown(report.domains, trained_on),
        ]
    )
    for ending, content in ((".json", json.dumps(facts, indent=1)), (".md", text)):
        path = target.with_name(target.name + ending)
        beside = path.with_name(path.name + ".part")
        beside.write_text(content)
        os.replace(beside, path)
    return text


def _markdown(table: pd.DataFrame, trained_on: set[str]) -> str:
    """Return a table as Markdown; sections the model was trained on are marked with a star."""
    if table.empty:
        return "Nothing to score: no section has labels, or place for a square.\n"
    shown = table.copy()
    shown["section"] = [f"{name} *(trained on)*" if name in trained_on else name for name in shown["section"]]
    for column in shown.columns[shown.dtypes == "float64"]:
        shown[column] = shown[column].map(f"{{:.{DECIMALS.get(column, 3)}f}}".format)
    rows = [list(shown.columns), ["---"] * shown.shape[1], *shown.astype(str).to_numpy().tolist()]
    return "\n".join("| " + " | ".join(row) + " |" for row in rows) + "\n"
