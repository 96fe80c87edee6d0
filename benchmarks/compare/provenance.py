"""What is known of sections and methods beside scores: who saw what, which versions, what is missing and why."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.compare.methods import METHODS
from napari_stimg.errors import InputError
from napari_stimg.models import describe, find_model
from trainer.evaluation.groups import donor_of, study_of

TEST = (
    "dlpfc__151675",
    "her2st__B1",
    "her2st__E1",
    "heart_dev__3_CN73_D2",
    "starmap_vc__BY3_1k",
    "osmfish__SScortex",
    "starmap_mpfc__BZ5",
)
"""Sections kept away from training and from the choice of any setting (docs/model.md)."""

DEVELOPMENT = ("dlpfc__151674", "her2st__D", "heart_dev__6_CN74_E2", "starmap_mpfc__BZ9")
"""Beginnings of the names of sections on which settings were chosen (docs/model.md)."""

Fact = Mapping[str, Any]
"""What ``benchmarks.peers`` wrote of one embedding."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Comparison:
    """All that a page is written of.

    Parameters
    ----------
    report : mapping
        That ``stimg-train evaluate`` wrote as JSON.
    facts : sequence of mapping
        Of each embedding that was evaluated.
    failures : mapping
        By method and section, why an embedding is missing.
    trained_on : collection of str
        Sections that the model was trained on.
    """

    report: Mapping[str, Any]
    facts: Sequence[Fact]
    failures: Mapping[str, Mapping[str, str]]
    trained_on: Collection[str]

    @property
    def sections(self) -> list[str]:
        """Names of the sections that were evaluated."""
        return [section["name"] for section in self.report["sections"]]


def read_comparison(report_path: Path, peers: Path, model: str) -> Comparison:
    """Return all that a page is written of.

    Parameters
    ----------
    report_path : Path
        The report, JSON.
    peers : Path
        Folder that ``benchmarks.compare.embed`` filled.
    model : str
        The checkpoint that was evaluated, by path or name.

    Raises
    ------
    InputError
        If the report is of another checkpoint.
    """
    report = json.loads(report_path.read_text(encoding="utf-8"))
    found = describe(find_model(model))
    if found.sha256 != report["checkpoint"]["sha256"]:
        raise InputError(f"{report_path}: expected a report of {model}, found one of another file; evaluate anew.")
    scored = {(row["method"], row["section"]) for row in report["domains"]}
    files = [
        peers / "embeddings" / method.name / f"{section['name']}.json"
        for method in METHODS
        for section in report["sections"]
        if (method.name, section["name"]) in scored
    ]
    failures = peers / "failures.json"
    return Comparison(
        report=report,
        facts=[json.loads(file.read_text(encoding="utf-8")) for file in files if file.is_file()],
        failures=json.loads(failures.read_text(encoding="utf-8")) if failures.is_file() else {},
        trained_on=found.card.get("sections", ()),
    )


def seen(comparison: Comparison) -> list[str]:
    """Return sentences on which sections, or others of their donors, the model and its settings were made with."""
    names = comparison.sections
    trained = [name for name in names if name in comparison.trained_on]
    chosen = [name for name in names if name.startswith(DEVELOPMENT)]
    unseen = [name for name in names if name in TEST and name not in trained]
    found = []
    if unseen:
        found.append(f"napari-stimg was neither trained on {listing(unseen)} nor was any of its settings chosen there")
    if chosen:
        found.append(f"Settings of napari-stimg were chosen on {listing(chosen)}: expect less elsewhere")
    if trained:
        found.append(f"napari-stimg was trained on {listing(trained)}: its scores there say little")
    for name in names:
        kin = [other for other in comparison.trained_on if is_of_same_donor(name, other)]
        if kin:
            found.append(f"Of the donor of {name} the model was trained on {listing(sorted(kin))}")
    return found


def is_of_same_donor(section: str, other: str) -> bool:
    """Return whether two different sections are of one donor, as far as that is known."""
    return section != other and study_of(section) == study_of(other) and donor_of(section) == donor_of(other)


def missing(comparison: Comparison) -> list[str]:
    """Return, for each method of other people that lacks sections, a sentence that says which and why."""
    there = {(fact["method"], fact["section"]) for fact in comparison.facts}
    found = []
    for method in METHODS:
        by_reason: dict[str, list[str]] = {}
        for name in comparison.sections:
            if (method.name, name) not in there:
                reason = comparison.failures.get(method.name, {}).get(name, "not computed")
                by_reason.setdefault(reason, []).append(name)
        found += [
            f"{method.title}, {'all sections' if len(names) == len(comparison.sections) else listing(names)}: {reason}"
            for reason, names in by_reason.items()
        ]
    return found


def versions(comparison: Comparison) -> str:
    """Return packages, versions and epochs of other people's methods as a table in Markdown."""
    lines = ["| method | package | with | epochs | seed |", "|---|---|---|--:|--:|"]
    for method in METHODS:
        facts = [fact for fact in comparison.facts if fact["method"] == method.name]
        package = listing(sorted({f"{fact['package']} {fact['version']}" for fact in facts}))
        used = [fact["versions"] for fact in facts]
        beside = {f"{name} {each[name]}" for each in used for name in ("torch", "scanpy", "numpy") if name in each}
        seeds = listing(sorted({str(fact["seed"]) for fact in facts}))
        if facts:
            lines.append(f"| {method.title} | {package} | {listing(sorted(beside))} | {epochs(facts)} | {seeds} |")
    return "\n".join(lines)


def epochs(facts: Sequence[Fact]) -> str:
    """Return how long a method was trained, and its authors' number where it was not as long; a dash if it is not."""
    found = []
    for parameters in (fact["parameters"] for fact in facts):
        if "epochs" in parameters:
            given, authors = parameters["epochs"], parameters["authors_epochs"]
            found.append(f"{given:,}" if given == authors else f"{given:,} of {authors:,}")
    return listing(sorted(set(found))) or "-"


def listing(names: Sequence[str]) -> str:
    """Return names with commas between them."""
    return ", ".join(names)
