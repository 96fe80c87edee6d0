"""Hidden spots are reconstructed by every method, and scored against what was measured there."""

import time
from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from napari_stimg.checkpoint import Checkpoint
from napari_stimg.expression import gene_moments, log_expression
from napari_stimg.inference import reconstruct
from napari_stimg.lattice import Lattice
from napari_stimg.progress import Progress, run
from napari_stimg.scores import correlation
from napari_stimg.slide import Slide
from trainer.evaluation.calibration import calibrate
from trainer.evaluation.keeping import keep_reconstruction
from trainer.evaluation.noise import Noise, estimate_noise
from trainer.evaluation.parameters import EvaluateParameters
from trainer.evaluation.puzzle import Puzzle, pose
from trainer.evaluation.rivals import RIVALS
from trainer.evaluation.squares import Hiding, hidings

MODEL = "napari-stimg"
"""Name of the model in tables."""

MOST_VARIABLE = 200
"""Genes, the most variable of those scored, whose correlation is also given apart."""

Row = dict[str, object]
"""One row of a table."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Answer:
    """What a method says of a puzzle's hidden spots.

    Parameters
    ----------
    expected : (N, K) float32
        Expected log expression.
    sd : (N, K) float32 or None
        Its standard deviation, of methods that give one.
    """

    expected: NDArray[np.float32]
    sd: NDArray[np.float32] | None = None


Method = Callable[[Puzzle], Answer]
"""From a puzzle to an answer."""


def methods(checkpoint: Checkpoint) -> dict[str, Method]:
    """Return all methods by name: the rivals, the slide's mean first, and the model."""

    def model(puzzle: Puzzle) -> Answer:
        found = run(reconstruct(puzzle.slide, puzzle.mask, checkpoint, genes=puzzle.genes))
        return Answer(expected=found.expected, sd=found.sd)

    rivals: dict[str, Method] = {
        name: (lambda puzzle, rival=rival: Answer(expected=rival(puzzle)))  # type: ignore[misc]
        for name, rival in RIVALS.items()
    }
    return rivals | {MODEL: model}


def score_reconstruction_of(
    slide: Slide,
    lattice: Lattice,
    checkpoint: Checkpoint,
    *,
    columns: NDArray[np.intp],
    params: EvaluateParameters,
    keep: Path | None = None,
) -> Generator[Progress, None, list[Row]]:
    """Yield progress, and return one row a way of hiding and method.

    Parameters
    ----------
    slide : Slide
        The section.
    lattice : Lattice
        Its lattice.
    checkpoint : Checkpoint
        The model.
    columns : (K,) int
        Genes that are scored.
    params : EvaluateParameters
        Squares, seeds.
    keep : Path, optional
        A folder for the model's reconstructions.
    """
    ways = hidings(lattice, params)
    if not ways:
        return []
    expression = sp.csr_matrix(log_expression(slide.counts)[:, columns])
    hidden = np.flatnonzero(np.any([mask for way in ways for mask in way.masks], axis=0))
    noise = estimate_noise(slide, lattice, spots=hidden, columns=columns, seed=params.seed)
    asked = methods(checkpoint)
    rows: list[Row] = []
    total = sum(len(way.masks) for way in ways)
    done = 0
    for way in ways:
        answers: dict[str, list[Answer]] = {name: [] for name in asked}
        seconds = dict.fromkeys(answers, 0.0)
        for number, mask in enumerate(way.masks):
            yield Progress(done=done + number, total=total, message=f"{slide.name}: hiding {way.name}")
            puzzle = pose(slide, lattice, mask, columns=columns, expression=expression)
            for name, method in asked.items():
                started_at = time.perf_counter()
                answers[name].append(method(puzzle))
                seconds[name] += (time.perf_counter() - started_at) / len(way.masks)
            if keep is not None:
                answer = answers[MODEL][-1]
                keep_reconstruction(keep, puzzle, answer.expected, answer.sd, side=way.name, number=number)
        done += len(way.masks)
        scorer = Scorer(way, expression, noise)
        for name, given in answers.items():
            row: Row = {"section": slide.name, "side": way.name, "method": name}
            rows.append(row | scorer.score(given, seconds[name]))
    return rows


class Scorer:
    """Scores answers to all masks of one way of hiding; the first to be scored is what gains are measured against.

    Parameters
    ----------
    way : Hiding
        The masks.
    expression : (S, K) CSR
        Log expression of the whole section.
    noise : Noise or None
        Counting noise of the hidden spots, where it is known.
    """

    def __init__(self, way: Hiding, expression: sp.csr_matrix, noise: Noise | None) -> None:
        spots = np.concatenate([np.flatnonzero(mask) for mask in way.masks])
        self._truth: NDArray[np.float32] = expression[spots].toarray()
        self._noise = None if noise is None else noise.of(spots)
        self._top = np.argsort(-gene_moments(expression).variance, kind="stable")[:MOST_VARIABLE]
        self._n_masks = len(way.masks)
        self._baseline: float | None = None

    def score(self, answers: list[Answer], seconds: float) -> Row:
        """Return the scores of a method's answers, one a mask, each of which took so many seconds on average."""
        predicted = np.concatenate([answer.expected for answer in answers])
        residuals = self._truth - predicted
        mse = float(np.square(residuals).mean(dtype=np.float64))
        if self._baseline is None:
            self._baseline = mse
        of_gene = correlation(self._truth, predicted)
        floor = np.nan if self._noise is None else float(self._noise.mean(dtype=np.float64))
        explainable = self._baseline - floor
        row: Row = {
            "mse": mse,
            "mae": float(np.abs(residuals).mean(dtype=np.float64)),
            "gain_percent": 100 * (1 - mse / self._baseline) if self._baseline > 0 else 0.0,
            "pcc_gene": _mean(of_gene),
            "pcc_gene_top": _mean(of_gene[self._top]),
            "pcc_spot": _mean(correlation(self._truth.T, predicted.T)),
            "explainable_share": (self._baseline - mse) / explainable if explainable > 0 else np.nan,
            "mse_floor": floor,
            "coverage_90": np.nan,
            "error_ratio": np.nan,
            "seconds_a_mask": seconds,
            "n_masks": self._n_masks,
            "n_spots": len(predicted),
        }
        sd = [answer.sd for answer in answers if answer.sd is not None]
        if sd and self._noise is not None:
            found = calibrate(residuals, np.concatenate(sd), self._noise)
            row |= {"coverage_90": found.coverage, "error_ratio": found.error_ratio}
        return row


def _mean(values: NDArray[np.floating]) -> float:
    """Return the mean of finite values, NaN if there are none."""
    finite = values[np.isfinite(values)]
    return float(finite.mean()) if finite.size else np.nan
