"""Connects the window that shows truth against reconstruction: it follows the gene that is shown."""

from typing import TYPE_CHECKING

from qtpy.QtCore import QObject

from napari_stimg._widgets.compare_view import CompareView
from napari_stimg._widgets.file_writer import FileWriter
from napari_stimg._widgets.workspace import Workspace

if TYPE_CHECKING:
    from napari_stimg._widgets.scatter_window import ScatterWindow

NO_GENE = "Choose a gene in the tab Genes, or in the table of scores."
NOT_RECONSTRUCTED = "{} was not reconstructed: reconstruct again, the gene shown is always among those asked for."


class ScatterControl(QObject):
    """Draws the gene shown, truth against reconstruction.

    Parameters
    ----------
    workspace : Workspace
        Whose current section is worked on.
    view : CompareView
        The buttons.
    writer : FileWriter
        Writes the figure.

    Attributes
    ----------
    window : ScatterWindow or None
        The window, made when it is first needed; it closes when another section is current.
    """

    def __init__(self, workspace: Workspace, view: CompareView, writer: FileWriter) -> None:
        super().__init__(view)
        self._workspace, self._view, self._writer = workspace, view, writer
        self.window: ScatterWindow | None = None
        view.scatter_requested.connect(self.open)
        workspace.gene_shown.connect(self._update)
        workspace.mask_changed.connect(self._update)
        workspace.current_changed.connect(self.close)

    def open(self) -> None:
        """Open the window on the gene that is shown."""
        if self._workspace.session is None or self._workspace.session.reconstruction is None:
            return
        if self.window is None:
            from napari_stimg._widgets.scatter_window import ScatterWindow

            self.window = ScatterWindow(self._view)
            self.window.write_requested.connect(self._writer.write)
        self.window.bring_to_front()
        self._update()

    def close(self) -> None:
        """Close the window, if it is open."""
        if self.window is not None:
            self.window.close()

    def _update(self) -> None:
        session = self._workspace.session
        if self.window is None or not self.window.isVisible() or session is None or session.reconstruction is None:
            return
        column = session.display.column
        if column is None:
            self.window.show_nothing(NO_GENE)
            return
        gene, expected = str(session.slide.gene_names[column]), session.expected(column)
        if expected is None:
            self.window.show_nothing(NOT_RECONSTRUCTED.format(gene))
            return
        truth = session.planes.expression(column)[session.reconstruction.spots]
        self.window.show_gene(gene, truth, expected, is_current=session.reconstruction_is_current)
