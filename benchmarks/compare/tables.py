"""Tables of a comparison as Markdown."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from benchmarks.compare.scores import Measure

Cells = dict[str, dict[str, str]]
"""Text by column and method."""


def overview(scores: pd.DataFrame, measure: Measure) -> str:
    """Return one measure as Markdown: methods down, the best mean first, sections and their mean across.

    A mean is given of methods that have all sections. The best of a column is bold.

    Parameters
    ----------
    scores : DataFrame
        As of ``domain_scores`` and ``hole_scores``.
    measure : Measure
        Which.
    """
    rows = scores[scores["measure"] == measure.name]
    sections = list(dict.fromkeys(rows["section"]))
    cells = {section: column_of(rows[rows["section"] == section], measure) for section in sections}
    cells["mean"] = column_of(rows, measure, is_spread_shown=False)
    return as_markdown(ranked(rows, measure), cells)


def table(scores: pd.DataFrame, measures: Sequence[Measure], *, order: Measure) -> str:
    """Return several measures as Markdown: methods down, best by ``order`` first, means over all sections across.

    Parameters
    ----------
    scores : DataFrame
        As of ``domain_scores`` and ``hole_scores``.
    measures : sequence of Measure
        Columns; those without any value are left out.
    order : Measure
        By which methods are ranked; those without it come last.
    """
    cells = {}
    for measure in measures:
        rows = scores[scores["measure"] == measure.name]
        if not rows.empty:
            cells[measure.name] = column_of(rows, measure)
    return as_markdown(ranked(scores, order), cells)


def means_of(rows: pd.DataFrame) -> pd.Series:
    """Return each method's mean over sections of one measure; methods that lack a section have none."""
    values = rows.groupby(["method", "section"])["value"].mean().unstack("section")
    return values.mean(axis=1, skipna=False).dropna()


def ranked(scores: pd.DataFrame, measure: Measure) -> list[str]:
    """Return methods, the best mean first; those that lack a section come last, by the mean of what they have."""
    rows = scores[scores["measure"] == measure.name]
    full = means_of(rows)
    sign = -1 if measure.best == "max" else 1
    some = sign * rows.groupby("method")["value"].mean()
    methods = dict.fromkeys(scores["method"])
    return sorted(methods, key=lambda name: (name not in full.index, some.get(name, np.inf)))


def column_of(rows: pd.DataFrame, measure: Measure, *, is_spread_shown: bool = True) -> dict[str, str]:
    """Return, by method, the mean over sections of one measure as text, with its spread; the best is bold."""
    means = {str(method): round(float(mean), measure.decimals) for method, mean in means_of(rows).items()}
    spreads = {str(method): float(spread) for method, spread in rows.groupby("method")["spread"].mean().items()}
    best = {"max": max, "min": min}[measure.best](means.values()) if measure.best and means else None
    cells = {}
    for method, value in means.items():
        text = f"{value:,.{measure.decimals}f}"
        if is_spread_shown and np.isfinite(spreads[method]):
            text += f" ± {spreads[method]:.{measure.decimals}f}"
        cells[method] = f"**{text}**" if value == best else text
    return cells


def as_markdown(methods: Sequence[str], cells: Cells) -> str:
    """Return columns of text as Markdown; a dash stands where a method has none."""
    lines = [["method", *cells], ["---", *("--:" for _ in cells)]]
    lines += [[method, *(column.get(method, "-") for column in cells.values())] for method in methods]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
