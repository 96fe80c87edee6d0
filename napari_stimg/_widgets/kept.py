"""What is kept of a section from one day to the next: what the user drew and chose. Knows neither Qt nor napari."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from napari_stimg._widgets.named_crops import NamedCrop
from napari_stimg._widgets.session import Display, Domains, Session

DRAWN = frozenset({"mask", "scribbles", "domains"})
"""Of what a session calls unsaved: what is kept."""


@dataclass(frozen=True, kw_only=True)
class Look:
    """How one layer shows its values.

    Parameters
    ----------
    limits : (low, high)
        Contrast limits, in the unit of the values.
    gamma : float
        Exponent of the scale, > 0.
    colormap : str
        What napari calls its colours.
    """

    limits: tuple[float, float]
    gamma: float
    colormap: str


@dataclass(frozen=True, kw_only=True, eq=False)
class Kept:
    """What the user drew and chose on one section.

    Parameters
    ----------
    hidden : (S,) bool
        The mask, True = hidden.
    scribbles : (S,) int
        Class of each spot, -1 = none.
    classes, class_colors : tuples of str
        Names and colours (``#rrggbb``) of the classes.
    domains : Domains or None
        Those that were found or painted.
    crops : tuple of NamedCrop
        Regions that were outlined.
    display : Display
        The gene shown, the channels, the colours; a copy.
    stage : str
        What is looked at.
    looks : mapping of str to Look
        Of the layers of these roles.
    unsaved : frozenset of str
        What of it is in no saved file.
    kept_at : datetime
        When it was so.
    """

    hidden: NDArray[np.bool_]
    scribbles: NDArray[np.intp]
    classes: tuple[str, ...] = ()
    class_colors: tuple[str, ...] = ()
    domains: Domains | None = None
    crops: tuple[NamedCrop, ...] = ()
    display: Display = field(default_factory=Display)
    stage: str = "gene"
    looks: Mapping[str, Look] = field(default_factory=dict)
    unsaved: frozenset[str] = frozenset()
    kept_at: datetime = field(default_factory=datetime.now)

    def is_same_as(self, other: "Kept") -> bool:
        """Say whether the other holds the same; quick, for a session never changes its arrays in place."""
        return (
            self.hidden is other.hidden
            and self.scribbles is other.scribbles
            and self.domains is other.domains
            and self.crops == other.crops
            and self._chosen == other._chosen
        )

    @property
    def _chosen(self) -> tuple[object, ...]:
        return (self.classes, self.class_colors, self.display, self.stage, dict(self.looks), self.unsaved)


def kept_of(session: Session, *, stage: str, looks: Mapping[str, Look]) -> Kept:
    """Return what there is to keep of a section as it is now."""
    return Kept(
        hidden=session.hidden,
        scribbles=session.scribbles,
        classes=tuple(session.classes),
        class_colors=tuple(session.class_colors),
        domains=session.domains,
        crops=session.crops,
        display=_copied(session.display),
        stage=stage,
        looks=dict(looks),
        unsaved=frozenset(session.unsaved) & DRAWN,
    )


def nothing_kept(session: Session) -> Kept:
    """Return what a section has when it is opened for the first time."""
    n_spots = session.slide.n_spots
    return Kept(hidden=np.zeros(n_spots, dtype=np.bool_), scribbles=np.full(n_spots, -1, dtype=np.intp))


def put_into(session: Session, kept: Kept) -> None:
    """Make this what is drawn and chosen on a section; mask and scribbles can be undone."""
    session.mask_history.change(kept.hidden)
    session.scribble_history.change(kept.scribbles)
    session.classes[:] = kept.classes
    session.class_colors[:] = kept.class_colors
    session.domains = kept.domains
    session.crops = kept.crops
    session.how.pop("domains", None)
    if kept.domains is not None:
        session.how["domains"] = kept.domains.how
    session.display = _copied(kept.display)
    session.unsaved -= DRAWN
    session.unsaved |= kept.unsaved


def _copied(display: Display) -> Display:
    return replace(display, channels=list(display.channels))
