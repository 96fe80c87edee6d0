"""Connects the Genes tab: which gene is shown, how, and which are shown together."""

from dataclasses import replace

from qtpy.QtCore import QObject

from napari_stimg._widgets.genes_view import GenesView
from napari_stimg._widgets.pictures import Stage
from napari_stimg._widgets.session import MAX_CHANNELS, Channel
from napari_stimg._widgets.workspace import Workspace


class GenesControl(QObject):
    """Shows the genes that the Genes tab asks for.

    Parameters
    ----------
    workspace : Workspace
        Whose current section is shown.
    view : GenesView
        The tab.
    """

    def __init__(self, workspace: Workspace, view: GenesView) -> None:
        super().__init__(view)
        self._workspace, self._view = workspace, view
        view.gene_requested.connect(self.show_gene)
        view.colormap_requested.connect(self._on_colormap)
        view.clip_requested.connect(self._on_clip)
        view.channel_added.connect(self.add_channel)
        view.channel_removed.connect(self._on_channel_removed)
        view.channel_recolored.connect(self._on_channel_recolored)
        view.channels_requested.connect(self._on_channels_requested)
        workspace.current_changed.connect(self._on_current_changed)
        workspace.stage_changed.connect(self._on_stage_changed)
        workspace.gene_shown.connect(self._on_gene_shown)

    def show_gene(self, column: int) -> None:
        """Show the gene of this column of the slide, alone."""
        pictures = self._workspace.pictures
        if pictures is None:
            return
        pictures.session.display.column = column
        pictures.show_gene()
        if not pictures.is_comparing or pictures.session.expected(column) is None:
            self._workspace.bring_up(Stage.GENE)
        self._workspace.gene_shown.emit()

    def add_channel(self, column: int, color: str) -> None:
        """Show the gene of this column together with the other channels."""
        pictures = self._workspace.pictures
        if pictures is None or len(pictures.session.display.channels) >= MAX_CHANNELS:
            return
        pictures.session.display.channels.append(Channel(column=column, color=color))
        self._draw_channels()

    def _on_colormap(self, colormap: str) -> None:
        if self._workspace.pictures is not None:
            self._workspace.pictures.session.display.colormap = colormap
            self._workspace.pictures.show_gene()
            self._workspace.gene_shown.emit()

    def _on_clip(self, percent: float) -> None:
        if self._workspace.pictures is not None:
            self._workspace.pictures.session.display.clip_percent = percent
            self._workspace.pictures.show_gene()
            self._workspace.pictures.show_channels()
            self._workspace.gene_shown.emit()

    def _on_channel_removed(self, place: int) -> None:
        if self._workspace.session is not None:
            del self._workspace.session.display.channels[place]
            self._draw_channels()

    def _on_channel_recolored(self, place: int, color: str) -> None:
        if self._workspace.session is not None:
            channels = self._workspace.session.display.channels
            channels[place] = replace(channels[place], color=color)
            self._draw_channels()

    def _on_channels_requested(self, wanted: bool) -> None:
        self._workspace.bring_up(Stage.CHANNELS if wanted else Stage.GENE)

    def _draw_channels(self) -> None:
        pictures = self._workspace.pictures
        if pictures is not None:
            pictures.show_channels()
            self._workspace.bring_up(Stage.CHANNELS if pictures.session.display.channels else Stage.GENE)

    def _on_current_changed(self) -> None:
        session = self._workspace.session
        self._view.setEnabled(session is not None)
        if session is None:
            return
        self._view.show_look(session.display.colormap, session.display.clip_percent)
        self._view.show_gene(session.display.column)
        self._on_stage_changed()

    def _on_gene_shown(self) -> None:
        session = self._workspace.session
        if session is not None:
            self._view.show_gene(session.display.column)

    def _on_stage_changed(self) -> None:
        pictures = self._workspace.pictures
        if pictures is not None:
            seen = pictures.stage is Stage.CHANNELS and not pictures.is_comparing
            self._view.show_channels(pictures.session.display.channels, seen=seen)
