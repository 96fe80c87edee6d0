"""Connects the Section tab: opens sections, takes over those that were dropped on the canvas."""

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from napari.layers import Layer
from napari.utils.events import Event
from qtpy.QtCore import QObject
from qtpy.QtWidgets import QFileDialog, QMessageBox

from napari_stimg._reader import PARTS_KEY, SESSION_KEY, SLIDE_KEY
from napari_stimg._widgets.kept import DRAWN
from napari_stimg._widgets.layers import prepare_napari
from napari_stimg._widgets.recent import recent_paths, remember
from napari_stimg._widgets.section_view import SectionView
from napari_stimg._widgets.session import Session, open_file, open_sample, open_session
from napari_stimg._widgets.session_store import with_kept
from napari_stimg._widgets.status_card import status_card
from napari_stimg._widgets.tasks import match_genes
from napari_stimg._widgets.workers import Steps, TaskRunner
from napari_stimg._widgets.workspace import Workspace
from napari_stimg.slide import Slide
from napari_stimg.vocabulary import GeneMatch

FILE_FILTER = "Sections (*.h5ad *.h5 *.tsv *.tsv.gz);;All files (*)"


@dataclass(frozen=True, kw_only=True, eq=False)
class Request:
    """Something to open.

    Parameters
    ----------
    title : str
        What to say of it meanwhile.
    make_steps : callable
        Makes the generator that opens it.
    path, slide : Path or None, Slide or None
        The file, or the slide that was read already.
    unsaved : frozenset of str
        What of it is in no file yet.
    """

    title: str
    make_steps: Callable[[], Steps]
    path: Path | None = None
    slide: Slide | None = None
    unsaved: frozenset[str] = frozenset()


class SectionControl(QObject):
    """Opens what the Section tab asks for, one section after the other.

    Parameters
    ----------
    workspace : Workspace
        Where sections are opened.
    view : SectionView
        The tab.
    opening, matching : TaskRunner
        Run what opens sections, and what looks up their genes in the model's vocabulary.
    """

    def __init__(self, workspace: Workspace, view: SectionView, opening: TaskRunner, matching: TaskRunner) -> None:
        super().__init__(view)
        self._workspace, self._view = workspace, view
        self._opening, self._matching = opening, matching
        self._waiting: deque[Request] = deque()
        self._running: Request | None = None
        self._several: Path | None = None
        view.open_file_requested.connect(self._on_open_file)
        view.open_folder_requested.connect(self._on_open_folder)
        view.sample_requested.connect(self.open_sample)
        view.recent.list_paths = recent_paths
        view.recent.chosen.connect(lambda path: self.open_path(Path(path)))
        view.part_requested.connect(self._on_part)
        opening.failed.connect(self._on_failed)
        opening.ended.connect(self._open_next)
        workspace.current_changed.connect(self._on_current_changed)
        workspace.model_changed.connect(self._look_up)
        workspace.connections.connect(workspace.viewer.layers.events.inserted, self._on_layer_inserted)

    def open_path(self, path: Path, *, section: str | None = None) -> None:
        """Open a file or folder; of a file with several sections the one that is named."""
        self._view.show_parts(())
        self._enqueue(
            Request(
                title=f"Opening {path.name}",
                make_steps=lambda: with_kept(open_file(path, section=section)),
                path=path,
            )
        )

    def open_sample(self) -> None:
        """Open the generated sample."""
        self._enqueue(Request(title="Growing the sample", make_steps=open_sample))

    def open_slide(self, slide: Slide, *, unsaved: frozenset[str] = frozenset()) -> None:
        """Open a slide that was read already, with the layers of the viewer that show it.

        Parameters
        ----------
        slide : Slide
            The section.
        unsaved : frozenset of str
            What of it is in no file yet; of such a section, a crop, nothing is kept.
        """
        requests = [*self._waiting] if self._running is None else [*self._waiting, self._running]
        if all(request.slide is not slide for request in requests):
            self._enqueue(
                Request(
                    title=f"Opening {slide.name}",
                    make_steps=lambda: open_session(slide) if unsaved else with_kept(open_session(slide)),
                    slide=slide,
                    unsaved=unsaved,
                )
            )

    def take_over(self) -> None:
        """Go on with the sections that are in the viewer already: of an earlier panel, or dropped before this one."""
        layers = list(self._workspace.viewer.layers)
        for session in _distinct(layer.metadata.get(SESSION_KEY) for layer in layers):
            self._workspace.add(session, [layer for layer in layers if layer.metadata.get(SESSION_KEY) is session])
        for layer in layers:
            self._take_in(layer)

    def stop(self) -> None:
        """Open nothing more."""
        self._waiting.clear()
        self._opening.cancel()

    def close_current(self) -> None:
        """Close the current section; ask first if anything of it is unsaved."""
        session = self._workspace.session
        if session is None:
            return
        if session.unsaved:
            if (
                QMessageBox.question(self._view, "Unsaved changes", _closing_question(session))
                != QMessageBox.StandardButton.Yes
            ):
                return
        self._workspace.close(self._workspace.current_place)

    def _enqueue(self, request: Request) -> None:
        self._waiting.append(request)
        self._open_next()

    def _open_next(self) -> None:
        if self._opening.is_busy:
            return
        self._running = self._waiting.popleft() if self._waiting else None
        if self._running is not None:
            request = self._running
            self._several = request.path or self._several
            self._opening.start(
                request.title,
                lambda: _prepared(request.make_steps()),
                lambda session: self._on_opened(session, request),
            )

    def _on_opened(self, session: Session, request: Request) -> None:
        session.unsaved |= request.unsaved
        path = request.path if request.path is not None else session.slide.source
        if path is not None and not request.unsaved:
            remember(path)
        layers = [
            layer
            for layer in self._workspace.viewer.layers
            if layer.metadata.get(SLIDE_KEY) is session.slide and SESSION_KEY not in layer.metadata
        ]
        self._workspace.add(session, layers)

    def _on_failed(self, error: Exception) -> None:
        """Offer the sections of a file that holds several."""
        from napari_stimg.io import SeveralSectionsError

        if isinstance(error, SeveralSectionsError):
            self._view.show_parts(error.sections)

    def _on_layer_inserted(self, event: Event) -> None:
        """Take over a section that was dropped on the canvas or opened from napari's menu."""
        self._take_in(event.value)

    def _take_in(self, layer: Layer) -> None:
        """Open the section that a layer of the reader shows; offer the others, if it is one of several in a file."""
        if SLIDE_KEY not in layer.metadata or SESSION_KEY in layer.metadata:
            return
        self.open_slide(layer.metadata[SLIDE_KEY])
        if PARTS_KEY in layer.metadata:
            self._several, sections = layer.metadata[PARTS_KEY]
            self._view.show_parts(sections)

    def _on_open_file(self) -> None:
        chosen, _ = QFileDialog.getOpenFileName(self._view, "Open a section", filter=FILE_FILTER)
        if chosen:
            self.open_path(Path(chosen))

    def _on_open_folder(self) -> None:
        chosen = QFileDialog.getExistingDirectory(self._view, "Open a Space Ranger folder or a SpatialData .zarr")
        if chosen:
            self.open_path(Path(chosen))

    def _on_part(self, section: str) -> None:
        if self._several is not None:
            self.open_path(self._several, section=section)

    def _on_current_changed(self) -> None:
        if self._workspace.session is None:
            self._matching.cancel()
            self._view.show_nothing()
            return
        self._look_up()

    def _look_up(self) -> None:
        """Look up the current section's genes in the model's vocabulary, unless that has been done."""
        self._matching.cancel()
        session, model = self._workspace.session, self._workspace.model
        self._show_card()
        if session is not None and session.match is None:
            self._matching.start("Looking up genes", lambda: match_genes(session, model), self._on_matched)

    def _on_matched(self, found: tuple[GeneMatch, list[str]]) -> None:
        if self._workspace.session is not None:
            self._workspace.session.match, self._workspace.session.cautions = found
            self._show_card()

    def _show_card(self) -> None:
        session = self._workspace.session
        if session is not None:
            self._view.show_card(status_card(session), [*session.slide.notes, *session.cautions])


def _prepared(steps: Steps) -> Steps:
    """Do what napari needs for a layer, and then these steps."""
    prepare_napari()
    return (yield from steps)


def _distinct(things: Iterable[Any]) -> list[Any]:
    """Return the things that are not None, each once, by identity."""
    return list({id(thing): thing for thing in things if thing is not None}.values())


def _closing_question(session: Session) -> str:
    """Ask whether to close a section, and say what of it is lost then: what is drawn on a file is kept."""
    kept = DRAWN & session.unsaved if session.origin is not None else frozenset()
    lost = session.unsaved - kept
    said = f"{session.slide.name} has unsaved changes ({', '.join(sorted(session.unsaved))})."
    if not kept:
        return f"{said} Close it and lose them?"
    if not lost:
        return f"{said} Close it? They come back when it is opened again."
    return f"{said} Close it and lose {', '.join(sorted(lost))}? The rest comes back when it is opened again."
