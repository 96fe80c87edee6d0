"""A window of its own around a figure."""

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QDialog, QWidget

from napari_stimg._widgets.figure_view import FigureView


class FigureWindow(QDialog):
    """What windows with a figure share; each lays out its own parts.

    Parameters
    ----------
    title : str
        What it is called.
    size_px : (width, height)
        How large it opens.

    Attributes
    ----------
    figure : FigureView
        The figure.

    Signals
    -------
    write_requested : Path, callable
        A file is to be written there, by calling this with the path, in any thread; it raises `InputError`.
    """

    write_requested = Signal(object, object)

    def __init__(self, title: str, *, size_px: tuple[int, int], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(title)
        self.resize(*size_px)
        self.figure = FigureView()
        self.figure.write_requested.connect(self.write_requested)

    def bring_to_front(self) -> None:
        """Show the window in front of the others."""
        self.show()
        self.raise_()
