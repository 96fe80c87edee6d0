"""Connects the suggestion of a number of domains: found off the GUI thread, set in the form, shown in a window."""

from typing import TYPE_CHECKING

from qtpy.QtCore import QObject

from napari_stimg._widgets.domains_view import DomainsView
from napari_stimg._widgets.embedding_control import EmbeddingControl
from napari_stimg._widgets.file_writer import FileWriter
from napari_stimg._widgets.session import Session
from napari_stimg._widgets.workers import TaskRunner
from napari_stimg._widgets.workspace import Workspace
from napari_stimg.domain_number import Suggestion, suggest_number

if TYPE_CHECKING:
    from napari_stimg._widgets.suggestion_window import SuggestionWindow


class SuggestionControl(QObject):
    """Suggests how many domains to look for in the current section.

    Parameters
    ----------
    workspace : Workspace
        Whose current section is worked on.
    view : DomainsView
        The tab.
    embeddings : EmbeddingControl
        Computes the embedding that domains are made from.
    grouping : TaskRunner
        Runs what tries the numbers.
    writer : FileWriter
        Writes the figure.

    Attributes
    ----------
    window : SuggestionWindow or None
        The window, made when it is first needed; it closes when another section is chosen.
    """

    def __init__(
        self,
        workspace: Workspace,
        view: DomainsView,
        embeddings: EmbeddingControl,
        *,
        grouping: TaskRunner,
        writer: FileWriter,
    ) -> None:
        super().__init__(view)
        self._workspace, self._view = workspace, view
        self._embeddings, self._grouping, self._writer = embeddings, grouping, writer
        self.window: SuggestionWindow | None = None
        view.suggestion_requested.connect(self.suggest)
        workspace.current_changed.connect(self._close)

    def suggest(self) -> None:
        """Try numbers of domains, and set the form to the one that is suggested."""
        session, seed = self._workspace.session, self._view.cluster_parameters.seed
        if session is None:
            return
        self._embeddings.when_embedded(
            session,
            lambda embedding: self._grouping.start(
                "Trying numbers of domains",
                lambda: suggest_number(embedding.values, seed=seed),
                lambda suggestion: self._on_suggested(session, suggestion),
            ),
        )

    def _on_suggested(self, session: Session, suggestion: Suggestion) -> None:
        if self._workspace.session is not session:
            return
        self._view.choose_number(suggestion.n_domains)
        if self.window is None:
            from napari_stimg._widgets.suggestion_window import SuggestionWindow

            self.window = SuggestionWindow(self._view)
            self.window.write_requested.connect(self._writer.write)
        self.window.show_suggestion(suggestion)
        self.window.bring_to_front()

    def _close(self) -> None:
        if self.window is not None:
            self.window.close()
