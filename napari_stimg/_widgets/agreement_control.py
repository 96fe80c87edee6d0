"""Connects the comparison of domains with labels that the file has, shown in a window of its own."""

from typing import TYPE_CHECKING

from napari.utils.notifications import show_warning
from qtpy.QtCore import QObject

from napari_stimg._widgets.domains_view import DomainsView
from napari_stimg._widgets.file_writer import FileWriter
from napari_stimg._widgets.workspace import Workspace
from napari_stimg.confusion import confusion
from napari_stimg.errors import InputError
from napari_stimg.keys import DOMAIN

if TYPE_CHECKING:
    from napari_stimg._widgets.agreement_window import AgreementWindow


class AgreementControl(QObject):
    """Compares the current section's domains with the labels of a column.

    Parameters
    ----------
    workspace : Workspace
        Whose current section is worked on.
    view : DomainsView
        The tab.
    writer : FileWriter
        Writes the figure.

    Attributes
    ----------
    window : AgreementWindow or None
        The window, made when it is first needed; while it is open it follows the domains.
    """

    def __init__(self, workspace: Workspace, view: DomainsView, writer: FileWriter) -> None:
        super().__init__(view)
        self._workspace, self._view, self._writer = workspace, view, writer
        self.window: AgreementWindow | None = None
        view.agreement_requested.connect(self.open)
        workspace.domains_changed.connect(self._on_domains_changed)
        workspace.current_changed.connect(self._close)

    def open(self) -> None:
        """Show how the domains agree with a column of labels."""
        session = self._workspace.session
        if session is None or session.domains is None:
            return
        columns = [labels.key for labels in session.labels]
        if not columns:
            show_warning(f"{session.slide.name} has no column of labels to compare the domains with.")
            return
        if self.window is None:
            from napari_stimg._widgets.agreement_window import AgreementWindow

            self.window = AgreementWindow(self._view)
            self.window.column_requested.connect(self.compare)
            self.window.write_requested.connect(self._writer.write)
        self.compare(self.window.offer(sorted(columns, key=lambda key: key == DOMAIN)))
        self.window.bring_to_front()

    def compare(self, key: str) -> None:
        """Show how the domains agree with the labels in this column."""
        session = self._workspace.session
        if self.window is None or session is None or session.domains is None:
            return
        labels, domains = next(labels for labels in session.labels if labels.key == key), session.domains
        try:
            table = confusion(labels.codes, domains.labels, n_labels=len(labels.names), n_domains=len(domains.names))
        except InputError as error:
            self.window.show_nothing(str(error))
            return
        self.window.show_confusion(table, key=key, label_names=labels.names, domain_names=domains.names)

    def _on_domains_changed(self) -> None:
        session = self._workspace.session
        if self.window is None or not self.window.isVisible():
            return
        if session is None or session.domains is None:
            self.window.close()
        else:
            self.compare(self.window.columns.currentText())

    def _close(self) -> None:
        if self.window is not None:
            self.window.close()
