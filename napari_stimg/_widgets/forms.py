"""Pieces that all views are built from: buttons, swatches, titled groups, notes; one look for all of them."""

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from magicgui import magicgui
from magicgui.widgets import CheckBox, FunctionGui
from qtpy.QtCore import QSize, Qt
from qtpy.QtGui import QColor, QIcon, QPixmap
from qtpy.QtWidgets import QDoubleSpinBox, QHBoxLayout, QLabel, QLayout, QPushButton, QSizePolicy, QVBoxLayout, QWidget

Parameters = TypeVar("Parameters")

SPACING_PX = 6
SWATCH_PX = 16
GAMMA = "\N{GREEK SMALL LETTER GAMMA}"


def button(
    text: str, tooltip: str, on_click: Callable[[], object], *, checkable: bool = False, primary: bool = False
) -> QPushButton:
    """Return a button; the primary one of a view stands out."""
    made = QPushButton(text)
    made.setToolTip(tooltip)
    made.setCheckable(checkable)
    made.clicked.connect(lambda *_: on_click())
    if primary:
        made.setObjectName("stimg_primary")
        made.setStyleSheet(
            "#stimg_primary { background-color: #1f6feb; color: white; font-weight: 600; padding: 6px; }"
            "#stimg_primary:hover { background-color: #388bfd; }"
            "#stimg_primary:disabled { background-color: rgba(128, 128, 128, 70); color: #8a97a8; }"
        )
    return made


def note(text: str = "", *, muted: bool = True) -> QLabel:
    """Return a label that wraps; muted ones are for what explains rather than tells."""
    label = QLabel(text)
    label.setWordWrap(True)
    label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    label.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Minimum)
    if muted:
        label.setStyleSheet("color: #7a8494;")
    return label


def facts_table(facts: Iterable[tuple[str, str]]) -> str:
    """Return (what, value) pairs as rich text; a value is rich text itself, so what comes from files is escaped before.

    Parameters
    ----------
    facts : iterable of (str, str)
        What is said, and of what.
    """
    rows = "".join(
        f"<tr><td style='color:#7a8494; padding-right:12px'>{what}</td><td>{value}</td></tr>" for what, value in facts
    )
    return f"<table cellspacing='0' cellpadding='2'>{rows}</table>"


def title(text: str) -> QLabel:
    """Return the heading of a group."""
    label = QLabel(text)
    label.setStyleSheet("font-weight: 600; padding-top: 6px;")
    return label


def row(*widgets: QWidget, stretch: int | None = None) -> QHBoxLayout:
    """Return widgets side by side; the one at ``stretch`` takes what is left."""
    layout = QHBoxLayout()
    layout.setSpacing(SPACING_PX)
    for place, widget in enumerate(widgets):
        layout.addWidget(widget, 1 if stretch in (None, place) else 0)
    return layout


def column(*parts: QWidget | QLayout, margin_px: int = 8) -> QVBoxLayout:
    """Return widgets and layouts below each other."""
    layout = QVBoxLayout()
    layout.setSpacing(SPACING_PX)
    layout.setContentsMargins(margin_px, margin_px, margin_px, margin_px)
    for part in parts:
        if isinstance(part, QWidget):
            layout.addWidget(part)
        else:
            layout.addLayout(part)
    return layout


def gamma_box() -> QDoubleSpinBox:
    """Return a box for the gamma of a layer, in napari's own range."""
    box = QDoubleSpinBox()
    box.setRange(0.2, 2.0)
    box.setSingleStep(0.1)
    box.setValue(1.0)
    box.setPrefix(f"{GAMMA} ")
    box.setKeyboardTracking(False)
    box.setToolTip("Gamma, the exponent of the brightness: below 1 faint spots become brighter, above 1 darker")
    return box


def show_value(box: QDoubleSpinBox, value: float) -> None:
    """Show a value without saying that the user chose it."""
    box.blockSignals(True)
    box.setValue(value)
    box.blockSignals(False)


def parameter_form(
    parameters: Callable[..., Parameters], *, in_row: int = 1, **labels: str
) -> FunctionGui[..., Parameters]:
    """Return a form for a dataclass of parameters; calling it gives the dataclass.

    Bounds, defaults and tooltips are the dataclass's own; ``labels`` say what its fields are called on screen, of which
    ``in_row`` stand side by side.
    """
    options: Any = {name: {"label": label} for name, label in labels.items()}
    form: FunctionGui[..., Parameters] = magicgui(parameters, call_button=False, labels=in_row == 1, **options)
    layout = form.native.layout()
    layout.setContentsMargins(0, 0, 0, 0)
    if in_row > 1:
        fields = list(form)
        for start in range(0, len(fields), in_row):
            layout.addLayout(_fields_row(fields[start : start + in_row]))
    return form


def _fields_row(fields: Iterable[Any]) -> QHBoxLayout:
    """Return fields of a form side by side, each with its label."""
    layout = QHBoxLayout()
    layout.setSpacing(SPACING_PX)
    for field in fields:
        if not isinstance(field, CheckBox):  # which says itself what it is
            layout.addWidget(QLabel(field.label))
        layout.addWidget(field.native, 1)
    return layout


def swatch(color: str) -> QIcon:
    """Return a small square of a colour, ``#rrggbb``."""
    pixmap = QPixmap(QSize(SWATCH_PX, SWATCH_PX))
    pixmap.fill(QColor(color))
    return QIcon(pixmap)
