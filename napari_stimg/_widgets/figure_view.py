"""A matplotlib figure in the viewer's colours, that can be saved as a picture."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.backends.backend_qtagg import FigureCanvasQTAgg
from matplotlib.figure import Figure
from qtpy.QtCore import QEvent, Qt, Signal
from qtpy.QtGui import QColor, QPalette
from qtpy.QtWidgets import QVBoxLayout, QWidget

from napari_stimg._widgets.ask_target import ask_target
from napari_stimg._widgets.forms import button
from napari_stimg.figure_files import save_figure

FILTERS = "PNG (*.png);;SVG (*.svg);;PDF (*.pdf)"
MIN_HEIGHT_PX = 220


class FigureView(QWidget):
    """Shows what a function draws into matplotlib axes; *Save figure…* writes it on white, whatever the theme.

    Signals
    -------
    write_requested : Path, callable
        The figure is to be written there, by calling this with the path, in any thread; it raises `InputError`.
    """

    write_requested = Signal(object, object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.figure = Figure(layout="constrained")
        self.axes: Axes = self.figure.add_subplot()
        self.canvas = FigureCanvasQTAgg(self.figure)  # type: ignore[no-untyped-call]
        self.canvas.setMinimumHeight(MIN_HEIGHT_PX)
        self._draw: Callable[[Axes], object] | None = None
        self.save_button = button("Save figure…", "Save this figure as PNG, SVG or PDF.", self._ask_where)
        layout = QVBoxLayout()
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.canvas, 1)
        layout.addWidget(self.save_button, 0, Qt.AlignmentFlag.AlignRight)
        self.setLayout(layout)
        self.show_nothing()

    def show_drawing(self, draw: Callable[[Axes], object]) -> None:
        """Show what this draws; it is called again when the theme changes and when the figure is saved."""
        self._draw = draw
        self.save_button.setEnabled(True)
        self._redraw()

    def show_nothing(self) -> None:
        """Show no figure."""
        self._draw = None
        self.save_button.setEnabled(False)
        self._redraw()

    def save(self, path: Path) -> None:
        """Write the figure on white.

        Raises
        ------
        InputError
            If it cannot be written, or the path ends in none of .png, .svg and .pdf.
        """
        _write(path, self._draw, self._size_inches())

    def changeEvent(self, event: QEvent) -> None:  # noqa: N802 (Qt's name)
        """Follow the viewer's theme."""
        super().changeEvent(event)
        if event.type() in (QEvent.Type.PaletteChange, QEvent.Type.StyleChange):
            self._redraw()

    def _redraw(self) -> None:
        self.figure.clear()
        self.axes = self.figure.add_subplot()
        if self._draw is None:
            self.axes.set_axis_off()
        else:
            self._draw(self.axes)
        palette = self.palette()
        _tint(self.figure, palette.color(QPalette.ColorRole.Window), palette.color(QPalette.ColorRole.WindowText))
        self.canvas.draw_idle()  # type: ignore[no-untyped-call]

    def _ask_where(self) -> None:
        target = ask_target(self, "Save figure", "figure.png", FILTERS)
        if target is not None:
            self.write_requested.emit(target, partial(_write, draw=self._draw, inches=self._size_inches()))

    def _size_inches(self) -> tuple[float, float]:
        width, height = self.figure.get_size_inches()
        return float(width), float(height)


def _write(path: Path, draw: Callable[[Axes], object] | None, inches: tuple[float, float]) -> None:
    """Write on white what this draws."""
    figure = Figure(figsize=inches, layout="constrained")
    if draw is not None:
        draw(figure.add_subplot())
    save_figure(figure, path)


def _tint(figure: Figure, paper: QColor, ink: QColor) -> None:
    """Give the figure's paper and ink the viewer's colours."""
    figure.set_facecolor(paper.name())
    for axes in figure.axes:
        axes.set_facecolor(paper.name())
        axes.tick_params(colors=ink.name())
        for text in (axes.title, axes.xaxis.label, axes.yaxis.label):
            text.set_color(ink.name())
        for spine in axes.spines.values():
            spine.set_edgecolor(ink.name())
        legend = axes.get_legend()
        if legend is not None:
            legend.get_frame().set_facecolor(paper.name())
            for text in legend.get_texts():
                text.set_color(ink.name())
