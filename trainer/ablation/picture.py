"""All variants in one picture: a column a score, a group of rows an axis, the base as a line."""

import pandas as pd
from matplotlib.figure import Figure

SCORES = {
    "gain_scattered": "gain, scattered, %",
    "gain_8": "gain, side 8, %",
    "gain_14": "gain, side 14, %",
    "ari_refined": "ARI, no labels",
    "accuracy": "accuracy, scribbles",
    "knn_accuracy": "accuracy, kNN of states",
}

COLORS = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#d55e00", "#56b4e9", "#332288", "#999933")
"""One an axis (Okabe and Ito 2008; Tol 2021)."""


def ablation_figure(table: pd.DataFrame) -> Figure:
    """Return a figure of one row a variant, the base first.

    Parameters
    ----------
    table : DataFrame
        ``variant, axis, value`` and scores, one row a variant.
    """
    shown = [score for score in SCORES if table[score].notna().any()]
    figure = Figure(figsize=(3.2 + 1.9 * len(shown), 1.2 + 0.27 * len(table)), layout="constrained")
    axes = figure.subplots(1, len(shown), sharey=True, squeeze=False)[0]
    changed = list(dict.fromkeys(axis for axis in table["axis"] if axis))
    colors = ["#000000" if not axis else COLORS[changed.index(axis) % len(COLORS)] for axis in table["axis"]]
    rows = range(len(table))
    for ax, score in zip(axes, shown, strict=True):
        base = table[score].iloc[0]
        ax.axvline(base, color="0.6", lw=0.8, zorder=0)
        ax.hlines(rows, base, table[score], colors=colors, lw=1.2)
        ax.scatter(table[score], rows, c=colors, s=22, zorder=2)
        ax.set_title(SCORES[score], fontsize=9)
        ax.tick_params(labelsize=8)
        ax.margins(x=0.12)
        ax.spines[["top", "right"]].set_visible(False)
    axes[0].set_yticks(rows, table["variant"])
    axes[0].invert_yaxis()
    return figure
