"""Labels learned from some spots of a section and tested on its others: scribbles, and random spots."""

from collections.abc import Callable, Generator, Mapping

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import adjusted_rand_score

from napari_stimg.checkpoint import Checkpoint
from napari_stimg.domains import PaintParameters, paint, refine
from napari_stimg.labels import Labels
from napari_stimg.lattice import Lattice
from napari_stimg.progress import Progress
from napari_stimg.slide import Slide
from trainer.evaluation.classifiers import CLASSIFIERS, classify
from trainer.evaluation.features import Values, probed_features
from trainer.evaluation.parameters import EvaluateParameters
from trainer.evaluation.scribbles import random_spots, scribble

SCRIBBLES = "scribbles"
RANDOM = "random 20 %"

PAINT = "viewer's painting"
"""What the panel does: nearest labelled spots vote by distance, and probabilities are averaged over neighbours."""

SCRIBBLE_CLASSIFIERS = ("kNN", "logistic regression")
"""A perceptron has nothing to gain from ten spots a label."""

Row = dict[str, object]
"""One row of a table."""

Told = tuple[str, list[NDArray[np.bool_]], tuple[str, ...]]
"""A protocol's name, which spots are told in each of its repeats, and by what they are learned."""


def score_probes_of(
    slide: Slide,
    lattice: Lattice,
    checkpoint: Checkpoint,
    labels: Labels,
    *,
    params: EvaluateParameters,
    external: Mapping[str, NDArray[np.float64]] | None = None,
) -> Generator[Progress, None, list[Row]]:
    """Yield progress, and return one row a protocol, features and classifier.

    Labels that no spot was told of are not tested.

    Parameters
    ----------
    slide : Slide
        The section.
    lattice : Lattice
        Its lattice.
    checkpoint : Checkpoint
        The model.
    labels : Labels
        Of experts.
    params : EvaluateParameters
        Repeats, seed.
    external : mapping of (S, D) float, optional
        Embeddings made elsewhere, by method.
    """
    rng = np.random.default_rng([params.seed, 2])
    scribbled = [scribble(labels.codes, lattice.positions, rng) for _ in range(params.n_scribbles)]
    drawn = [random_spots(labels.codes, rng) for _ in range(params.n_scribbles)]
    protocols: list[Told] = [
        (SCRIBBLES, scribbled, (*SCRIBBLE_CLASSIFIERS, PAINT)),
        (RANDOM, drawn, ("kNN", "logistic regression")),
        (RANDOM, drawn[:1], ("MLP",)),
    ]
    features = {name: make() for name, make in probed_features(slide, lattice, checkpoint).items()} | dict(
        external or {}
    )
    rows: list[Row] = []
    for done, (name, values) in enumerate(features.items()):
        yield Progress(done=done, total=len(features), message=f"{slide.name}: labels from {name}")
        for protocol, repeats, classifiers in protocols:
            for classifier in classifiers:
                scores = [
                    _score_repeat(classifier, values, lattice, labels.codes, told, seed=params.seed + repeat)
                    for repeat, told in enumerate(repeats)
                    if np.unique(labels.codes[told]).size > 1
                ]
                if scores:
                    what: Row = {"section": slide.name, "protocol": protocol, "features": name}
                    rows.append(what | {"classifier": classifier} | summarise(scores))
    return rows


def compare(truth: NDArray[np.integer], predicted: NDArray[np.integer], tested: NDArray[np.bool_]) -> dict[str, float]:
    """Return accuracy, accuracy averaged over labels, and adjusted Rand index of (S,) labels at tested spots."""
    right = (truth == predicted)[tested]
    of_label = [right[truth[tested] == label].mean() for label in np.unique(truth[tested])]
    return {
        "accuracy": float(right.mean()),
        "balanced_accuracy": float(np.mean(of_label)),
        "ari": float(adjusted_rand_score(truth[tested], predicted[tested])),
    }


def compare_raw_and_refined(
    truth: NDArray[np.integer],
    predicted: NDArray[np.int64],
    positions: NDArray[np.floating],
    tested: NDArray[np.bool_],
) -> dict[str, float]:
    """Return what ``compare`` does, and accuracy and index after a vote of each spot and its nearest."""
    refined = compare(truth, refine(predicted, positions), tested)
    return compare(truth, predicted, tested) | {
        "accuracy_refined": refined["accuracy"],
        "ari_refined": refined["ari"],
        "n_tested": float(tested.sum()),
    }


def summarise(scores: list[dict[str, float]]) -> Row:
    """Return means over repeats, and the spread of accuracy and index, NaN of a single one."""
    row: Row = {name: float(np.mean([score[name] for score in scores])) for name in scores[0]}
    spread: Row = {f"{name}_sd": np.nan for name in ("accuracy", "ari")}
    if len(scores) > 1:
        spread = {f"{name}_sd": float(np.std([score[name] for score in scores])) for name in ("accuracy", "ari")}
    return row | spread | {"n_repeats": len(scores)}


def _score_repeat(
    classifier: str,
    values: Values,
    lattice: Lattice,
    codes: NDArray[np.int64],
    told: NDArray[np.bool_],
    *,
    seed: int,
) -> dict[str, float]:
    """Return the scores of one choice of spots whose label is told."""
    tested = np.isin(codes, np.unique(codes[told])) & ~told
    shown = np.where(told, codes, -1)
    predicted = PREDICTORS[classifier](values, lattice, shown, seed)
    scores = compare_raw_and_refined(codes, predicted, lattice.positions, tested)
    return scores


def _painted(values: Values, lattice: Lattice, shown: NDArray[np.int64], seed: int) -> NDArray[np.int64]:
    """Return (S,) labels as the viewer paints them; nothing of it is random."""
    return paint(values, lattice.positions, shown, params=PaintParameters()).labels


def _learned(name: str) -> Callable[[Values, Lattice, NDArray[np.int64], int], NDArray[np.int64]]:
    def predict(values: Values, lattice: Lattice, shown: NDArray[np.int64], seed: int) -> NDArray[np.int64]:
        told = shown >= 0
        predicted = classify(name, values[told], shown[told], values, seed=seed)
        return np.where(told, shown, predicted)

    return predict


PREDICTORS = {name: _learned(name) for name in CLASSIFIERS} | {PAINT: _painted}
"""From features, lattice and (S,) labels, -1 = not told, to the label of every spot, by the name in tables."""
