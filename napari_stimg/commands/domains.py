"""``stimg domains``: domains of a section, found without labels or painted from a few."""

from collections.abc import Generator, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from napari_stimg.agreement import Agreement, held_out_agreement
from napari_stimg.commands.job import Job, embed_opened, open_job, step, write_job
from napari_stimg.commands.text import table_of
from napari_stimg.domains import ClusterParameters, PaintParameters, cluster, domain_colors, paint
from napari_stimg.errors import InputError
from napari_stimg.labels import labels_of
from napari_stimg.progress import Progress
from napari_stimg.slide import Slide

Parameters = TypeVar("Parameters")


def cluster_parameters(**given: Any) -> ClusterParameters:
    """Return how domains are found without labels.

    Raises
    ------
    InputError
        If the method or another parameter is one of painting.
    """
    return _parameters(ClusterParameters, given, methods=("consensus", "gmm", "kmeans"), what="--n-domains")


def paint_parameters(**given: Any) -> PaintParameters:
    """Return how domains are painted from labels.

    Raises
    ------
    InputError
        If the method is one of finding without labels.
    """
    return _parameters(PaintParameters, given, methods=("blend", "knn", "logistic"), what="--labels-key")


def find_domains(job: Job, params: ClusterParameters) -> Generator[Progress, None, str]:
    """Yield progress, write the section with domains found from its embedding alone, and return a report.

    Labels that the file may hold are not looked at.

    Parameters
    ----------
    job : Job
        Section, target, model.
    params : ClusterParameters
        How many, and how; fewer are left where neighbours outvote all spots of one.

    Raises
    ------
    InputError
        If the section, checkpoint, target or number cannot be used.
    """
    opened = yield from open_job(job)
    embedding, results = yield from embed_opened(opened)
    yield step(f"Finding {params.n_domains} domains")
    domains = cluster(embedding, opened.lattice.positions, params=params)
    record = opened.made_by(
        {"n_domains": params.n_domains, "method": params.method, "refine": params.refine}, seed=params.seed
    )
    names = tuple(str(number + 1) for number in range(int(domains.max()) + 1))
    results = replace(
        results,
        domains=domains,
        domain_names=names,
        domain_colors=tuple(domain_colors(len(names))),
        provenance={**results.provenance, "domains": record},
    )
    yield from write_job(job, opened, results)
    return f"{_report(opened.slide, names, domains)}\n\nwritten to {job.target}"


def paint_domains(
    job: Job, labels_key: str, *, params: PaintParameters = PaintParameters(), seed: int = 0
) -> Generator[Progress, None, str]:
    """Yield progress, write the section with domains painted from labels that some spots have, and return a report.

    Parameters
    ----------
    job : Job
        Section, target, model.
    labels_key : str
        Column of ``obs`` that holds the labels, NaN where there is none.
    params : PaintParameters
        How.
    seed : int
        Of which labels are hidden together to test the painting, >= 0.

    Raises
    ------
    InputError
        If the section, labels, checkpoint or target cannot be used.
    """
    opened = yield from open_job(job)
    labels = labels_of(opened.slide, labels_key)
    embedding, results = yield from embed_opened(opened)
    yield step(f"Painting {len(labels.names)} domains")
    painting = paint(embedding, opened.lattice.positions, labels.codes, params=params)
    agreement = yield from held_out_agreement(embedding, opened.lattice, labels.codes, params=params, seed=seed)
    record = opened.made_by(
        asdict(params) | {"labels_key": labels_key, "n_labelled": labels.n_labelled},
        seed=seed,
        scores=asdict(agreement),
    )
    results = replace(
        results,
        domains=painting.labels,
        domain_names=labels.names,
        domain_colors=tuple(domain_colors(len(labels.names))),
        domain_probabilities=painting.probabilities,
        provenance={**results.provenance, "domains": record},
    )
    yield from write_job(job, opened, results)
    given = f"painted from {labels.n_labelled:,} labels in obs {labels_key}"
    report = _report(opened.slide, labels.names, painting.labels)
    return f"{report}\n\n{given}\n{_in_words(agreement)}\n\nwritten to {job.target}"


def _parameters(kind: type[Parameters], given: Mapping[str, Any], *, methods: Sequence[str], what: str) -> Parameters:
    method = given.get("method", methods[0])
    if method not in methods:
        either = f"{', '.join(methods[:-1])} or {methods[-1]}"
        raise InputError(f"expected --method {either} with {what}, found {method}; choose one of these methods.")
    if "n_neighbours" in given and method != "knn":
        raise InputError(
            f"expected --n-neighbours with --method knn only, found it with {method}; leave out --n-neighbours."
        )
    return kind(**given)


def _report(slide: Slide, names: Sequence[str], domains: NDArray[np.integer]) -> str:
    sizes = np.bincount(domains, minlength=len(names))
    rows = [[name, f"{size:,}", f"{100 * size / slide.n_spots:.1f} %"] for name, size in zip(names, sizes, strict=True)]
    return f"{slide.name}: {len(names)} domains\n\n{table_of(['domain', 'spots', 'share'], rows)}"


def _in_words(agreement: Agreement) -> str:
    if not agreement.n_spots:
        return "agreement: not tested, there are too few labels in too few places"
    return (
        f"agreement with labels hidden for a test (blocks of spots, {agreement.n_spots:,} spots): "
        f"accuracy {agreement.accuracy:.3f}, ARI {agreement.ari:.3f}"
    )
