"""What the user draws on a section: the mask, scribbles and outlines, and the spots that they hit."""

from collections.abc import Mapping

import numpy as np
from napari.layers import Labels, Shapes
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from napari_stimg._widgets.layers import Role, SectionLayers
from napari_stimg._widgets.session import Session

HIDDEN_COLOR = "#ff2e93"
"""Of hidden spots: neither in viridis nor in any of the domains' colours."""

OUTLINE_COLOR = "#ffffff"

LINE_SPOTS = 0.2
"""Thickness of the line around chosen or hidden spots, in pitches."""

NEXT_COLOR = "#ffffff"

RING_SPOTS = 1.5
"""Radius of the ring around a spot to label next, in pitches: what lies next to it is inside."""

NEXT_LINE_SPOTS = 0.4
"""Thickness of that ring, in pitches."""


class Drawings:
    """Layers to draw in. A painted spot counts if more than half of it is painted, an outlined one by its centre.

    Parameters
    ----------
    layers : SectionLayers
        The layers of the section.
    """

    def __init__(self, layers: SectionLayers) -> None:
        self.layers = layers
        self._outlined_for: set[str] = set()

    @property
    def session(self) -> Session:
        """The section that is drawn on."""
        return self.layers.session

    def show_hidden(self) -> Labels:
        """Show the mask over the section, in whole spots; it can be painted."""
        is_new = Role.HIDDEN not in self.layers
        layer = self.layers.labels(
            Role.HIDDEN, self.session.hidden, name="Hidden spots", colors={1: HIDDEN_COLOR}, opacity=0.55
        )
        if is_new:
            self._contour_hidden()
        return layer

    def outline_hidden(self, wanted: bool, *, what: str) -> None:
        """Show the mask as an outline as long as one is to see what lies in it, for which there may be several reasons.

        Parameters
        ----------
        wanted : bool
            Whether this is to be seen there.
        what : str
            What it is.
        """
        (self._outlined_for.add if wanted else self._outlined_for.discard)(what)
        self._contour_hidden()

    def _contour_hidden(self) -> None:
        layer = self.layers.get(Role.HIDDEN)
        if layer is not None:
            layer.contour = self._line_px() if self._outlined_for else 0

    def _line_px(self) -> int:
        return max(1, round(LINE_SPOTS * self.session.lattice.pitch / self.session.raster.scale))

    def painted_hidden(self) -> NDArray[np.bool_]:
        """Return the (S,) spots hidden by what is painted in the mask's layer: more than half of each spot."""
        layer = self.layers.get(Role.HIDDEN)
        if layer is None:
            return self.session.hidden
        return self.session.raster.spots_in_mask(np.asarray(layer.data) > 0)

    def outline_layer(self) -> Shapes:
        """Return the layer in which a region to hide is drawn."""
        return self.layers.shapes(Role.OUTLINE, name="Draw what to hide", color=HIDDEN_COLOR)

    def choosing_layer(self) -> Shapes:
        """Return the layer in which a lasso is drawn around spots to choose."""
        return self.layers.shapes(Role.CHOOSING, name="Draw what to choose", color=OUTLINE_COLOR)

    def show_chosen(self) -> None:
        """Outline the chosen spots, or take the outline away if there are none."""
        chosen = self.session.chosen
        if chosen is None or not chosen.any():
            self.layers.remove(Role.CHOSEN)
            return
        layer = self.layers.labels(Role.CHOSEN, chosen, name="Chosen spots", colors={1: OUTLINE_COLOR}, opacity=1.0)
        layer.contour = self._line_px()
        self.layers.set_visible(Role.CHOSEN, True)

    def show_next(self, spots: NDArray[np.intp]) -> None:
        """Draw a ring around each of these spots, (N,), or take the rings away if there are none."""
        if not spots.size:
            self.layers.remove(Role.NEXT)
            return
        positions = self.session.lattice.positions
        distance, nearest = cKDTree(positions[spots]).query(positions)
        rings = np.where(distance <= RING_SPOTS, nearest + 1, 0)
        colors = dict.fromkeys(range(1, spots.size + 1), NEXT_COLOR)
        layer = self.layers.labels(Role.NEXT, rings, name="Label these next", colors=colors, opacity=1.0)
        layer.contour = max(1, round(NEXT_LINE_SPOTS * self.session.lattice.pitch / self.session.raster.scale))
        self.layers.set_visible(Role.NEXT, True)

    def clear_outlines(self, role: Role) -> None:
        """Take all outlines out of a layer; the tool stays in hand."""
        layer = self.layers.get(role)
        if layer is not None:
            layer.selected_data = set(range(len(layer.data)))
            layer.remove_selected()

    def brush_px(self, spots: int) -> int:
        """Return the pixels of a brush that is this many spots across."""
        return max(1, round(spots * self.session.lattice.pitch / self.session.raster.scale))

    def outlined(self, role: Role) -> NDArray[np.bool_]:
        """Return the (S,) spots whose centre lies in any outline of this layer."""
        layer = self.layers.get(role)
        inside = np.zeros(self.session.slide.n_spots, dtype=np.bool_)
        if layer is not None:
            for vertices in layer.data:
                inside |= self.session.raster.spots_in_polygon(np.asarray(vertices))
        return inside

    def show_scribbles(self) -> Labels:
        """Show the scribbles; they can be painted."""
        return self.layers.labels(
            Role.SCRIBBLES,
            self.session.scribbles + 1,
            name="Scribbles",
            colors=self._class_colors(),
            opacity=1.0,
        )

    def _class_colors(self) -> Mapping[int, str]:
        return {number: color for number, color in enumerate(self.session.class_colors, start=1)}

    def painted_scribbles(self) -> NDArray[np.intp]:
        """Return the (S,) class of each scribbled spot, -1 = none: more than half of a spot has to be painted."""
        layer = self.layers.get(Role.SCRIBBLES)
        labels = np.full(self.session.slide.n_spots, -1, dtype=np.intp)
        if layer is not None:
            painted = np.asarray(layer.data)
            for number in np.unique(painted[painted > 0]):
                labels[self.session.raster.spots_in_mask(painted == number)] = number - 1
        return labels
