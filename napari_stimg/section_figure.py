"""A figure of a section for a paper or a talk: true hexagons, colour bars or a legend, a scale bar, a title."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PANEL_INCHES = 5.0
"""Height of a section; its width follows."""

BAR_SHARE = 0.25
"""Most of a section's width that its scale bar takes."""

MOST_IN_COLUMN = 20
"""Entries of a legend below each other."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Picture:
    """An image of a section, and where it lies.

    Parameters
    ----------
    image : (h, w, 3 or 4) array
        Colours, uint8 or float in 0 to 1.
    scale : float
        Units of ``Slide.places`` in a pixel.
    translate : (row, col)
        Place of the centre of pixel (0, 0).
    opacity : float
        0 to 1.
    """

    image: NDArray[np.generic]
    scale: float
    translate: tuple[float, float]
    opacity: float = 1.0

    @property
    def extent(self) -> tuple[float, float, float, float]:
        """Left, right, bottom and top edge, as matplotlib takes them, in places."""
        height, width = self.image.shape[:2]
        top, left = (place - self.scale / 2 for place in self.translate)
        return (left, left + self.scale * width, top + self.scale * height, top)


@dataclass(frozen=True, kw_only=True, eq=False)
class ColorBar:
    """The key of values shown as colours.

    Parameters
    ----------
    label : str
        What the values are.
    limits : (low, high)
        Values of the first and the last colour.
    colors : (n, 4) float
        The colours between, n > 1, evenly spaced in value.
    """

    label: str
    limits: tuple[float, float]
    colors: NDArray[np.floating]


@dataclass(frozen=True, kw_only=True, eq=False)
class Panel:
    """One section as it is drawn.

    Parameters
    ----------
    title : str
        What stands above it.
    pictures : sequence of Picture
        From the bottom up.
    bars : sequence of ColorBar
        Colour bars.
    legend : mapping of str to str
        Colour, ``#rrggbb``, of each name.
    outlines : mapping of str to (n, 2) array
        Named regions, their corners as places (row, col).
    """

    title: str
    pictures: Sequence[Picture]
    bars: Sequence[ColorBar] = ()
    legend: Mapping[str, str] = field(default_factory=dict)
    outlines: Mapping[str, NDArray[np.floating]] = field(default_factory=dict)


def draw_section(axes: "Axes", panel: Panel, *, um_per_place: float | None = None) -> None:
    """Draw a section into matplotlib axes.

    Parameters
    ----------
    axes : Axes
        Where to draw.
    panel : Panel
        The section.
    um_per_place : float, optional
        Microns in one unit of ``Slide.places``; without it there is no scale bar.
    """
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import ListedColormap, Normalize
    from matplotlib.patches import Patch

    axes.set_title(panel.title)
    axes.set_axis_off()
    for picture in panel.pictures:
        axes.imshow(picture.image, extent=picture.extent, alpha=picture.opacity, interpolation="nearest")
    extents = np.array([picture.extent for picture in panel.pictures])
    axes.set_xlim(extents[:, 0].min(), extents[:, 1].max())
    axes.set_ylim(extents[:, 2].max(), extents[:, 3].min())
    axes.set_aspect("equal")
    for name, corners in panel.outlines.items():
        rows, cols = np.concatenate([corners, corners[:1]]).T
        axes.plot(cols, rows, color="black", linewidth=1.2)
        axes.annotate(name, (cols.min(), rows.min()), xytext=(0, 3), textcoords="offset points", fontsize=8)
    for bar in panel.bars:
        mappable = ScalarMappable(Normalize(*bar.limits), ListedColormap(bar.colors))
        axes.figure.colorbar(mappable, ax=axes, label=bar.label, shrink=0.6)
    if panel.legend:
        patches = [Patch(facecolor=color, label=name) for name, color in panel.legend.items()]
        columns = -(-len(patches) // MOST_IN_COLUMN)
        axes.legend(handles=patches, loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False, ncols=columns)
    if um_per_place is not None:
        _draw_scale_bar(axes, um_per_place)


def section_figure(panels: Sequence[Panel], *, um_per_place: float | None = None) -> "Figure":
    """Return a figure of panels side by side; see :func:`draw_section`."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(1.3 * PANEL_INCHES * len(panels), PANEL_INCHES), layout="constrained")
    for axes, panel in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels, strict=True):
        draw_section(axes, panel, um_per_place=um_per_place)
    return figure


def bar_um(width_um: float) -> float:
    """Return the length of a scale bar: 1, 2 or 5 times a power of ten, at most `BAR_SHARE` of a width in microns."""
    most = BAR_SHARE * width_um
    power = 10.0 ** np.floor(np.log10(most))
    return float(max(step * power for step in (1, 2, 5) if step * power <= most))


def _draw_scale_bar(axes: "Axes", um_per_place: float) -> None:
    (left, right), (bottom, top) = axes.get_xlim(), axes.get_ylim()
    length = bar_um((right - left) * um_per_place)
    below = bottom + 0.04 * (bottom - top)
    axes.plot([right - length / um_per_place, right], [below, below], color="black", linewidth=2.5, clip_on=False)
    text = f"{length / 1000:g} mm" if length >= 1000 else f"{length:g} µm"
    middle = (right - length / um_per_place / 2, below)
    axes.annotate(
        text,
        middle,
        xytext=(0, -4),
        textcoords="offset points",
        ha="center",
        va="top",
        fontsize=9,
        annotation_clip=False,
    )
