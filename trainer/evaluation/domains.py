"""Domains found without labels, compared with those of experts."""

from collections.abc import Generator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score

from napari_stimg.checkpoint import Checkpoint
from napari_stimg.domains import ClusterParameters, cluster, refine
from napari_stimg.labels import Labels
from napari_stimg.lattice import Lattice
from napari_stimg.progress import Progress
from napari_stimg.slide import Slide
from trainer.evaluation.features import Maker, clustered_features
from trainer.evaluation.keeping import keep_embedding
from trainer.evaluation.memory import Usage
from trainer.evaluation.parameters import EvaluateParameters

Row = dict[str, object]
"""One row of a table."""


@dataclass(frozen=True, kw_only=True, eq=False)
class DomainScores:
    """Domains of a section by several methods.

    Parameters
    ----------
    rows : list of dict
        One row a method.
    refined : dict of (S,) int
        Refined domains of the first seed, by method, for a picture.
    """

    rows: list[Row]
    refined: dict[str, NDArray[np.int64]]


def score_domains_of(
    slide: Slide,
    lattice: Lattice,
    checkpoint: Checkpoint,
    labels: Labels,
    *,
    params: EvaluateParameters,
    external: Mapping[str, NDArray[np.float64]] | None = None,
    keep: Path | None = None,
) -> Generator[Progress, None, DomainScores]:
    """Yield progress, and return the agreement of domains with labels: one row a method.

    Scores are of single mixtures; ``ari_vote`` is of refined votes of twelve (``ClusterParameters``), as in the viewer.
    As many domains are sought as there are labels. Unlabelled spots take part but are not scored.

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
        Seeds.
    external : mapping of (S, D) float, optional
        Embeddings made elsewhere, by method; their seconds and memory are not known.
    keep : Path, optional
        A folder for embeddings.
    """
    makers: dict[str, Maker] = dict(clustered_features(slide, lattice, checkpoint))
    for method, values in (external or {}).items():
        makers[method] = lambda values=values: values  # type: ignore[misc]
    found = DomainScores(rows=[], refined={})
    for done, (method, make) in enumerate(makers.items()):
        yield Progress(done=done, total=len(makers), message=f"{slide.name}: domains by {method}")
        with Usage() as usage:
            values = make()
            first = _cluster(values, lattice, len(labels.names), "gmm", seed=params.seed)
        seeds = range(params.seed, params.seed + params.n_seeds)
        more = [_cluster(values, lattice, len(labels.names), "gmm", seed=seed) for seed in seeds[1:]]
        votes = [_cluster(values, lattice, len(labels.names), "consensus", seed=seed) for seed in seeds]
        if external is None or method not in external:
            cost: Row = {"seconds": usage.seconds, "peak_mb": usage.peak_mb}
            if keep is not None:
                keep_embedding(keep, method, slide.name, values)
        else:
            cost = {"seconds": np.nan, "peak_mb": np.nan}
        scores = agreement(labels, [first, *more], lattice) | _of_votes(labels, votes, lattice)
        found.rows.append({"section": slide.name, "method": method} | scores | cost)
        found.refined[method] = refine(first, lattice.positions)
    return found


def agreement(labels: Labels, found: list[NDArray[np.int64]], lattice: Lattice) -> Row:
    """Return mean agreement, over seeds, of (S,) domains with labels, raw and refined, and its spread."""
    labelled = labels.codes >= 0
    scores: dict[str, list[float]] = {"ari": [], "nmi": [], "ari_refined": [], "nmi_refined": []}
    for domains in found:
        for suffix, shown in (("", domains), ("_refined", refine(domains, lattice.positions))):
            scores["ari" + suffix].append(adjusted_rand_score(labels.codes[labelled], shown[labelled]))
            scores["nmi" + suffix].append(normalized_mutual_info_score(labels.codes[labelled], shown[labelled]))
    row: Row = {score: float(np.mean(values)) for score, values in scores.items()}
    return row | {f"{score}_sd": float(np.std(scores[score])) for score in scores}


def _of_votes(labels: Labels, votes: list[NDArray[np.int64]], lattice: Lattice) -> Row:
    """Return the mean agreement of refined votes with labels, and its spread."""
    of_votes = agreement(labels, votes, lattice)
    return {"ari_vote": of_votes["ari_refined"], "ari_vote_sd": of_votes["ari_refined_sd"]}


def _cluster(
    values: NDArray[np.float64], lattice: Lattice, n_domains: int, method: Literal["gmm", "consensus"], *, seed: int
) -> NDArray[np.int64]:
    """Return (S,) domains, not refined."""
    params = ClusterParameters(n_domains=n_domains, method=method, refine=False, seed=seed)
    return cluster(values, lattice.positions, params=params)
