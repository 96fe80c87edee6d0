"""A button with a menu of the sections that were opened last."""

from collections.abc import Callable, Sequence
from pathlib import Path

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QMenu, QPushButton, QWidget


class RecentButton(QPushButton):
    """Offers files and folders by their names.

    Signals
    -------
    chosen : str
        The path of the one that is to be opened.
    """

    chosen = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Recent", parent)
        self.setToolTip("Open one of the sections that were opened last.")
        self.list_paths: Callable[[], Sequence[Path]] = tuple
        """Gives what is offered, each time that the menu is opened."""
        self._menu = QMenu(self)
        self._menu.setToolTipsVisible(True)
        self._menu.aboutToShow.connect(self.fill)
        self.setMenu(self._menu)

    def fill(self) -> None:
        """Offer what there is now."""
        self._menu.clear()
        paths = self.list_paths()
        for path in paths:
            action = self._menu.addAction(path.name.replace("&", "&&"))
            action.setToolTip(str(path.parent))
            action.triggered.connect(lambda *_, chosen=str(path): self.chosen.emit(chosen))
        if not paths:
            self._menu.addAction("Nothing was opened yet").setEnabled(False)
