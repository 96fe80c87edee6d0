"""Tools of the mouse: which one is in use, and how thick the brush is."""

from collections.abc import Mapping
from enum import StrEnum
from functools import partial

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QButtonGroup, QLabel, QSlider, QWidget

from napari_stimg._widgets.forms import button, row

BRUSH_SPOTS = (1, 20)
"""Thinnest and thickest brush, in spots across."""


class Tool(StrEnum):
    """What the mouse does on the canvas."""

    PAN = "pan"
    BRUSH = "brush"
    ERASER = "eraser"
    RECTANGLE = "rectangle"
    LASSO = "lasso"


class ToolRow(QWidget):
    """Buttons of which one is down: the tool in use.

    Signals
    -------
    tool_requested : str
        This `Tool` is to be used.
    """

    tool_requested = Signal(str)

    def __init__(self, tools: Mapping[Tool, tuple[str, str]], parent: QWidget | None = None) -> None:
        """Build a button for each tool from its (text, tooltip)."""
        super().__init__(parent)
        self._group = QButtonGroup(self)
        self.buttons = {
            tool: button(text, tooltip, partial(self.tool_requested.emit, str(tool)), checkable=True)
            for tool, (text, tooltip) in tools.items()
        }
        for made in self.buttons.values():
            self._group.addButton(made)
        self.show_tool(Tool.PAN)
        layout = row(*self.buttons.values())
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        self.setLayout(layout)

    def show_tool(self, tool: Tool) -> None:
        """Mark the tool that is in use."""
        self.buttons[tool].setChecked(True)


class BrushSlider(QWidget):
    """How thick brush and eraser are.

    Signals
    -------
    brush_requested : int
        Spots across.
    """

    brush_requested = Signal(int)

    def __init__(self, spots: int, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._slider = QSlider(Qt.Orientation.Horizontal)
        self._slider.setRange(*BRUSH_SPOTS)
        self._slider.setToolTip("Width of brush and eraser, in spots across")
        self._label = QLabel()
        self._label.setMinimumWidth(56)
        self._slider.valueChanged.connect(self._on_value_changed)
        self._slider.setValue(spots)
        layout = row(QLabel("Brush"), self._slider, self._label, stretch=1)
        layout.setContentsMargins(0, 0, 0, 0)
        self.setLayout(layout)

    @property
    def spots(self) -> int:
        """Width in spots across."""
        return self._slider.value()

    def _on_value_changed(self, spots: int) -> None:
        self._label.setText(f"{spots} spot{'s' if spots > 1 else ''}")
        self.brush_requested.emit(spots)
