"""What a variant is worth on sections that it was not trained on."""

from collections.abc import Generator, Sequence
from typing import Any

import numpy as np
import scipy.sparse as sp

from napari_stimg.checkpoint import Checkpoint
from napari_stimg.domains import ClusterParameters, cluster, paint
from napari_stimg.expression import log_expression, most_variable
from napari_stimg.inference import embed, reconstruct
from napari_stimg.lattice import Lattice, find_lattice
from napari_stimg.progress import Progress, run
from napari_stimg.slide import Slide
from trainer.evaluation.domains import agreement
from trainer.evaluation.expert_labels import expert_labels
from trainer.evaluation.parameters import EvaluateParameters
from trainer.evaluation.puzzle import pose
from trainer.evaluation.reconstruction import Answer, Scorer
from trainer.evaluation.rivals import slide_mean
from trainer.evaluation.scribbles import scribble
from trainer.evaluation.squares import hidings

PARAMETERS = EvaluateParameters(sides=(4, 8, 14), n_squares=8, n_genes=1000, n_seeds=5, n_scribbles=10)
"""Fewer squares and genes than an evaluation has: variants are compared on the same ones."""

Row = dict[str, Any]


def score(
    checkpoint: Checkpoint, slides: Sequence[Slide], params: EvaluateParameters = PARAMETERS
) -> Generator[Progress, None, list[Row]]:
    """Yield progress, and return one row a section and way of hiding, and one a labelled section.

    Rows of reconstructions have ``section, side, mse, mae, gain_percent, pcc_gene``; rows of labels ``section``,
    ``ari_refined`` (domains without labels) and ``accuracy`` (spots painted rightly from scribbles).

    Parameters
    ----------
    checkpoint : Checkpoint
        The variant.
    slides : sequence of Slide
        Sections.
    params : EvaluateParameters
        Squares, genes, seeds.
    """
    rows: list[Row] = []
    for done, slide in enumerate(slides):
        yield Progress(done=done, total=len(slides), message=f"Scoring on {slide.name}")
        lattice = find_lattice(slide)
        rows += _reconstructions(checkpoint, slide, lattice, params)
        rows += _labels(checkpoint, slide, lattice, params)
    yield Progress(done=len(slides), total=len(slides), message="Scoring")
    return rows


def _reconstructions(checkpoint: Checkpoint, slide: Slide, lattice: Lattice, params: EvaluateParameters) -> list[Row]:
    columns = most_variable(slide.counts, params.n_genes)
    expression = sp.csr_matrix(log_expression(slide.counts)[:, columns])
    rows = []
    for way in hidings(lattice, params):
        puzzles = [pose(slide, lattice, mask, columns=columns, expression=expression) for mask in way.masks]
        scorer = Scorer(way, expression, None)
        scorer.score([Answer(expected=slide_mean(puzzle)) for puzzle in puzzles], 0.0)
        answers = [run(reconstruct(puzzle.slide, puzzle.mask, checkpoint, genes=puzzle.genes)) for puzzle in puzzles]
        scores = scorer.score([Answer(expected=answer.expected) for answer in answers], 0.0)
        side = "scattered" if way.side == 1 else way.name
        kept = {key: scores[key] for key in ("mse", "mae", "gain_percent", "pcc_gene")}
        rows.append({"section": slide.name, "side": side, **kept})
    return rows


def _labels(checkpoint: Checkpoint, slide: Slide, lattice: Lattice, params: EvaluateParameters) -> list[Row]:
    labels = expert_labels(slide)
    if labels is None:
        return []
    embedding = run(embed(slide, checkpoint))
    domains = [
        cluster(
            embedding,
            lattice.positions,
            params=ClusterParameters(n_domains=len(labels.names), refine=False, seed=params.seed + seed),
        )
        for seed in range(params.n_seeds)
    ]
    rng = np.random.default_rng([params.seed, 2])
    accuracies = []
    for _ in range(params.n_scribbles):
        told = scribble(labels.codes, lattice.positions, rng)
        if np.unique(labels.codes[told]).size < 2:  # too small for scribbles of two labels
            continue
        asked = ~told & np.isin(labels.codes, labels.codes[told])
        painted = paint(embedding, lattice.positions, np.where(told, labels.codes, -1)).labels
        accuracies.append((painted == labels.codes)[asked].mean())
    found = agreement(labels, domains, lattice)
    return [
        {
            "section": slide.name,
            "ari_refined": found["ari_refined"],
            "accuracy": float(np.mean(accuracies)) if accuracies else float("nan"),
            "accuracy_sd": float(np.std(accuracies)) if accuracies else float("nan"),
        }
    ]
