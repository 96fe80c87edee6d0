"""What the genes of a section can be listed by, and what was computed for it. Knows neither Qt nor napari."""

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from napari_stimg.markers import Markers


class ListBy(StrEnum):
    """What genes are listed by."""

    VARIANCE = "variance"
    PATTERN = "pattern"
    MARKERS = "markers"


class Listing(NamedTuple):
    """One order of the genes: ``domain`` is the one whose markers come first, -1 if they are not listed by markers."""

    by: ListBy
    domain: int = -1


VARIANCE = Listing(ListBy.VARIANCE)
PATTERN = Listing(ListBy.PATTERN)


@dataclass(kw_only=True, eq=False)
class Listings:
    """What the genes of one section are listed by, and what that needs once it is computed.

    Parameters
    ----------
    chosen : Listing
        The order in which they are listed.
    pattern : (G,) float64 or None
        Moran's I of each gene.
    markers : Markers or None
        How the domains differ.
    marker_labels : (S,) int or None
        The domain of each spot that ``markers`` compared; they say nothing of other domains.
    """

    chosen: Listing = VARIANCE
    pattern: NDArray[np.float64] | None = None
    markers: "Markers | None" = None
    marker_labels: NDArray[np.intp] | None = None

    def note_markers(self, markers: "Markers", labels: NDArray[np.intp]) -> None:
        """Keep the markers of domains with these labels, (S,), in place of those of other domains."""
        self.markers, self.marker_labels = markers, labels

    def markers_of(self, labels: NDArray[np.intp]) -> "Markers | None":
        """Return the markers of domains with these labels, (S,), or None if they were not compared."""
        return self.markers if self.marker_labels is labels else None
