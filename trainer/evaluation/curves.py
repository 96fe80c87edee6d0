"""Errors against the size of holes, and how training went, as pictures."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from napari_stimg.errors import InputError
from trainer.run_folder import read_log as read_entries

MODEL, SLIDE_MEAN, NOISE_FLOOR = "napari-stimg", "slide mean", "noise floor"

STYLES = {
    MODEL: ("#d55e00", "o"),
    "kriging": ("#0072b2", "s"),
    "neighbours, sigma 4": ("#009e73", "^"),
    "neighbours, sigma 2": ("#56b4e9", "v"),
    SLIDE_MEAN: ("#000000", "D"),
    NOISE_FLOOR: ("0.5", "_"),
    "nearest spot": ("#cc79a7", "X"),
    "zeros": ("#e69f00", "P"),
}
"""Colour (Okabe & Ito 2008) and marker of each method."""

NEAR = 1.1
"""Methods whose errors are all below so many times the slide mean's, and not far below, share a panel; the others get
one of their own."""

LOWEST_FLOOR = 0.5
"""A noise floor of less than so many times the slide mean's error is left out: it would press methods together."""

WORST_GAIN_PERCENT = -20.0
"""Methods that are worse anywhere are left out of the panel of gains."""

LOSSES = ("loss", "mean_loss")
"""Entries of a log that share a panel: the model's loss, and that of the gene's mean."""


def error_figure(rows: pd.DataFrame) -> Figure:
    """Return a figure of one section's errors, and gains, against how spots were hidden, every method a line.

    Parameters
    ----------
    rows : DataFrame
        Of ``reconstruction``: ``section``, ``side``, ``method``, ``mse``, ``mae``, ``gain_percent``, ``mse_floor``.
    """
    figure = Figure(figsize=(11.5, 4.4), layout="constrained")
    grid = figure.add_gridspec(2, 3, height_ratios=[1, 2.4])
    sides = list(dict.fromkeys(rows["side"]))
    bottom = []
    for column, (score, title) in enumerate((("mse", "mean squared error"), ("mae", "mean absolute error"))):
        far, near = figure.add_subplot(grid[0, column]), figure.add_subplot(grid[1, column])
        near.sharex(far)
        far.tick_params(labelbottom=False)
        far.set_title(title, fontsize=10)
        of_mean = rows[rows["method"] == SLIDE_MEAN].set_index("side")[score]
        for method, of_method in rows.groupby("method", sort=False):
            ratio = of_method[score] / of_method["side"].map(of_mean)
            is_near = 1 / NEAR**3 < ratio.min() and ratio.max() < NEAR
            _draw(near if is_near else far, str(method), of_method, sides, score)
        bottom += [far, near]
        if not far.lines:
            far.set_visible(False)
            near.set_title(title, fontsize=10)
    floor = rows.drop_duplicates("side")
    if floor["mse_floor"].min() > LOWEST_FLOOR * floor["mse"].max():
        _draw(bottom[1], NOISE_FLOOR, floor, sides, "mse_floor")
    gains = figure.add_subplot(grid[:, 2])
    gains.set_title("gain over the slide's mean, %", fontsize=10)
    for method, of_method in rows.groupby("method", sort=False):
        if of_method["gain_percent"].min() > WORST_GAIN_PERCENT:
            _draw(gains, str(method), of_method, sides, "gain_percent")
    for ax in (*bottom, gains):
        ax.set_xticks(range(len(sides)), [_tick(side) for side in sides])
        ax.tick_params(labelsize=8)
        ax.spines[["top", "right"]].set_visible(False)
    for ax in (bottom[1], bottom[3], gains):
        ax.set_xlabel("hidden spots: side of the square, in cells", fontsize=9)
    handles, labels = _all_handles([bottom[1], bottom[0]])
    figure.legend(handles, labels, loc="outside right center", fontsize=8, frameon=False)
    figure.suptitle(str(rows["section"].iloc[0]), fontsize=10)
    return figure


def _draw(ax: Axes, method: str, rows: pd.DataFrame, sides: list[str], score: str) -> None:
    """Draw a method's squares as a line, and scattered spots as a mark of their own."""
    color, marker = STYLES.get(method, ("0.3", "."))
    is_scattered = rows["side"].str.contains("x")
    width = 2.0 if method == MODEL else 1.2
    for part, style in ((rows[~is_scattered], ":" if method == NOISE_FLOOR else "-"), (rows[is_scattered], "none")):
        label = method if style != "none" else None
        ax.plot(_places(part, sides), part[score], color=color, marker=marker, ms=5, lw=width, ls=style, label=label)


def _places(rows: pd.DataFrame, sides: list[str]) -> list[int]:
    return [sides.index(side) for side in rows["side"]]


def _tick(side: str) -> str:
    return f"{side}\nscattered" if "x" in side else side


def _all_handles(axes: list[Axes]) -> tuple[list[Any], list[str]]:
    """Return handles and labels of several panels together."""
    found = [ax.get_legend_handles_labels() for ax in axes]
    return [handle for handles, _ in found for handle in handles], [label for _, labels in found for label in labels]


def learning_figure(path: Path) -> Figure:
    """Return a figure of all that a run's log has against steps: losses together, each score of validation apart.

    Parameters
    ----------
    path : Path
        A ``log.jsonl``, as ``read_log`` reads it.

    Raises
    ------
    InputError
        As of ``read_log``.
    """
    training, validation = read_log(path)
    scores = [str(name) for name in validation.columns if name not in ("step", *LOSSES)]
    figure = Figure(figsize=(3.6 * (1 + len(scores)), 3.2), layout="constrained")
    axes = figure.subplots(1, 1 + len(scores), squeeze=False)[0]
    titles = {"loss": "model", "mean_loss": "gene means"}
    for name, color in zip(LOSSES, ("#d55e00", "#000000"), strict=True):
        if name in training:
            axes[0].plot(
                training["step"], training[name], color=color, lw=1, alpha=0.6, label=f"{titles[name]}, training"
            )
        if name in validation:
            axes[0].plot(
                validation["step"], validation[name], color=color, marker="o", ms=4, label=f"{titles[name]}, validation"
            )
    axes[0].set_ylabel("loss")
    axes[0].legend(fontsize=8, frameon=False, loc="lower left", bbox_to_anchor=(0, 1), ncols=2)
    for ax, name in zip(axes[1:], scores, strict=True):
        ax.plot(validation["step"], validation[name], color="#0072b2", marker="o", ms=4)
        ax.set_ylabel(f"{name.replace('_', ' ')}, validation")
    for ax in axes:
        ax.set_xlabel("optimiser steps")
        ax.tick_params(labelsize=8)
        ax.spines[["top", "right"]].set_visible(False)
    return figure


def read_log(path: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return what a run's log says of training and of validation, one row a step.

    Lines are JSON objects with a ``step``; those of validation hold their scores in ``validation``. Steps that were
    done again after an interruption count as they were last.

    Raises
    ------
    InputError
        If there is no such file, or it has no such lines.
    """
    training, validation = {}, {}
    for line in _lines(path):
        step = line["step"]
        if "validation" in line:
            validation[step] = {"step": step} | line["validation"]
        else:
            training[step] = {name: value for name, value in line.items() if isinstance(value, int | float)}
    if not training and not validation:
        raise InputError(f"{path}: expected the log of a run, found no lines; give its log.jsonl after a few steps.")
    frames = [pd.DataFrame(list(rows.values())) for rows in (training, validation)]
    return frames[0].replace([np.inf, -np.inf], np.nan), frames[1]


def _lines(path: Path) -> list[dict[str, Any]]:
    try:
        return read_entries(path)
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: expected the log of a run, found {error}; give its log.jsonl.") from error
