"""What the panel says of one spot. Knows neither Qt nor napari."""

from collections.abc import Sequence

import numpy as np

from napari_stimg._widgets.session import Session
from napari_stimg.labels import Labels

SEPARATOR = " · "


def values_text(session: Session, spot: int, columns: Sequence[int]) -> str:
    """Return what a spot is called, and its log expression of the genes of these columns.

    Of a gene that was reconstructed in this spot there follow what the model expects and its standard deviation.
    """
    values = [_value(session, spot, column) for column in columns]
    unit = [] if not values else [f"{', '.join(values)} (log expression)"]
    return SEPARATOR.join([str(session.slide.spot_names[spot]), *unit])


def belonging_text(session: Session, spot: int, labels: Sequence[Labels]) -> str:
    """Return a spot's domain, its labels in the file, its scribble, whether it is hidden, and its counts."""
    parts = [f"{one.key}: {one.names[one.codes[spot]]}" for one in labels if one.codes[spot] >= 0]
    if session.domains is not None:
        parts.insert(0, f"domain: {_domain(session, spot)}")
    if session.scribbles[spot] >= 0:
        parts.append(f"scribbled: {session.classes[session.scribbles[spot]]}")
    if session.hidden[spot]:
        parts.append("hidden")
    if not session.slide.logged:
        parts.append(f"{session.planes.library_size[spot]:,.0f} counts")
    return SEPARATOR.join(parts)


def _value(session: Session, spot: int, column: int) -> str:
    text = f"{session.slide.gene_names[column]} {session.planes.expression_at(column, spot):.2f}"
    expected, uncertainty = session.expected(column), session.uncertainty(column)
    if session.reconstruction is not None and expected is not None and uncertainty is not None:
        place = np.flatnonzero(session.reconstruction.spots == spot)
        if place.size:
            text += f", reconstructed {expected[place[0]]:.2f} ± {uncertainty[place[0]]:.2f}"
    return text


def _domain(session: Session, spot: int) -> str:
    domains = session.domains
    if domains is None or domains.labels[spot] < 0:
        return "none"
    name = domains.names[domains.labels[spot]]
    if domains.probabilities is None:
        return name
    return f"{name} ({domains.probabilities[spot, domains.labels[spot]]:.2f})"
