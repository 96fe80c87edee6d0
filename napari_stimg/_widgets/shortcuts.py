"""Keys for what one does all the time, and the list of them.

Alt with a letter, but for those of napari: its menus open with F, L, V, P, W and H, and C and S take screenshots.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from qtpy.QtCore import Qt
from qtpy.QtGui import QKeySequence, QShortcut
from qtpy.QtWidgets import QMessageBox, QWidget

from napari_stimg._widgets.forms import facts_table
from napari_stimg._widgets.tools_view import Tool

if TYPE_CHECKING:
    from napari_stimg._widgets.dock import StimgWidget

TOOL_KEYS = {Tool.PAN: "Alt+M", Tool.BRUSH: "Alt+B", Tool.ERASER: "Alt+E", Tool.RECTANGLE: "Alt+R", Tool.LASSO: "Alt+O"}

TOOLS_IN_WORDS = {
    Tool.PAN: "Move the canvas",
    Tool.BRUSH: "Brush: hide spots, or scribble in the Domains tab",
    Tool.ERASER: "Eraser",
    Tool.RECTANGLE: "Rectangle to hide",
    Tool.LASSO: "Lasso to hide",
}

CANVAS_KEYS = (("Ctrl+Z", "Undo the last stroke"), ("Ctrl+Shift+Z", "Redo it"), ("Space", "Move the canvas while held"))
"""Keys that the canvas has while a mask or scribbles are drawn."""


class Shortcut(NamedTuple):
    """A key, what it does in words, and the deed."""

    key: str
    does: str
    action: Callable[[], object]


def panel_shortcuts(panel: "StimgWidget") -> list[Shortcut]:
    """Return every shortcut of the panel: each presses a button that is there to be clicked as well."""
    hide_view, domains_view = panel.hide_view, panel.domains_view
    tabs = [panel.tabs.tabText(place) for place in range(panel.tabs.count())]
    return [
        *(
            Shortcut(f"Alt+{place + 1}", f"{name} tab", partial(panel.tabs.setCurrentIndex, place))
            for place, name in enumerate(tabs)
        ),
        Shortcut("Alt+G", "Search a gene", panel.search_gene),
        *(Shortcut(key, TOOLS_IN_WORDS[tool], partial(panel.use_tool, tool)) for tool, key in TOOL_KEYS.items()),
        Shortcut("Alt+Return", "Reconstruct what is hidden", hide_view.reconstruct.click),
        Shortcut("Alt+T", "Compare side by side, or go back", hide_view.side_by_side.click),
        Shortcut("Alt+D", "Find domains", domains_view.cluster_requested.emit),
        Shortcut("Alt+A", "Paint the section from the scribbles", domains_view.paint.click),
        Shortcut("Alt+N", "Show where to label next, or no longer", domains_view.certainty.next.click),
        Shortcut("Alt+U", "Undo the last change of the domains", domains_view.edits.undo.click),
        Shortcut("Alt+K", "Save as .h5ad", panel.save_view.save.click),
    ]


def bind(panel: QWidget, shortcuts: Sequence[Shortcut]) -> None:
    """Let the keys work in the whole window that the panel is docked in."""
    for shortcut in shortcuts:
        made = QShortcut(QKeySequence(shortcut.key), panel)
        made.setContext(Qt.ShortcutContext.WindowShortcut)
        made.activated.connect(shortcut.action)


def show_list(panel: QWidget, shortcuts: Sequence[Shortcut]) -> QMessageBox:
    """Show which keys there are, and return the window that lists them."""
    box = QMessageBox(panel)
    box.setWindowTitle("Keyboard shortcuts")
    box.setTextFormat(Qt.TextFormat.RichText)
    listed = [(shortcut.key, shortcut.does) for shortcut in shortcuts]
    native = [
        (QKeySequence(key).toString(QKeySequence.SequenceFormat.NativeText), does)
        for key, does in [*listed, *CANVAS_KEYS]
    ]
    box.setText(facts_table(native))
    box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    box.setModal(False)
    box.show()
    return box
