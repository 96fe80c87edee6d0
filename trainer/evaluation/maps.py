"""Sections as pictures: true places, true shapes of spots, colours that colour-blind people can tell apart."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize, to_rgba
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from sklearn.metrics import adjusted_rand_score

from napari_stimg.display import SpotRaster, spot_raster
from napari_stimg.domains import PALETTE
from napari_stimg.labels import Labels
from napari_stimg.lattice import Lattice
from napari_stimg.slide import Slide

PANEL_INCHES = 2.6
"""Side of one map."""

HIDDEN_GREY = "#d9d9d9"
UNLABELLED_GREY = "#e6e6e6"

EXPRESSION_COLORS = "viridis"
DIFFERENCE_COLORS = "PuOr_r"
"""Perceptually uniform, and diverging without red and green (both of matplotlib)."""

WINDOW_MARGIN = 8.0
"""Pitches that are shown around a hole."""

HIGHEST_PERCENTILE = 99.0
"""Of expression, where its colours end."""


@dataclass(frozen=True, kw_only=True, eq=False)
class GeneMaps:
    """One gene before, in and after a hole.

    Parameters
    ----------
    gene : str
        Its name.
    measured : (S,) float
        Log expression of all spots.
    reconstructed : (N,) float
        What was made of the hidden ones.
    """

    gene: str
    measured: NDArray[np.floating]
    reconstructed: NDArray[np.floating]


def domain_figure(slide: Slide, lattice: Lattice, labels: Labels, domains: Mapping[str, NDArray[np.int64]]) -> Figure:
    """Return a figure of expert labels beside (S,) domains by several methods, which take the colours they fit best."""
    raster = spot_raster(slide, lattice)
    maps = {"experts": labels.codes} | {
        f"{name}: {_index(found, labels.codes):.2f}": match(found, labels.codes) for name, found in domains.items()
    }
    n_cols = min(3, len(maps))
    n_rows = -(-len(maps) // n_cols)
    height, width = _extent(raster)
    figure = Figure(
        figsize=(PANEL_INCHES * n_cols + 1.6, (PANEL_INCHES * height / width + 0.3) * n_rows), layout="constrained"
    )
    axes = figure.subplots(n_rows, n_cols, squeeze=False).ravel()
    for ax in axes:
        ax.set_axis_off()
    for ax, (name, codes) in zip(axes, maps.items(), strict=False):
        colors = np.array([to_rgba(UNLABELLED_GREY if code < 0 else PALETTE[code % len(PALETTE)]) for code in codes])
        _show(ax, raster, colors)
        ax.set_title(name, fontsize=9)
    handles = [Patch(facecolor=PALETTE[code % len(PALETTE)], label=name) for code, name in enumerate(labels.names)]
    if (labels.codes < 0).any():
        handles.append(Patch(facecolor=UNLABELLED_GREY, label="no label"))
    figure.legend(handles=handles, loc="outside right center", fontsize=8, frameon=False)
    figure.suptitle(f"{slide.name}, with adjusted Rand indices", fontsize=10)
    return figure


def _index(found: NDArray[np.int64], truth: NDArray[np.int64]) -> float:
    """Return the adjusted Rand index at labelled spots."""
    return float(adjusted_rand_score(truth[truth >= 0], found[truth >= 0]))


def match(found: NDArray[np.int64], truth: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return (S,) domains renumbered so that as many spots as can be have the number of their label.

    One domain takes each label (Kuhn 1955, by the largest overlap); domains left over take numbers behind all labels.
    """
    n_labels, n_found = int(truth.max()) + 1, int(found.max()) + 1
    overlap = np.zeros((n_found, n_labels))
    np.add.at(overlap, (found[truth >= 0], truth[truth >= 0]), 1)
    rows, cols = linear_sum_assignment(-overlap)
    number = np.full(n_found, -1, dtype=np.int64)
    number[rows] = cols
    number[number < 0] = n_labels + np.arange((number < 0).sum())
    return number[found]


def gene_figure(slide: Slide, lattice: Lattice, mask: NDArray[np.bool_], genes: Sequence[GeneMaps]) -> Figure:
    """Return a figure of what the model saw, what was measured, what it made of it, and by how much that is off."""
    raster = spot_raster(slide, lattice)
    window = _window(raster, lattice, mask)
    height, width = (part.stop - part.start for part in window)
    aspect = height / width
    figure = Figure(
        figsize=(4 * PANEL_INCHES + 1.6, (PANEL_INCHES * aspect + 0.1) * len(genes) + 0.5), layout="constrained"
    )
    axes = figure.subplots(len(genes), 4, squeeze=False)
    for row, maps in zip(axes, genes, strict=True):
        _show_gene(figure, row, raster, window, mask, maps)
    titles = ("what the model saw", "measured", "reconstructed", "reconstructed - measured")
    for ax, title in zip(axes[0], titles, strict=True):
        ax.set_title(title, fontsize=9)
    figure.suptitle(f"{slide.name}: {int(mask.sum())} hidden spots, log expression", fontsize=10)
    return figure


def _show_gene(
    figure: Figure,
    axes: Sequence[Axes],
    raster: SpotRaster,
    window: tuple[slice, slice],
    mask: NDArray[np.bool_],
    maps: GeneMaps,
) -> None:
    shown = np.unique(raster.idmap[window])
    highest = float(np.percentile(maps.measured[shown[shown >= 0]], HIGHEST_PERCENTILE))
    scale = Normalize(0.0, max(highest, 1e-6))
    filled = maps.measured.astype(np.float64)
    filled[mask] = maps.reconstructed
    expression = colormaps[EXPRESSION_COLORS]
    seen = expression(scale(maps.measured))
    seen[mask] = to_rgba(HIDDEN_GREY)
    difference = filled - maps.measured
    reach = max(float(np.percentile(np.abs(difference[mask]), HIGHEST_PERCENTILE)), 1e-6)
    off_scale = Normalize(-reach, reach)
    off = colormaps[DIFFERENCE_COLORS](off_scale(difference))
    off[~mask] = to_rgba("white")
    images = (seen, expression(scale(maps.measured)), expression(scale(filled)), off)
    hole = raster.paint_labels(mask)[window]
    for ax, colors in zip(axes, images, strict=True):
        _show(ax, raster, colors, window)
        ax.contour(hole, levels=[0.5], colors="black", linewidths=0.8)
        ax.set_xticks([])
        ax.set_yticks([])
    axes[0].set_ylabel(maps.gene, fontsize=9, style="italic")
    for ax, norm, name in ((axes[2], scale, EXPRESSION_COLORS), (axes[3], off_scale, DIFFERENCE_COLORS)):
        mappable = _mappable(norm, name)
        figure.colorbar(mappable, ax=ax, shrink=0.8, pad=0.02).ax.tick_params(labelsize=7)


def _mappable(norm: Normalize, name: str) -> ScalarMappable:
    return ScalarMappable(norm=norm, cmap=colormaps[name])


def _show(
    ax: Axes,
    raster: SpotRaster,
    colors: NDArray[np.floating],
    window: tuple[slice, slice] = (slice(None), slice(None)),
) -> None:
    """Show (S, 4) colours of spots, clear off tissue and where the window's edge cuts a spot."""
    beyond = raster.idmap.copy()
    beyond[window] = -1
    whole = np.append(colors, np.zeros((1, 4)), axis=0)
    whole[np.unique(beyond)] = 0.0
    picture = whole[raster.idmap[window]]
    ax.imshow(picture, interpolation="auto", interpolation_stage="rgba")


def _extent(raster: SpotRaster) -> tuple[int, int]:
    """Return rows and columns of a picture."""
    return raster.idmap.shape[0], raster.idmap.shape[1]


def _window(raster: SpotRaster, lattice: Lattice, mask: NDArray[np.bool_]) -> tuple[slice, slice]:
    """Return the part of a picture around a hole."""
    margin = WINDOW_MARGIN * lattice.pitch
    low = (raster.centres[mask].min(axis=0) - margin - raster.translate) / raster.scale
    high = (raster.centres[mask].max(axis=0) + margin - raster.translate) / raster.scale
    first = np.maximum(np.floor(low), 0).astype(int)
    last = np.minimum(np.ceil(high), raster.idmap.shape).astype(int)
    return slice(int(first[0]), int(last[0])), slice(int(first[1]), int(last[1]))
