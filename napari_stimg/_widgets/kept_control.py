"""Keeps what the user draws on each section as it changes, and shows what was restored of one that is opened."""

from collections.abc import Generator
from html import escape

from napari.layers import Image
from napari.utils.colormaps import AVAILABLE_COLORMAPS
from napari.utils.notifications import show_warning
from qtpy.QtCore import QObject, QTimer

from napari_stimg._widgets.crop_layer import show_crops
from napari_stimg._widgets.kept import Kept, Look, kept_of, nothing_kept, put_into
from napari_stimg._widgets.kept_view import KeptView
from napari_stimg._widgets.layers import CHANNELS, Role
from napari_stimg._widgets.pictures import SectionPictures, Stage
from napari_stimg._widgets.session import Session
from napari_stimg._widgets.session_store import KeptWriter
from napari_stimg._widgets.workers import TaskRunner
from napari_stimg._widgets.workspace import Workspace
from napari_stimg.progress import Progress

EVERY_MS = 500
"""How often one looks whether there is something new to keep: at most so much is lost if the process is killed.

Looking takes microseconds, and misses nothing, whatever it was that changed the section or its layers.
"""

LOOKED_AT = (Role.GENE, *CHANNELS)
STAGES = frozenset({Stage.GENE, Stage.CHANNELS, Stage.DOMAINS})
"""What can be looked at again without computing anything."""


class KeptControl(QObject):
    """Keeps the open sections, off the GUI thread.

    Parameters
    ----------
    workspace : Workspace
        Whose sections are kept.
    view : KeptView
        Says what was restored of the current one.
    """

    def __init__(self, workspace: Workspace, view: KeptView) -> None:
        super().__init__(view)
        self._workspace, self._view = workspace, view
        self._known: dict[Session, Kept] = {}
        self._writer = KeptWriter()
        self._has_warned = False
        self._writing = TaskRunner(self)
        self._timer = QTimer(self)
        self._timer.setInterval(EVERY_MS)
        self._timer.timeout.connect(self.look)
        view.afresh_requested.connect(self.start_afresh)
        view.back_requested.connect(self.bring_back)
        workspace.sections_changed.connect(self._on_sections_changed)
        workspace.current_changed.connect(self._say)
        self._timer.start()

    @property
    def is_busy(self) -> bool:
        """Whether something is still to be written."""
        return self._writer.has_work or self._writing.is_busy

    def look(self) -> None:
        """Write, off the GUI thread, what is new since one last looked."""
        self._look_at_all()
        self._write_next()

    def stop(self) -> None:
        """Write what is new at once, and look no more."""
        self._timer.stop()
        self._look_at_all()
        self._warn(self._writer.write())

    def start_afresh(self) -> None:
        """Put aside what is drawn and chosen on the current section."""
        pictures = self._workspace.pictures
        if pictures is not None:
            pictures.session.put_aside = _kept(pictures)
            self._show(pictures, nothing_kept(pictures.session))

    def bring_back(self) -> None:
        """Show what was put aside, in place of what is drawn now."""
        pictures = self._workspace.pictures
        kept = None if pictures is None else pictures.session.put_aside
        if pictures is not None and kept is not None:
            pictures.session.put_aside, pictures.session.restored_at = None, kept.kept_at
            self._show(pictures, kept)

    def _look_at_all(self) -> None:
        for pictures in self._workspace.opened:
            self._look_at(pictures.session, _stage(pictures), _looks(pictures))

    def _look_at(self, session: Session, stage: str, looks: dict[str, Look]) -> None:
        known, now = self._known.get(session), kept_of(session, stage=stage, looks=looks)
        if session.origin is not None and known is not None and not now.is_same_as(known):
            self._known[session] = now
            self._writer.offer(session.origin, now)

    def _write_next(self) -> None:
        if self._writer.has_work and not self._writing.is_busy:
            self._writing.start("Keeping what you drew", lambda: _steps(self._writer), self._on_written)

    def _on_written(self, problem: str) -> None:
        self._warn(problem)
        self._write_next()

    def _warn(self, problem: str) -> None:
        """Say once that nothing can be kept."""
        if problem and not self._has_warned:
            self._has_warned = True
            show_warning(problem)

    def _on_sections_changed(self) -> None:
        """Draw what was restored of a section that was opened; look for the last time at one that was closed."""
        opened = {pictures.session: pictures for pictures in self._workspace.opened}
        for session in [session for session in self._known if session not in opened]:
            last = self._known[session]
            self._look_at(session, last.stage, dict(last.looks))
            del self._known[session]
        for session, pictures in opened.items():
            if session not in self._known:
                if session.restored is not None:
                    _draw(pictures, session.restored)
                    session.restored = None
                self._known[session] = _kept(pictures)
        self._write_next()

    def _show(self, pictures: SectionPictures, kept: Kept) -> None:
        self._workspace.compare(False)
        put_into(pictures.session, kept)
        _draw(pictures, kept)
        self._workspace.current_changed.emit()
        self._workspace.stage_changed.emit()
        self._workspace.mask_changed.emit()

    def _say(self) -> None:
        session = self._workspace.session
        if session is None:
            self._view.say("")
        elif session.put_aside is not None:
            self._view.say("Started afresh; what was drawn before is put aside.", can_bring_back=True)
        elif session.restored_at is not None:
            when = f"{session.restored_at:%d %B %Y, %H:%M}".lstrip("0")
            self._view.say(f"Restored what you drew on {when}.", can_start_afresh=True)
        else:
            self._view.say(escape(session.restore_problem))


def _kept(pictures: SectionPictures) -> Kept:
    return kept_of(pictures.session, stage=_stage(pictures), looks=_looks(pictures))


def _stage(pictures: SectionPictures) -> str:
    return str(pictures.stage if pictures.stage in STAGES else Stage.GENE)


def _looks(pictures: SectionPictures) -> dict[str, Look]:
    looks = {}
    for role in LOOKED_AT:
        layer = pictures.layers.get(role)
        if isinstance(layer, Image):
            low, high = layer.contrast_limits
            looks[str(role)] = Look(
                limits=(float(low), float(high)), gamma=float(layer.gamma), colormap=str(layer.colormap.name)
            )
    return looks


def _draw(pictures: SectionPictures, kept: Kept) -> None:
    """Show what was put into a session."""
    if pictures.session.display.colormap not in AVAILABLE_COLORMAPS:
        pictures.session.display.colormap = "viridis"
    pictures.show_gene()
    pictures.show_channels()
    if kept.hidden.any() or Role.HIDDEN in pictures.layers:
        pictures.drawings.show_hidden()
    if kept.classes or Role.SCRIBBLES in pictures.layers:
        pictures.drawings.show_scribbles()
    pictures.show_domains()
    show_crops(pictures.layers)
    for role in LOOKED_AT:
        layer, look = pictures.layers.get(role), kept.looks.get(str(role))
        if isinstance(layer, Image):
            if role is Role.GENE:  # the channels' own are the display's
                layer.gamma = 1.0 if look is None else look.gamma
            if look is not None:
                layer.contrast_limits = look.limits
            if look is not None and look.colormap != layer.colormap.name and look.colormap in AVAILABLE_COLORMAPS:
                layer.colormap = look.colormap
    pictures.bring_up(Stage(kept.stage) if kept.stage in STAGES else Stage.GENE)


def _steps(writer: KeptWriter) -> Generator[Progress, None, str]:
    yield Progress(done=0, total=0, message="Keeping what you drew")
    return writer.write()
