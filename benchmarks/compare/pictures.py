"""Pictures of a comparison, small enough to lie in a repository."""

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from PIL import Image

from benchmarks.compare.scores import GAIN, Measure
from benchmarks.compare.tables import means_of, ranked
from napari_stimg.domains import PALETTE
from trainer.evaluation.curves import STYLES, WORST_GAIN_PERCENT
from trainer.evaluation.features import MODEL

MOST_BYTES = 300_000
"""Of a picture."""

COLORS = 96
"""That are left of a map; its legend has fewer, the rest are edges."""


def dot_figure(scores: pd.DataFrame, measure: Measure) -> Figure:
    """Return a figure of one measure: methods down, a dot with its spread for each section, and a line at the mean."""
    rows = scores[scores["measure"] == measure.name]
    methods = ranked(rows, measure)[::-1]
    figure = Figure(figsize=(7.5, 0.32 * len(methods) + 1.2), layout="constrained")
    ax = figure.subplots()
    sections = list(dict.fromkeys(rows["section"]))
    for number, section in enumerate(sections):
        of_section = rows[rows["section"] == section]
        heights = [
            methods.index(name) + 0.5 * (number / max(len(sections) - 1, 1) - 0.5) for name in of_section["method"]
        ]
        color = PALETTE[number % len(PALETTE)]
        spread = of_section["spread"].fillna(0)
        ax.errorbar(of_section["value"], heights, xerr=spread, fmt="o", ms=4, lw=1, color=color, label=section)
    for method, mean in means_of(rows).items():
        height = methods.index(str(method))
        ax.plot([mean, mean], [height - 0.35, height + 0.35], color="0.2", lw=2)
    ax.set_yticks(range(len(methods)), methods, fontsize=9)
    for text in ax.get_yticklabels():
        text.set_fontweight("bold" if text.get_text() == MODEL else "normal")
    ax.set_xlabel(f"{measure.name} (line: mean of methods that have all sections)", fontsize=9)
    ax.grid(axis="x", color="0.9")
    ax.spines[["top", "right"]].set_visible(False)
    figure.legend(loc="outside right upper", fontsize=8, frameon=False)
    return figure


def gain_figure(holes: pd.DataFrame) -> Figure:
    """Return a figure of gains over the slide's mean: a panel for each section, ways of hiding across."""
    rows = holes[holes["measure"] == GAIN.name]
    sections = list(dict.fromkeys(rows["section"]))
    n_cols = min(4, len(sections))
    n_rows = -(-len(sections) // n_cols)
    figure = Figure(figsize=(2.6 * n_cols + 1.6, 2.3 * n_rows), layout="constrained")
    axes = figure.subplots(n_rows, n_cols, squeeze=False).ravel()
    for ax in axes[len(sections) :]:
        ax.set_axis_off()
    for ax, section in zip(axes, sections, strict=False):
        of_section = rows[rows["section"] == section]
        ways = list(dict.fromkeys(of_section["hidden"]))
        for method, of_method in of_section.groupby("method", sort=False):
            if of_method["value"].min() > WORST_GAIN_PERCENT:
                color, marker = STYLES.get(str(method), ("0.3", "."))
                places = [ways.index(way) for way in of_method["hidden"]]
                ax.plot(places, of_method["value"], color=color, marker=marker, ms=4, lw=1, label=str(method))
        ax.set_xticks(range(len(ways)), [way.removeprefix("side ") for way in ways], fontsize=8)
        ax.tick_params(labelsize=8)
        ax.set_title(section, fontsize=9)
        ax.spines[["top", "right"]].set_visible(False)
    figure.supylabel("gain over the slide's mean, %", fontsize=9)
    figure.supxlabel("hidden spots: side of the square, in cells, or scattered", fontsize=9)
    handles = {text: handle for ax in axes for handle, text in zip(*ax.get_legend_handles_labels(), strict=True)}
    figure.legend(handles.values(), handles.keys(), loc="outside right center", fontsize=8, frameon=False)
    return figure


def shrink(source: Path, target: Path) -> None:
    """Write a picture with few colours, and halved until it has at most ``MOST_BYTES``."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with Image.open(source) as opened:
        picture = opened.convert("RGB")
    share = 1.0
    while True:
        size = tuple(max(1, round(side * share)) for side in picture.size)
        small = picture.resize((size[0], size[1]), Image.Resampling.LANCZOS)
        small.quantize(COLORS, dither=Image.Dither.NONE).save(target, format="PNG", optimize=True)
        if target.stat().st_size <= MOST_BYTES or min(size) == 1:
            return
        share *= float(np.sqrt(0.5))
