"""What is on the canvas as a figure: the section's visible layers, with the keys to their colours.

What is seen is taken down at once, in the GUI thread; colouring and writing it may be done in another, later.
"""

from collections.abc import Generator, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from napari.layers import Image, Labels, Layer, Shapes
from napari.utils.colormaps import Colormap
from numpy.typing import NDArray
from scipy.ndimage import binary_erosion

from napari_stimg._reader import world_per_place
from napari_stimg._widgets.layers import CHANNELS, Role
from napari_stimg._widgets.pictures import SectionPictures
from napari_stimg._widgets.session import Session
from napari_stimg.errors import InputError
from napari_stimg.figure_files import save_figure
from napari_stimg.progress import Progress
from napari_stimg.section_figure import ColorBar, Panel, Picture, section_figure

N_COLORS = 256

COMPARED_IN = "log expression"
"""What is compared, whose gene the title names."""

Keys = dict[str, str]


class Placed(NamedTuple):
    """Where a layer lies: units of ``Slide.places`` in a pixel, place of pixel (0, 0); and its opacity, 0 to 1."""

    scale: float
    translate: tuple[float, float]
    opacity: float


class SeenImage(NamedTuple):
    """An image layer as it is seen at one moment."""

    name: str
    data: NDArray[Any]
    placed: Placed
    is_rgb: bool
    limits: tuple[float, float]
    gamma: float
    colormap: Colormap


class SeenLabels(NamedTuple):
    """A layer of numbers as it is seen at one moment; ``keys`` has a name and a colour (RGBA) for each number."""

    data: NDArray[np.integer]
    placed: Placed
    contour: int
    keys: Mapping[int, tuple[str, NDArray[np.floating]]]


@dataclass(frozen=True, kw_only=True, eq=False)
class SeenPanel:
    """Layers that lie over each other, from the bottom up, and what stands beside them.

    Parameters
    ----------
    title : str
        What stands above.
    layers : mapping of Role to SeenImage or SeenLabels
        The layers.
    bar_labels : mapping of Role to str
        What the colour bar of each image is called.
    outlines : mapping of str to (n, 2) array
        Named regions, their corners as places (row, col).
    """

    title: str
    layers: Mapping[Role, SeenImage | SeenLabels]
    bar_labels: Mapping[Role, str]
    outlines: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)

    def colored(self) -> Panel:
        """Return it with every pixel coloured."""
        drawn: list[Picture] = []
        bars: list[ColorBar] = []
        legend: Keys = {}
        channels = [seen for role, seen in self.layers.items() if role in CHANNELS and isinstance(seen, SeenImage)]
        for role, seen in self.layers.items():
            if isinstance(seen, SeenLabels):
                legend |= _legend(seen)
                image: NDArray[Any] = _colored_labels(seen)
            elif seen.is_rgb:
                image = seen.data
            elif role in CHANNELS:
                legend[seen.name.removesuffix(" (channel)")] = _hex(seen.colormap.map(np.ones(1))[0])
                if seen is not channels[-1]:
                    continue
                image = _added(channels)
            else:
                image = _colored(seen)
                bars.append(_bar(seen, self.bar_labels[role]))
            opacity = 1.0 if role in CHANNELS else seen.placed.opacity
            placed = seen.placed
            drawn.append(Picture(image=image, scale=placed.scale, translate=placed.translate, opacity=opacity))
        return Panel(title=self.title, pictures=drawn, bars=bars, legend=legend, outlines=self.outlines)


def write_canvas(pictures: SectionPictures, target: Path) -> Generator[Progress, None, None]:
    """Return what writes the canvas of a section as it is now, the whole of it, as PNG, SVG or PDF.

    Raises
    ------
    InputError
        At once if nothing is to be seen; as it writes, if the file cannot be written.
    """
    lattice = pictures.session.lattice
    um_per_place = None if lattice.pitch_um is None else lattice.pitch_um / lattice.pitch
    return _write(seen_panels(pictures), target, um_per_place)


def _write(panels: list[SeenPanel], target: Path, um_per_place: float | None) -> Generator[Progress, None, None]:
    total, colored = len(panels) + 2, []
    for done, panel in enumerate(panels):
        yield Progress(done=done, total=total, message=f"Colouring {panel.title}")
        colored.append(panel.colored())
    yield Progress(done=total - 2, total=total, message="Drawing the figure")
    figure = section_figure(colored, um_per_place=um_per_place)
    yield Progress(done=total - 1, total=total, message=f"Writing {target.name}")
    save_figure(figure, target)


def seen_panels(pictures: SectionPictures) -> list[SeenPanel]:
    """Return what is on the canvas: one panel, or one for each of the pictures that are compared.

    Raises
    ------
    InputError
        If nothing is to be seen.
    """
    session = pictures.session
    visible = {role: layer for role, layer in pictures.layers.present().items() if layer.visible and layer.opacity > 0}
    seen = {role: _seen(session, role, shown) for role, shown in visible.items() if isinstance(shown, Image | Labels)}
    if not seen:
        raise InputError(f"{session.slide.name}: expected something on the canvas, found nothing; show a gene first.")
    if pictures.is_comparing:
        return [
            SeenPanel(title=visible[role].name, layers={role: one}, bar_labels={role: COMPARED_IN})
            for role, one in seen.items()
        ]
    crops = session.crops if isinstance(visible.get(Role.CROP), Shapes) else ()
    return [
        SeenPanel(
            title=session.slide.name,
            layers=seen,
            bar_labels={role: visible[role].name.removesuffix(f" · {session.slide.name}") for role in seen},
            outlines={crop.name: crop.corners for crop in crops},
        )
    ]


def _seen(session: Session, role: Role, layer: Layer) -> SeenImage | SeenLabels:
    world = world_per_place(session.lattice)
    row, col = (float(place) / world for place in layer.translate[-2:])
    placed = Placed(float(layer.scale[-1]) / world, (row, col), float(layer.opacity))
    if isinstance(layer, Labels):
        numbers = np.array(layer.data)  # a copy: strokes are painted into it
        return SeenLabels(numbers, placed, int(layer.contour), _keys(session, role, layer, numbers))
    low, high = (0.0, 1.0) if layer.rgb else map(float, layer.contrast_limits)
    return SeenImage(layer.name, np.asarray(layer.data), placed, layer.rgb, (low, high), layer.gamma, layer.colormap)


def _keys(
    session: Session, role: Role, layer: Labels, numbers: NDArray[np.integer]
) -> dict[int, tuple[str, NDArray[np.floating]]]:
    """Return what each number of a layer is called, and its colour."""
    names, keys = _names(session, role), {}
    for number in np.flatnonzero(np.bincount(numbers.ravel())).tolist():
        if number > 0:
            name = names[number - 1] if number <= len(names) else layer.name
            keys[number] = (name, np.asarray(layer.colormap.map(number)).ravel())
    return keys


def _shares(seen: SeenImage) -> NDArray[np.floating]:
    """Return (h, w) where each value lies between the contrast limits, 0 to 1, with the layer's gamma; NaN stays."""
    low, high = seen.limits
    shares: NDArray[np.floating] = np.clip((seen.data - low) / (high - low), 0, 1) ** seen.gamma
    return shares


def _colored(seen: SeenImage) -> NDArray[np.floating]:
    """Return the (h, w, 4) colours of a layer, clear where it has no value."""
    shares = _shares(seen)
    clear = np.isnan(shares)
    colors = np.asarray(seen.colormap.map(np.where(clear, 0, shares).ravel())).reshape(*shares.shape, 4).copy()
    colors[clear] = 0
    return colors


def _added(channels: Iterable[SeenImage]) -> NDArray[np.floating]:
    """Return the (h, w, 4) sum of additive layers, clear where none has a value."""
    colored = [_colored(seen) * seen.placed.opacity for seen in channels]
    total = np.clip(np.sum(colored, axis=0), 0, 1)
    total[..., 3] = np.max([image[..., 3] > 0 for image in colored], axis=0)
    return total


def _bar(seen: SeenImage, label: str) -> ColorBar:
    colors = seen.colormap.map(np.linspace(0, 1, N_COLORS) ** seen.gamma)
    return ColorBar(label=label, limits=seen.limits, colors=np.asarray(colors))


def _colored_labels(seen: SeenLabels) -> NDArray[np.floating]:
    """Return the (h, w, 4) colours of a layer of numbers."""
    numbers = seen.data
    if seen.contour:
        numbers = np.where(binary_erosion(numbers > 0, iterations=seen.contour), 0, numbers)
    image = np.zeros((*numbers.shape, 4))
    for number, (_, color) in seen.keys.items():
        image[numbers == number] = color
    return image


def _legend(seen: SeenLabels) -> Keys:
    """Return the colour of each name of a layer of numbers."""
    legend: Keys = {}
    for number, (name, color) in seen.keys.items():
        legend[name if name not in legend else f"{name} ({number})"] = _hex(color)
    return legend


def _names(session: Session, role: Role) -> tuple[str, ...]:
    if role is Role.DOMAINS and session.domains is not None:
        return session.domains.names
    return tuple(session.classes) if role is Role.SCRIBBLES else ()


def _hex(color: NDArray[np.floating]) -> str:
    return "#" + "".join(f"{round(255 * float(part)):02x}" for part in color[:3])
