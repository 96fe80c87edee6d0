"""Labels learned on some sections of a study and tested on another, of the same donor or of another donor."""

from collections.abc import Generator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_stimg.checkpoint import Checkpoint
from napari_stimg.lattice import Lattice, find_lattice
from napari_stimg.neighbours import smooth
from napari_stimg.progress import Progress
from napari_stimg.slide import Slide
from trainer.evaluation.classifiers import CLASSIFIERS, classify
from trainer.evaluation.expert_labels import expert_labels
from trainer.evaluation.features import (
    MODEL,
    PLACES,
    SMOOTHING_SIGMA,
    Values,
    joint_components,
    model_embedding,
    shared_names,
)
from trainer.evaluation.groups import donor_of, study_of
from trainer.evaluation.parameters import EvaluateParameters
from trainer.evaluation.probes import compare_raw_and_refined

SECTIONS = "across sections"
DONORS = "across donors"

Row = dict[str, object]
"""One row of a table."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Lesson:
    """What is learned where, and tested where.

    Parameters
    ----------
    protocol : str
        ``SECTIONS`` or ``DONORS``.
    known : list of Slide
        Labelled sections that are learned from.
    asked : Slide
        The labelled section that is tested.
    """

    protocol: str
    known: list[Slide]
    asked: Slide


def lesson_plan(asked: Slide, others: Sequence[Slide]) -> list[Lesson]:
    """Return what can be learned for a section from others: from those of its donor, and from those of other donors.

    Parameters
    ----------
    asked : Slide
        The section that is tested.
    others : sequence of Slide
        Sections that may be learned from; the tested one, unlabelled ones and those of other studies are passed over.
    """
    if expert_labels(asked) is None:
        return []
    study = [
        slide
        for slide in others
        if slide.name != asked.name and study_of(slide.name) == study_of(asked.name) and expert_labels(slide)
    ]
    same = [slide for slide in study if donor_of(slide.name) == donor_of(asked.name)]
    different = [slide for slide in study if donor_of(slide.name) != donor_of(asked.name)]
    plan = [Lesson(protocol=SECTIONS, known=same, asked=asked), Lesson(protocol=DONORS, known=different, asked=asked)]
    return [lesson for lesson in plan if lesson.known and shared_names([asked, *lesson.known])]


def score_lesson(
    lesson: Lesson, checkpoint: Checkpoint, *, params: EvaluateParameters
) -> Generator[Progress, None, list[Row]]:
    """Yield progress, and return one row for each kind of features and classifier.

    Labels that none of the known sections has are not tested.
    """
    slides = [*lesson.known, lesson.asked]
    names = [labels_by_name(slide) for slide in slides]
    known = np.concatenate(names[:-1])
    told = known != ""
    classes = np.unique(known[told])
    tested = np.isin(names[-1], classes)
    if classes.size < 2 or not tested.any():
        return []
    truth = np.searchsorted(classes, np.where(tested, names[-1], classes[0]))
    lattices = [find_lattice(slide) for slide in slides]
    what: Row = {"section": lesson.asked.name, "protocol": lesson.protocol}
    from_sections: Row = {"fitted_on": ", ".join(slide.name for slide in lesson.known), "n_repeats": 1}
    rows: list[Row] = []
    features = joint_features(slides, lattices, checkpoint)
    for done, (name, values) in enumerate(features.items()):
        yield Progress(done=done, total=len(features), message=f"{lesson.asked.name}: {lesson.protocol} by {name}")
        learned_from = np.concatenate(values[:-1])[told]
        codes = np.searchsorted(classes, known[told])
        for classifier in CLASSIFIERS:
            predicted = classify(classifier, learned_from, codes, values[-1], seed=params.seed)
            scores = compare_raw_and_refined(truth, predicted, lattices[-1].positions, tested)
            rows.append(what | {"features": name, "classifier": classifier} | scores | from_sections)
    return rows


def joint_features(slides: list[Slide], lattices: list[Lattice], checkpoint: Checkpoint) -> dict[str, list[Values]]:
    """Return (S, D) features of each section that mean the same on all, by the name of the method."""
    centred = joint_components(slides, 50, centred=True)
    return {
        "PCA": joint_components(slides, 50, centred=False),
        "PCA smoothed, section-centred": [
            smooth(values, lattice.positions, sigma=SMOOTHING_SIGMA).astype(np.float64)
            for values, lattice in zip(centred, lattices, strict=True)
        ],
        PLACES: [lattice.positions.astype(np.float64) for lattice in lattices],
        MODEL: [model_embedding(slide, checkpoint) for slide in slides],
    }


def labels_by_name(slide: Slide) -> NDArray[np.str_]:
    """Return the (S,) names of a slide's expert labels, empty where there is none."""
    labels = expert_labels(slide)
    if labels is None:
        return np.full(slide.n_spots, "")
    return np.array([*labels.names, ""])[labels.codes]
