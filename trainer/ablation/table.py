"""All variants in one table."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from trainer.config import Config

SIDES = ("scattered", "4", "8", "14")

COLUMNS = {
    "variant": ("variant", "{}"),
    **{f"gain_{side}": (f"gain {side}, %", "{:.2f}") for side in SIDES},
    "mse": ("MSE", "{:.4f}"),
    "mae": ("MAE", "{:.4f}"),
    "ari_refined": ("ARI", "{:.3f}"),
    "accuracy": ("scribbles", "{:.3f}"),
    "knn_accuracy": ("kNN", "{:.3f}"),
    "hours": ("hours", "{:.2f}"),
}
"""Columns shown: title and format."""

EXPLANATION = """\
Gain: mean squared error below that of the slide's gene mean, where single spots (scattered) or squares of 4, 8 and 14
cells are hidden; MSE and MAE: over all of these. ARI: domains without labels, refined, five seeds. Scribbles: share of
spots painted rightly from ten labelled spots a label, ten repeats. kNN: share of cells whose nearest in the decoder's
states name them rightly, labels hidden square by square. Means over sections that no variant was trained on."""


def summarise(found: Mapping[str, Any]) -> dict[str, float]:
    """Return one row of means over sections from a variant's scores."""
    rows = pd.DataFrame(found["rows"])
    row: dict[str, float] = {}
    hidden = rows[rows["side"].notna()] if "side" in rows else rows
    for side in SIDES:
        gains = hidden.loc[hidden["side"] == side, "gain_percent"]
        row[f"gain_{side}"] = float(gains.mean())
    row["mse"], row["mae"] = (float(hidden[score].mean()) for score in ("mse", "mae"))
    for score in ("ari_refined", "accuracy"):
        row[score] = float(rows[score].mean()) if score in rows else float("nan")
    row["knn_accuracy"] = found["validation"].get("knn_accuracy", float("nan"))
    row["hours"] = found["hours"]
    return row


def markdown(table: pd.DataFrame, config: Config) -> str:
    """Return the table as Markdown, with what the numbers are."""
    titles = [title for title, _ in COLUMNS.values()]
    lines = [" | ".join(titles), " | ".join(["---"] + ["--:"] * (len(titles) - 1))]
    for _, row in table.iterrows():
        cells = ("" if pd.isna(row[column]) else layout.format(row[column]) for column, (_, layout) in COLUMNS.items())
        lines.append(" | ".join(cells))
    crops = config.crops
    base = (
        f"Base: scheme {crops.scheme}, sides {', '.join(map(str, crops.sides))}, {crops.channels} channels by "
        f"{crops.channel_rule}, width {config.model.width}; {config.optimiser.steps:,} steps of {crops.tokens:,} "
        f"cells, seed {config.run.seed}. Every other row changes one setting of it."
    )
    sections = f"Scored on: {', '.join(config.data.validation)}."
    return "\n".join([*(f"| {line} |" for line in lines), "", base, "", sections, "", EXPLANATION, ""])
