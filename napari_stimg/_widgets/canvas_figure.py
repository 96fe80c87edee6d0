"""What is on the canvas as a figure: the section's visible layers, with the keys to their colours."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
from napari.layers import Image, Labels, Layer, Shapes
from numpy.typing import NDArray
from scipy.ndimage import binary_erosion

from napari_stimg._reader import world_per_place
from napari_stimg._widgets.layers import CHANNELS, Role
from napari_stimg._widgets.pictures import SectionPictures
from napari_stimg._widgets.session import Session
from napari_stimg.errors import InputError
from napari_stimg.figure_files import save_figure
from napari_stimg.section_figure import ColorBar, Panel, Picture, section_figure

N_COLORS = 256

COMPARED_IN = "log expression"
"""What is compared, whose gene the title names."""

Keys = dict[str, str]


def save_canvas(pictures: SectionPictures, target: Path) -> None:
    """Write what is on the canvas of a section, the whole of it, as PNG, SVG or PDF.

    Raises
    ------
    InputError
        If nothing is to be seen, or the file cannot be written.
    """
    lattice = pictures.session.lattice
    um_per_place = None if lattice.pitch_um is None else lattice.pitch_um / lattice.pitch
    save_figure(section_figure(canvas_panels(pictures), um_per_place=um_per_place), target)


def canvas_panels(pictures: SectionPictures) -> list[Panel]:
    """Return what is on the canvas: one panel, or one for each of the pictures that are compared.

    Raises
    ------
    InputError
        If nothing is to be seen.
    """
    session = pictures.session
    seen = {role: layer for role, layer in pictures.layers.present().items() if layer.visible and layer.opacity > 0}
    shown = {role: layer for role, layer in seen.items() if isinstance(layer, Image | Labels)}
    if not shown:
        raise InputError(f"{session.slide.name}: expected something on the canvas, found nothing; show a gene first.")
    if pictures.is_comparing:
        return [_panel(session, {role: layer}, title=layer.name) for role, layer in shown.items()]
    crops = session.crops if isinstance(seen.get(Role.CROP), Shapes) else ()
    return [_panel(session, shown, outlines={crop.name: crop.corners for crop in crops})]


def _panel(
    session: Session,
    layers: dict[Role, Layer],
    *,
    title: str | None = None,
    outlines: dict[str, NDArray[np.float64]] | None = None,
) -> Panel:
    drawn: list[Picture] = []
    bars: list[ColorBar] = []
    legend: Keys = {}
    channels = [layer for role, layer in layers.items() if role in CHANNELS]
    for role, layer in layers.items():
        if isinstance(layer, Labels):
            image, keys = _labels(session, role, layer)
            legend |= keys
        elif layer.rgb:
            image = np.asarray(layer.data)
        elif role in CHANNELS:
            legend[layer.name.removesuffix(" (channel)")] = _hex(layer.colormap.map(np.ones(1))[0])
            if layer is not channels[-1]:
                continue
            image = _added(channels)
        else:
            image = _colored(layer)
            label = layer.name.removesuffix(f" · {session.slide.name}") if title is None else COMPARED_IN
            bars.append(_bar(layer, label))
        drawn.append(_placed(session, layer, image))
    return Panel(
        title=session.slide.name if title is None else title,
        pictures=drawn,
        bars=bars,
        legend=legend,
        outlines=outlines or {},
    )


def _placed(session: Session, layer: Layer, image: NDArray[np.generic]) -> Picture:
    world = world_per_place(session.lattice)
    row, col = (float(place) / world for place in layer.translate[-2:])
    opacity = 1.0 if layer.blending == "additive" else float(layer.opacity)
    return Picture(image=image, scale=float(layer.scale[-1]) / world, translate=(row, col), opacity=opacity)


def _shares(layer: Image) -> NDArray[np.floating]:
    """Return (h, w) where each value lies between the contrast limits, 0 to 1, with the layer's gamma; NaN stays."""
    low, high = layer.contrast_limits
    shares: NDArray[np.floating] = np.clip((np.asarray(layer.data) - low) / (high - low), 0, 1) ** layer.gamma
    return shares


def _colored(layer: Image) -> NDArray[np.floating]:
    """Return the (h, w, 4) colours of a layer, clear where it has no value."""
    shares = _shares(layer)
    clear = np.isnan(shares)
    colors = np.asarray(layer.colormap.map(np.where(clear, 0, shares).ravel())).reshape(*shares.shape, 4).copy()
    colors[clear] = 0
    return colors


def _added(layers: Iterable[Image]) -> NDArray[np.floating]:
    """Return the (h, w, 4) sum of additive layers, clear where none has a value."""
    colored = [_colored(layer) * layer.opacity for layer in layers]
    total = np.clip(np.sum(colored, axis=0), 0, 1)
    total[..., 3] = np.max([image[..., 3] > 0 for image in colored], axis=0)
    return total


def _bar(layer: Image, label: str) -> ColorBar:
    low, high = map(float, layer.contrast_limits)
    colors = layer.colormap.map(np.linspace(0, 1, N_COLORS) ** layer.gamma)
    return ColorBar(label=label, limits=(low, high), colors=np.asarray(colors))


def _labels(session: Session, role: Role, layer: Labels) -> tuple[NDArray[np.floating], Keys]:
    """Return the (h, w, 4) colours of a layer, and the colour of each name that is in it."""
    numbers = np.asarray(layer.data)
    if layer.contour:
        numbers = np.where(binary_erosion(numbers > 0, iterations=int(layer.contour)), 0, numbers)
    image, keys = np.zeros((*numbers.shape, 4)), {}
    names = _names(session, role)
    for number in np.unique(numbers[numbers > 0]).tolist():
        color = np.asarray(layer.colormap.map(number)).ravel()
        image[numbers == number] = color
        name = names[number - 1] if number <= len(names) else layer.name
        keys[name if name not in keys else f"{name} ({number})"] = _hex(color)
    return image, keys


def _names(session: Session, role: Role) -> tuple[str, ...]:
    if role is Role.DOMAINS and session.domains is not None:
        return session.domains.names
    return tuple(session.classes) if role is Role.SCRIBBLES else ()


def _hex(color: NDArray[np.floating]) -> str:
    return "#" + "".join(f"{round(255 * float(part)):02x}" for part in color[:3])
