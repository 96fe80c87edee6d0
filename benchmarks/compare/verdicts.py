"""Who is better where, as it follows from the numbers."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import pandas as pd

from benchmarks.compare.scores import MSE, Measure
from benchmarks.compare.tables import means_of, ranked
from trainer.evaluation.features import MODEL


@dataclass(frozen=True, kw_only=True, eq=False)
class Verdict:
    """The model held against one method.

    Parameters
    ----------
    method : str
        The other.
    better, alike, worse : list of str
        Sections on which the model is better or worse by more than both spreads together (the root of the sum of
        their squares), and the others.
    mean_difference : float
        Of the model over the method, over these sections.
    """

    method: str
    better: list[str] = field(default_factory=list)
    alike: list[str] = field(default_factory=list)
    worse: list[str] = field(default_factory=list)
    mean_difference: float


def against(found: Sequence[Verdict]) -> str:
    """Return verdicts as a table in Markdown."""
    lines = [f"| {MODEL} against | better | alike | worse | on average |", "|---|---|---|---|--:|"]
    for verdict in found:
        cells = [counted(names) for names in (verdict.better, verdict.alike, verdict.worse)]
        lines.append(f"| {verdict.method} | {' | '.join(cells)} | {verdict.mean_difference:+.3f} |")
    return "\n".join(lines)


def counted(names: Sequence[str]) -> str:
    """Return how many sections, and which."""
    return f"{len(names)}: {', '.join(names)}" if names else "0"


def verdicts(scores: pd.DataFrame, measure: Measure) -> list[Verdict]:
    """Return the model held against each other method, on the sections that both have; higher is better.

    Parameters
    ----------
    scores : DataFrame
        As of ``domain_scores``.
    measure : Measure
        Of which more is better.
    """
    rows = scores[scores["measure"] == measure.name]
    of_model = rows[rows["method"] == MODEL].set_index("section")
    found = []
    for method in ranked(rows, measure):
        other = rows[rows["method"] == method].set_index("section")
        both = of_model.index.intersection(other.index, sort=False)
        if method == MODEL or both.empty:
            continue
        difference = of_model.loc[both, "value"] - other.loc[both, "value"]
        margin = of_model.loc[both, "spread"].fillna(0) ** 2 + other.loc[both, "spread"].fillna(0) ** 2
        is_more = difference.pow(2) > margin
        found.append(
            Verdict(
                method=method,
                better=list(both[is_more & (difference > 0)]),
                alike=list(both[~is_more]),
                worse=list(both[is_more & (difference < 0)]),
                mean_difference=float(difference.mean()),
            )
        )
    return found


def place(scores: pd.DataFrame, measure: Measure) -> str:
    """Return sentences on the highest mean over all sections, on the model's place by it, and on where it leads.

    Parameters
    ----------
    scores : DataFrame
        As of ``domain_scores``.
    measure : Measure
        Of which more is better.
    """
    rows = scores[scores["measure"] == measure.name]
    means = means_of(rows).sort_values(ascending=False)
    place_of_model = 1 + int((means > means[MODEL]).sum())
    values = rows.pivot(index="method", columns="section", values="value")
    leads = [str(section) for section in dict.fromkeys(rows["section"]) if values[section].idxmax() == MODEL]
    said = f"Highest mean: {means.index[0]}, {means.iloc[0]:.3f}."
    if place_of_model > 1:
        said += f" {MODEL}: {means[MODEL]:.3f}, number {place_of_model} of the {len(means)} that have all sections."
    elif len(means) > 1:
        said += f" Next: {means.index[1]}, {means.iloc[1]:.3f}."
    return f"**{said}** {MODEL} is the best of all on {len(leads)} of {values.shape[1]}{_named(leads)}."


def lower_errors(holes: pd.DataFrame) -> str:
    """Return how often the model's squared error is below that of each other method, as a table in Markdown.

    Parameters
    ----------
    holes : DataFrame
        As of ``hole_scores``.
    """
    rows = holes[holes["measure"] == MSE.name]
    errors = rows.set_index(["method", "section", "hidden"])["value"].unstack("method")
    lines = [f"| {MODEL} against | lower error | of which on |", "|---|--:|---|"]
    for method in ranked(rows, MSE):
        if method != MODEL:
            both = errors[[MODEL, method]].dropna()
            lower = both[both[MODEL] < both[method]].index.get_level_values("section")
            counts = [f"{section} {number}" for section, number in lower.value_counts(sort=False).items()]
            lines.append(f"| {method} | {len(lower)} of {len(both)} | {', '.join(counts) or '-'} |")
    return "\n".join(lines)


def listed(sentences: Sequence[str]) -> str:
    """Return sentences as a list in Markdown."""
    return "\n".join(f"* {sentence}." for sentence in sentences)


def _named(sections: Sequence[str]) -> str:
    return f" ({', '.join(sections)})" if sections else ""
