"""The layers of an open section: the only place that adds or updates layers of the viewer."""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any

import numpy as np
from napari.components import ViewerModel
from napari.layers import Image, Labels, Layer, Shapes
from napari.utils.colormaps import Colormap, DirectLabelColormap
from numpy.typing import NDArray

from napari_stimg._reader import (
    GENE_ROLE,
    HISTOLOGY_ROLE,
    ROLE_KEY,
    SESSION_KEY,
    SLIDE_KEY,
    world_per_place,
    world_units,
)
from napari_stimg._widgets.session import Session
from napari_stimg.display import SpotRaster


class Role(StrEnum):
    """What a layer shows of its section, from the bottom up."""

    HISTOLOGY = HISTOLOGY_ROLE
    GENE = GENE_ROLE
    CHANNEL_1 = "channel 1"
    CHANNEL_2 = "channel 2"
    CHANNEL_3 = "channel 3"
    CHANNEL_4 = "channel 4"
    CHANNEL_5 = "channel 5"
    CHANNEL_6 = "channel 6"
    CHANNEL_7 = "channel 7"
    CHANNEL_8 = "channel 8"
    SEEN = "seen"
    TRUTH = "truth"
    RECONSTRUCTION = "reconstruction"
    DIFFERENCE = "difference"
    UNCERTAINTY = "uncertainty"
    SWIPE = "swipe"
    WHAT_IF = "what if"
    FILLED = "filled"
    EMBEDDING = "embedding"
    SIMILARITY = "similarity"
    DOMAINS = "domains"
    CERTAINTY = "certainty"
    SCRIBBLES = "scribbles"
    HIDDEN = "hidden"
    CHOSEN = "chosen"
    NEXT = "next"
    CHOOSING = "choosing"
    SHOWN = "shown"
    OUTLINE = "outline"
    CROP = "crop"


CHANNELS = tuple(role for role in Role if role.startswith("channel"))
COMPARED = (Role.SEEN, Role.TRUTH, Role.RECONSTRUCTION, Role.DIFFERENCE)


def prepare_napari() -> None:
    """Do what napari does with the first layers of their kinds, which takes a moment; in any thread.

    It loads its units, and, where numba is installed, compiles how whole numbers are coloured (a second or two).
    """
    Image(np.zeros((1, 1), dtype=np.float32), units=("micrometer", "micrometer"))
    Labels(np.zeros((1, 1), dtype=np.uint8), colormap=_direct({1: "#ffffff"}))


class SectionLayers:
    """The layers of one section in one viewer, each found by its role.

    Layers that the user deletes are forgotten, and made anew when they are next needed.

    Parameters
    ----------
    viewer : ViewerModel
        The viewer, or its model alone.
    session : Session
        The section; its raster says where pixels lie.
    """

    def __init__(self, viewer: ViewerModel, session: Session) -> None:
        self.viewer = viewer
        self.session = session
        self._layers: dict[Role, Layer] = {}
        self._world = world_per_place(session.lattice)
        self._units = (world_units(session.lattice),) * 2

    def __contains__(self, role: Role) -> bool:
        return self.get(role) is not None

    def get(self, role: Role) -> Layer | None:
        """Return the layer of this role, or None if there is none (any more)."""
        layer = self._layers.get(role)
        return layer if layer is not None and layer in self.viewer.layers else None

    def present(self) -> dict[Role, Layer]:
        """Return every layer of this section that is in the viewer."""
        return {role: layer for role in Role if (layer := self.get(role)) is not None}

    def adopt(self, layer: Layer) -> None:
        """Take over a layer that shows this section already (one that the reader made)."""
        self._own(Role(layer.metadata[ROLE_KEY]), layer)

    def image(
        self,
        role: Role,
        values: NDArray[np.float32],
        *,
        name: str,
        limits: tuple[float, float],
        colormap: str | Colormap | None = None,
        visible: bool = True,
        blending: str = "translucent",
        raster: SpotRaster | None = None,
    ) -> Image:
        """Show one value a spot, (S,), as true hexagons; NaN and empty cells are clear.

        Parameters
        ----------
        limits : (low, high)
            Contrast limits, in the unit of the values.
        colormap : str or Colormap, optional
            None leaves that of an existing layer as it is.
        visible, blending
            Of a layer that is made anew.
        raster : SpotRaster, optional
            The section's if None; another one has other spots and the same pixels.
        """
        picture = (raster or self.session.raster).paint(values)
        layer = self.get(role)
        if layer is None:
            options = {"colormap": colormap or "viridis", "blending": blending, "contrast_limits": limits}
            return self._add(role, Image(picture, name=name, visible=visible, **options, **self._placement()))
        layer.data = picture
        layer.name = name
        layer.contrast_limits_range = limits
        layer.contrast_limits = limits
        if colormap is not None:
            layer.colormap = colormap
        return layer

    def rgb(self, role: Role, image: NDArray[np.uint8], *, name: str, px_per_place: float) -> Image:
        """Show a picture whose pixel (0, 0) is at place (0, 0)."""
        layer = self.get(role)
        if layer is None:
            scale = (self._world / px_per_place,) * 2
            layer = self._add(role, Image(image, name=name, rgb=True, scale=scale, units=self._units))
        return layer

    def colors(self, role: Role, colors: NDArray[np.uint8], *, name: str) -> Image:
        """Show one colour a spot, (S, 3), as true hexagons; empty cells are clear."""
        picture = self.session.raster.paint_colors(colors)
        layer = self.get(role)
        if layer is None:
            return self._add(role, Image(picture, name=name, rgb=True, **self._placement()))
        layer.data = picture
        return layer

    def labels(
        self, role: Role, values: NDArray[Any], *, name: str, colors: Mapping[int, str], opacity: float
    ) -> Labels:
        """Show one whole number a spot, (S,) >= 0, each in its colour; 0 is clear."""
        picture = self.session.raster.paint_labels(values).astype(np.uint8)
        layer = self.get(role)
        if layer is None:
            layer = Labels(picture, name=name, opacity=opacity, colormap=_direct(colors), **self._placement())
            return self._add(role, layer)
        layer.data = picture
        layer.name = name
        self.recolor(role, colors)
        return layer

    def recolor(self, role: Role, colors: Mapping[int, str]) -> None:
        """Give the numbers of a labels layer other colours."""
        layer = self.get(role)
        if layer is not None and layer.metadata.get("stimg_colors") != dict(colors):
            layer.colormap = _direct(colors)
            layer.metadata["stimg_colors"] = dict(colors)

    def shapes(self, role: Role, *, name: str, color: str) -> Shapes:
        """Return the layer to draw outlines in; its data are places (row, col)."""
        layer = self.get(role)
        if layer is None:
            style = {"edge_color": color, "face_color": "transparent", "edge_width": 0.25 * self.session.lattice.pitch}
            options = {"name": name, "ndim": 2, "scale": (self._world,) * 2, "units": self._units}
            layer = self._add(role, Shapes(**style, **options))
        return layer

    def measure_in(self, unit: str) -> None:
        """Give the layers this unit of the world; they stay where they are."""
        for layer in self.present().values():
            layer.units = (unit, unit)

    def show_colorbar(self, role: Role) -> None:
        """Show the colour bar of a layer, if that is there."""
        layer = self.get(role)
        if layer is not None:
            layer.colorbar.visible = True

    def remove(self, role: Role) -> None:
        """Take a layer out of the viewer."""
        layer = self.get(role)
        self._layers.pop(role, None)
        if layer is not None:
            self.viewer.layers.remove(layer)

    def remove_all(self) -> None:
        """Take all layers of this section out of the viewer."""
        for role in list(self._layers):
            self.remove(role)

    def see(self, wanted: Mapping[Layer, bool]) -> None:
        """Make layers visible or not; those that are so already are left alone, for napari redraws at each change."""
        for layer, visible in wanted.items():
            if layer.visible != visible:
                layer.visible = visible

    def show_only(self, roles: Iterable[Role]) -> None:
        """Make these layers visible and the section's others invisible."""
        roles = set(roles)
        self.see({layer: role in roles for role, layer in self.present().items()})

    def set_visible(self, role: Role, visible: bool) -> None:
        """Show or hide a layer, if it is there."""
        layer = self.get(role)
        if layer is not None:
            self.see({layer: visible})

    def activate(self, role: Role, mode: str) -> None:
        """Make a layer the one that the mouse works on, in this mode (``paint``, ``add_rectangle`` ...)."""
        layer = self.get(role)
        if layer is not None:
            self.see({layer: True})
            self.viewer.layers.selection.active = layer
            layer.mode = mode

    def select(self, role: Role) -> None:
        """Mark a layer in the layer list, so that its controls are at hand."""
        layer = self.get(role)
        if layer is not None:
            self.viewer.layers.selection.active = layer

    def link(self, roles: Iterable[Role], attributes: Iterable[str]) -> None:
        """Let these layers share attributes: change one, and the others follow."""
        layers = [layer for role in roles if (layer := self.get(role)) is not None]
        if len(layers) > 1:
            self.viewer.layers.link_layers(layers, attributes)

    def _placement(self) -> dict[str, Any]:
        raster = self.session.raster
        return {
            "scale": (raster.scale * self._world,) * 2,
            "translate": tuple(raster.translate * self._world),
            "units": self._units,
        }

    def _add(self, role: Role, layer: Layer) -> Any:
        layer.metadata[SLIDE_KEY] = self.session.slide
        layer.metadata[ROLE_KEY] = str(role)
        self._own(role, layer)
        active = self.viewer.layers.selection.active
        self.viewer.layers.insert(self._place_of(role), layer)
        if active is not None:
            self.viewer.layers.selection.active = active
        return layer

    def _own(self, role: Role, layer: Layer) -> None:
        layer.metadata[SESSION_KEY] = self.session
        self._layers[role] = layer

    def _place_of(self, role: Role) -> int:
        """Return the index in the layer list above this section's lower roles and below its higher ones."""
        order = list(Role)
        places = {order.index(other): self.viewer.layers.index(layer) for other, layer in self.present().items()}
        lower = [place for rank, place in places.items() if rank < order.index(role)]
        higher = [place for rank, place in places.items() if rank > order.index(role)]
        if lower:
            return max(lower) + 1
        return min(higher, default=len(self.viewer.layers))


def _direct(colors: Mapping[int, str]) -> DirectLabelColormap:
    """Return the colormap that gives each number its colour, and none to 0 and numbers without one."""
    color_dict: dict[int | None, str] = {None: "transparent", 0: "transparent"}
    color_dict.update(colors.items())
    return DirectLabelColormap(color_dict=color_dict)
