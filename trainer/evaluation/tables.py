"""Tables as Markdown."""

from collections.abc import Collection

import pandas as pd

DECIMALS = {
    "gain_percent": 2,
    "mse": 4,
    "mae": 4,
    "mse_floor": 4,
    "seconds_a_mask": 4,
    "seconds": 1,
    "peak_mb": 0,
    "n_tested": 0,
}
"""Decimals of a column in Markdown; 3 of the others."""

SPREADS = {score: f"{score}_sd" for score in ("ari", "nmi", "ari_refined", "nmi_refined", "ari_vote", "accuracy")}
"""Columns that are shown with their standard deviation over repeats."""


def markdown(table: pd.DataFrame) -> str:
    """Return a table as Markdown; spreads stand beside their means, and a dash where there is no number."""
    shown = pd.DataFrame(index=table.index)
    for column in [str(name) for name in table.columns if name not in SPREADS.values()]:
        shown[column] = [_cell(value, DECIMALS.get(column, 3)) for value in table[column]]
        if SPREADS.get(column) in table:
            spread = [_cell(value, DECIMALS.get(column, 3)) for value in table[SPREADS[column]]]
            shown[column] = [
                f"{mean} ± {sd}" if sd != "-" else mean for mean, sd in zip(shown[column], spread, strict=True)
            ]
    rules = ["--:" if pd.api.types.is_numeric_dtype(table[column]) else "---" for column in shown.columns]
    rows = [list(shown.columns), rules, *shown.to_numpy().tolist()]
    return "\n".join("| " + " | ".join(row) + " |" for row in rows) + "\n"


def by_side(rows: pd.DataFrame) -> str:
    """Return the reconstruction of one section as Markdown: methods down, ways of hiding across.

    A cell has the squared error, its gain over the slide's mean, and the correlation of a gene; the lowest error of a
    column is bold.
    """
    sides = list(dict.fromkeys(rows["side"]))
    lines = [["method", *(_side_title(side) for side in sides)], ["---"] + ["---"] * len(sides)]
    best = {side: rows.loc[rows["side"] == side, "mse"].min() for side in sides}
    for method in dict.fromkeys(rows["method"]):
        cells = [str(method)]
        for side in sides:
            (row,) = rows[(rows["side"] == side) & (rows["method"] == method)].to_dict(orient="records")
            error = _cell(row["mse"], 4)
            error = f"**{error}**" if row["mse"] == best[side] else error
            cells.append(f"{error} ({_cell(row['gain_percent'], 1)} %) {_cell(row['pcc_gene'], 3)}")
        lines.append(cells)
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def mark(table: pd.DataFrame, trained_on: Collection[str]) -> pd.DataFrame:
    """Return a table in which sections that the model was trained on are marked."""
    return table.assign(section=[f"{name} *(trained on)*" if name in trained_on else name for name in table["section"]])


def _side_title(side: str) -> str:
    return f"{side} spots" if "x" in side else f"side {side}"


def _cell(value: object, decimals: int) -> str:
    """Return a number with so many decimals, a dash for none, or the text."""
    if value is None or value != value:
        return "-"
    return f"{value:.{decimals}f}" if isinstance(value, float) else str(value)
