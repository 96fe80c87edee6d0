"""All numbers of a comparison in one table: a row for each section, method and measure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.compare.methods import TITLES

Row = Mapping[str, Any]
"""A row of a report, or what a method said of one embedding; None where there is no number."""


@dataclass(frozen=True, kw_only=True)
class Measure:
    """What is measured.

    Parameters
    ----------
    name : str
        Heads its column.
    decimals : int
        That are shown.
    best : str
        ``"max"``, ``"min"``, or empty where neither is better for its own sake.
    """

    name: str
    decimals: int = 3
    best: str = "max"


ARI = Measure(name="ARI")
ARI_REFINED = Measure(name="ARI, refined")
NMI = Measure(name="NMI")
NMI_REFINED = Measure(name="NMI, refined")
ARI_VOTE = Measure(name="ARI, vote")
DOMAINS = {"ari": ARI, "ari_refined": ARI_REFINED, "nmi": NMI, "nmi_refined": NMI_REFINED, "ari_vote": ARI_VOTE}
"""By the column of a report."""

PAINTED = Measure(name="scribbles, painted")
LABELS = {
    ("scribbles", "viewer's painting"): PAINTED,
    ("scribbles", "kNN"): Measure(name="scribbles, kNN"),
    ("scribbles", "logistic regression"): Measure(name="scribbles, logistic"),
    ("random 20 %", "kNN"): Measure(name="random 20 %, kNN"),
    ("random 20 %", "logistic regression"): Measure(name="random 20 %, logistic"),
}
"""Accuracies, by protocol and classifier."""

SECONDS = Measure(name="seconds", decimals=1, best="")
CPU_SECONDS = Measure(name="CPU seconds", decimals=0, best="")
PEAK_MB = Measure(name="peak MB", decimals=0, best="")
COSTS = {"seconds": SECONDS, "cpu_seconds": CPU_SECONDS, "peak_mb": PEAK_MB}

MSE = Measure(name="MSE", decimals=4, best="min")
GAIN = Measure(name="gain, %", decimals=2)
SHARE = Measure(name="explainable share")
COVERAGE = Measure(name="in the 90 % interval", best="")
HOLES = {
    "mse": MSE,
    "mae": Measure(name="MAE", decimals=4, best=""),
    "pcc_gene": Measure(name="PCC of a gene"),
    "gain_percent": GAIN,
    "explainable_share": SHARE,
    "coverage_90": COVERAGE,
    "seconds_a_mask": Measure(name="seconds a hole", decimals=2, best=""),
}


def domain_scores(report: Mapping[str, Any], facts: Iterable[Row]) -> pd.DataFrame:
    """Return scores of domains found without labels, and of labels from some, with what each method costs.

    Parameters
    ----------
    report : mapping
        That ``stimg-train evaluate`` wrote as JSON.
    facts : iterable of mapping
        What lies beside each embedding, see ``benchmarks.peers``; costs of peers are these.

    Returns
    -------
    DataFrame
        ``section``, ``method`` (title), ``measure`` (name), ``value``, ``spread`` (standard deviation over seeds or
        repeats, NaN where there is none).
    """
    rows: list[dict[str, object]] = []
    for found in report["domains"]:
        rows += [_row(found, found["method"], column, measure) for column, measure in (DOMAINS | COSTS).items()]
    for found in report["probes"]:
        measure = LABELS.get((found["protocol"], found["classifier"]))
        if measure is not None:
            rows.append(_row(found, found["features"], "accuracy", measure))
    for fact in facts:
        rows += [_row(fact, fact["method"], column, measure) for column, measure in COSTS.items()]
    return _table(rows)


def hole_scores(report: Mapping[str, Any]) -> pd.DataFrame:
    """Return scores of hidden spots, a row for each section, way of hiding, method and measure.

    Parameters
    ----------
    report : mapping
        That ``stimg-train evaluate`` wrote as JSON.

    Returns
    -------
    DataFrame
        As of ``domain_scores``, and ``hidden``: ``side N`` or ``scattered``.
    """
    rows = [
        _row(found, found["method"], column, measure) | {"hidden": way_of(found["side"])}
        for found in report["reconstruction"]
        for column, measure in HOLES.items()
    ]
    return _table(rows)


def way_of(side: str) -> str:
    """Return how spots were hidden, by what a report calls it: ``8`` is a square, ``1 x 200`` scattered spots."""
    return "scattered" if "x" in side else f"side {side}"


def _row(found: Row, method: str, column: str, measure: Measure) -> dict[str, object]:
    value, spread = found.get(column), found.get(f"{column}_sd")
    return {
        "section": found["section"],
        "method": TITLES.get(method, method),
        "measure": measure.name,
        "value": np.nan if value is None else float(value),
        "spread": np.nan if spread is None else float(spread),
    }


def _table(rows: list[dict[str, object]]) -> pd.DataFrame:
    """Return rows that have a value."""
    return pd.DataFrame(rows, columns=["section", "method", "measure", "value", "spread", *_more(rows)]).dropna(
        subset=["value"]
    )


def _more(rows: list[dict[str, object]]) -> list[str]:
    return ["hidden"] if rows and "hidden" in rows[0] else []
