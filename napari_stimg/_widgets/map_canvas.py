"""Spots as dots in a plane, some of which are chosen with a lasso."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_qtagg import FigureCanvasQTAgg
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.path import Path
from matplotlib.widgets import LassoSelector
from numpy.typing import NDArray
from qtpy.QtCore import QEvent, Signal
from qtpy.QtGui import QPalette
from qtpy.QtWidgets import QSizePolicy, QVBoxLayout, QWidget

HEIGHT_PX = 240
"""Least height; it takes what the tab has."""

DOT_AREA = 12_000.0
"""Points squared that all dots have together: 40,000 stay dots, 200 can be hit."""

DOT_LIMITS = (1.0, 25.0)
FADED = 0.12
"""Opacity of the dots that are not chosen, while some are."""


class MapCanvas(QWidget):
    """Shows (S, 2) places as dots; a lasso around some of them chooses these.

    Signals
    -------
    lassoed : (S,) bool array
        These dots were surrounded.
    """

    lassoed = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.figure = Figure(layout="constrained")
        self.canvas = FigureCanvasQTAgg(self.figure)  # type: ignore[no-untyped-call]
        self.canvas.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Ignored)
        self.setMinimumHeight(HEIGHT_PX)
        layout = QVBoxLayout()
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.canvas)
        self.setLayout(layout)
        self.axes: Axes = self.figure.add_subplot()
        self._places = np.empty((0, 2), dtype=np.float32)
        self._colors = np.empty((0, 4), dtype=np.float32)
        self._chosen = np.empty(0, dtype=np.bool_)
        self._labels = ("", "")
        self._lasso: LassoSelector | None = None

    @property
    def dot_colors(self) -> NDArray[np.float32]:
        """(S, 4) RGBA of the dots as they are drawn, 0 to 1."""
        colors = self._colors.copy()
        if self._chosen.any():
            colors[~self._chosen, 3] *= FADED
        return colors

    def show_map(self, places: NDArray[np.float32], labels: tuple[str, str]) -> None:
        """Show (S, 2) places, with names for the two axes; the dots have no colour and none is chosen."""
        self._places, self._labels = places, labels
        ink = to_rgba(self.palette().color(QPalette.ColorRole.WindowText).name())
        self._colors = np.tile(np.array(ink, dtype=np.float32), (len(places), 1))
        self._chosen = np.zeros(len(places), dtype=np.bool_)
        self._draw()

    def show_colors(self, colors: NDArray[np.float32]) -> None:
        """Give the dots (S, 4) colours, RGBA, 0 to 1."""
        self._colors = colors
        self._draw()

    def show_chosen(self, chosen: NDArray[np.bool_]) -> None:
        """Let the chosen dots (S,) stand out; if there are none, all look the same."""
        self._chosen = chosen
        self._draw()

    def changeEvent(self, event: QEvent) -> None:  # noqa: N802 (Qt's name)
        """Follow the viewer's theme."""
        super().changeEvent(event)
        if event.type() in (QEvent.Type.PaletteChange, QEvent.Type.StyleChange):
            self._draw()

    def _draw(self) -> None:
        if self._lasso is not None:
            self._lasso.disconnect_events()
        self.figure.clear()
        self.axes = self.figure.add_subplot()
        area = float(np.clip(DOT_AREA / max(len(self._places), 1), *DOT_LIMITS))
        order = np.argsort(self._chosen, kind="stable")  # the chosen ones on top
        self.axes.scatter(
            self._places[order, 0],
            self._places[order, 1],
            s=area,
            c=self.dot_colors[order],
            linewidths=0,
            rasterized=True,
        )
        self.axes.set_xlabel(self._labels[0])
        self.axes.set_ylabel(self._labels[1])
        self.axes.set_xticks([])
        self.axes.set_yticks([])
        palette = self.palette()
        paper, ink = (palette.color(role).name() for role in (QPalette.ColorRole.Window, QPalette.ColorRole.WindowText))
        self.figure.set_facecolor(paper)
        self.axes.set_facecolor(paper)
        for text in (self.axes.xaxis.label, self.axes.yaxis.label):
            text.set_color(ink)
        for spine in self.axes.spines.values():
            spine.set_edgecolor(ink)
        self._lasso = LassoSelector(self.axes, self._on_lassoed, props={"color": ink, "linewidth": 1.5})
        self.canvas.draw_idle()  # type: ignore[no-untyped-call]

    def _on_lassoed(self, vertices: list[tuple[float, float]]) -> None:
        """Say which dots are inside; a click, which surrounds none, chooses none."""
        inside = np.zeros(len(self._places), dtype=np.bool_)
        if len(vertices) > 2:
            inside = Path(vertices).contains_points(self._places)
        self.lassoed.emit(inside)
