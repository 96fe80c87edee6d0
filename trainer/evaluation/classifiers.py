"""What learns labels from features."""

import warnings
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier

N_NEIGHBOURS = 10
"""Labelled spots that vote; all of them if there are fewer."""

HIDDEN_LAYERS = (512, 256, 128)
"""Widths of the perceptron's hidden layers."""

MLP_STEPS = 500
"""Optimiser steps of the perceptron, of ``MLP_BATCH`` spots each; but 10 to 100 passes over the labels."""

MLP_BATCH = 200

CLASSIFIERS = ("kNN", "logistic regression", "MLP")
"""By the name they have in tables."""


class Classifier(Protocol):
    """What scikit-learn's classifiers do."""

    def fit(self, features: NDArray[np.floating], labels: NDArray[np.integer]) -> "Classifier":
        """Learn from (N, D) features and (N,) labels."""
        ...

    def predict(self, features: NDArray[np.floating]) -> NDArray[np.integer]:
        """Return (N,) labels."""
        ...


def classify(
    name: str,
    known: NDArray[np.float64],
    labels: NDArray[np.integer],
    asked: NDArray[np.float64],
    *,
    seed: int = 0,
) -> NDArray[np.int64]:
    """Return (Q,) the labels of spots that are asked for, learned from spots that are known.

    All features are divided by one number, their overall standard deviation about the known spots' mean: components
    keep their relative sizes, since scaling each to the same variance would amplify noise.

    Parameters
    ----------
    name : str
        One of ``CLASSIFIERS``.
    known : (N, D) float
        Features of known spots.
    labels : (N,) int
        Their labels, at least two different ones.
    asked : (Q, D) float
        Features of those asked for.
    seed : int
        Of the perceptron's weights and batches.
    """
    mean = known.mean(axis=0)
    scale = (known - mean).std() or 1.0
    precision = np.float32 if name == "MLP" else np.float64  # which halves a perceptron's time
    scaled, scaled_asked = (((values - mean) / scale).astype(precision) for values in (known, asked))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # the perceptron's steps are limited on purpose
        classifier = _classifier(name, len(known), seed).fit(scaled, labels)
    return np.asarray(classifier.predict(scaled_asked), dtype=np.int64)


def _classifier(name: str, n_known: int, seed: int) -> Classifier:
    made: dict[str, Classifier] = {
        "kNN": KNeighborsClassifier(min(N_NEIGHBOURS, n_known)),
        "logistic regression": LogisticRegression(max_iter=1000),
        "MLP": MLPClassifier(
            HIDDEN_LAYERS,
            batch_size=min(MLP_BATCH, n_known),
            max_iter=int(np.clip(MLP_STEPS * MLP_BATCH / n_known, 10, 100)),
            random_state=seed,
        ),
    }
    return made[name]
