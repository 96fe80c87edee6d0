"""Connects *Copy as Python* and *Copy as command*: what was last done goes to the clipboard, ready to be run."""

from napari.utils.notifications import show_error, show_info
from qtpy.QtCore import QObject
from qtpy.QtWidgets import QApplication, QMessageBox

from napari_stimg._widgets.recipe_of import UnsavedError, last_made, recipe_of
from napari_stimg._widgets.save_view import SaveView
from napari_stimg._widgets.workspace import Workspace
from napari_stimg.errors import InputError

IN_WORDS = {"embedding": "the embedding", "domains": "the domains", "reconstruction": "the reconstruction"}


class CopyControl(QObject):
    """Copies what was last done on the current section.

    Parameters
    ----------
    workspace : Workspace
        Whose current section it is.
    view : SaveView
        The bar with the menu.
    """

    def __init__(self, workspace: Workspace, view: SaveView) -> None:
        super().__init__(view)
        self._workspace, self._view = workspace, view
        self._awaited: str | None = None
        view.copy_requested.connect(self.copy)
        workspace.current_changed.connect(self._on_current_changed)
        workspace.saved_changed.connect(self._on_saved_changed)

    def copy(self, form: str) -> None:
        """Put it on the clipboard, as ``"python"`` or ``"command"``; offer saving where that is needed first."""
        self._awaited = None
        try:
            text = self._text(form)
        except UnsavedError as error:
            if (
                QMessageBox.question(self._view, "Save first", f"{error} Save it now?")
                == QMessageBox.StandardButton.Yes
            ):
                self._awaited = form
                self._view.save_requested.emit()
        except InputError as error:
            show_error(str(error))
        else:
            self._put(text)

    def _text(self, form: str) -> str:
        """Return it as text.

        Raises
        ------
        InputError
            If it cannot be done again, or not yet.
        """
        from napari_stimg.recipes import as_command, as_python

        session, model = self._workspace.session, self._workspace.model
        if session is None:
            raise InputError("No section is open: open one first.")
        how = session.how.get(last_made(session) or "", {})
        if self._workspace.made_by_another(how):
            raise InputError(f"This was made by another model ({how['checkpoint']}): choose that one first, then copy.")
        if not model.is_file:
            raise InputError("The fine-tuned model is in memory only: save the model first, then copy.")
        recipe = recipe_of(session, model.path)
        return as_python(recipe) if form == "python" else as_command(recipe)

    def _put(self, text: str) -> None:
        QApplication.clipboard().setText(text)
        session = self._workspace.session
        made = None if session is None else last_made(session)
        show_info(f"Copied how {IN_WORDS[made or 'embedding']} came about.")

    def _on_saved_changed(self) -> None:
        self._show_offer()
        if self._awaited is not None:
            try:
                text = self._text(self._awaited)
            except InputError:
                return
            self._awaited = None
            self._put(text)

    def _on_current_changed(self) -> None:
        self._awaited = None
        self._show_offer()

    def _show_offer(self) -> None:
        session = self._workspace.session
        self._view.show_copies(session is not None and last_made(session) is not None)
