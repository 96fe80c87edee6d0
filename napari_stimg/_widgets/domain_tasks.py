"""What the panel does about domains off the GUI thread: found, painted, merged and split. Knows neither Qt nor napari.

As in ``tasks``, all that is needed is read when the task is asked for, and heavy modules are imported in the worker.
"""

from collections.abc import Generator, Mapping, Sequence
from dataclasses import asdict
from itertools import count
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_stimg._widgets.session import Domains, Embedded, Session, checksum
from napari_stimg.progress import Progress

if TYPE_CHECKING:
    from napari_stimg.domains import ClusterParameters, PaintParameters


def cluster(session: Session, embedding: Embedded, params: "ClusterParameters") -> Generator[Progress, None, Domains]:
    """Return domains found without labels."""
    from napari_stimg.domains import cluster as cluster_spots
    from napari_stimg.domains import domain_colors

    yield Progress(done=0, total=0, message=f"Finding {params.n_domains} domains")
    labels = cluster_spots(embedding.values, session.lattice.positions, params=params)
    n_found = int(labels.max()) + 1
    return Domains(
        labels=labels,
        names=tuple(f"Domain {number + 1}" for number in range(n_found)),
        colors=tuple(domain_colors(n_found)),
        how={"found": "without labels", **embedding.how, **asdict(params)},
    )


def paint(
    session: Session, embedding: Embedded, scribbles: NDArray[np.intp], params: "PaintParameters"
) -> Generator[Progress, None, Domains]:
    """Return domains of the whole section from scribbles, (S,) class or -1, of the classes that were scribbled with."""
    from napari_stimg.domains import paint as paint_spots

    yield Progress(done=0, total=0, message="Painting the section")
    painting = paint_spots(embedding.values, session.lattice.positions, scribbles, params=params)
    used = np.unique(scribbles[scribbles >= 0])
    return Domains(
        labels=np.searchsorted(used, painting.labels),
        names=tuple(session.classes[number] for number in used),
        colors=tuple(session.class_colors[number] for number in used),
        probabilities=painting.probabilities,
        how={
            "found": "from scribbles",
            "n_scribbled": int(np.count_nonzero(scribbles >= 0)),
            "scribbles_sha256": checksum(scribbles),
            **embedding.how,
            **asdict(params),
        },
    )


def merge(domains: Domains, merged: Sequence[int]) -> Domains:
    """Return domains with these made one, which is called as the largest of them."""
    from napari_stimg.domain_edits import merge_domains

    edit = merge_domains(domains.labels, merged, probabilities=domains.probabilities)
    largest = max(merged, key=lambda number: int(domains.sizes[number]))
    origins = [largest if number in merged else number for number in edit.origins]
    names = [domains.names[number] for number in merged]
    return Domains(
        labels=edit.labels,
        names=tuple(domains.names[number] for number in origins),
        colors=tuple(domains.colors[number] for number in origins),
        probabilities=edit.probabilities,
        how=_edited(domains.how, f"{', '.join(names)} merged as {domains.names[largest]}"),
    )


def split(
    session: Session, embedding: Embedded, domains: Domains, domain: int, params: "ClusterParameters"
) -> Generator[Progress, None, Domains]:
    """Return domains with one made two; the new one has a name and, where any is left, a colour of its own."""
    from napari_stimg.domain_edits import split_domain
    from napari_stimg.domains import PALETTE

    name = domains.names[domain]
    yield Progress(done=0, total=0, message=f"Splitting {name}")
    edit = split_domain(
        domains.labels,
        domain,
        embedding.values,
        session.lattice.positions,
        params=params,
        probabilities=domains.probabilities,
    )
    part = next(made for number in count(2) if (made := f"{name} ({number})") not in domains.names)
    unused = [color for color in PALETTE if color not in domains.colors] or PALETTE
    settings = f"{params.method}, {'smoothed' if params.refine else 'not smoothed'}, seed {params.seed}"
    made_by = f", {embedding.how['checkpoint']}" if "checkpoint" in embedding.how else ""
    return Domains(
        labels=edit.labels,
        names=(*domains.names, part),
        colors=(*domains.colors, unused[0]),
        probabilities=edit.probabilities,
        how=_edited(domains.how, f"{name} split into {name} and {part} ({settings}{made_by})"),
    )


def _edited(how: Mapping[str, Any], edit: str) -> dict[str, Any]:
    """Return the record of domains with one more change by hand."""
    return {**how, "edits": [*how.get("edits", ()), edit]}
