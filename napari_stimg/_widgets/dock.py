"""The panel: builds the views, and hands each to the control that connects it with the core and the layers."""

from napari.components import ViewerModel
from qtpy.QtCore import Qt
from qtpy.QtGui import QCloseEvent
from qtpy.QtWidgets import QComboBox, QScrollArea, QTabWidget, QToolButton, QVBoxLayout, QWidget

from napari_stimg._widgets.agreement_control import AgreementControl
from napari_stimg._widgets.certainty_control import CertaintyControl
from napari_stimg._widgets.copy_control import CopyControl
from napari_stimg._widgets.crops_control import CropsControl
from napari_stimg._widgets.cursor_control import CursorControl
from napari_stimg._widgets.cursor_view import CursorView
from napari_stimg._widgets.domain_edits_control import DomainEditsControl
from napari_stimg._widgets.domains_control import DomainsControl
from napari_stimg._widgets.domains_view import DomainsView
from napari_stimg._widgets.embedding_control import EmbeddingControl
from napari_stimg._widgets.export_control import ExportControl
from napari_stimg._widgets.file_writer import FileWriter
from napari_stimg._widgets.fill_control import FillControl
from napari_stimg._widgets.fine_tune_control import FineTuneControl
from napari_stimg._widgets.forms import row
from napari_stimg._widgets.gamma_control import GammaControl
from napari_stimg._widgets.gene_list_control import GeneListControl
from napari_stimg._widgets.genes_control import GenesControl
from napari_stimg._widgets.genes_view import GenesView
from napari_stimg._widgets.hide_view import HideView
from napari_stimg._widgets.kept_control import KeptControl
from napari_stimg._widgets.live_control import LiveControl
from napari_stimg._widgets.map_control import MapControl
from napari_stimg._widgets.map_view import MapView
from napari_stimg._widgets.markers_control import MarkersControl
from napari_stimg._widgets.mask_control import MaskControl
from napari_stimg._widgets.model_control import ModelControl
from napari_stimg._widgets.reconstruct_control import ReconstructControl
from napari_stimg._widgets.save_control import SaveControl
from napari_stimg._widgets.save_view import SaveView
from napari_stimg._widgets.scatter_control import ScatterControl
from napari_stimg._widgets.scribble_control import ScribbleControl
from napari_stimg._widgets.section_control import SectionControl
from napari_stimg._widgets.section_view import SectionView
from napari_stimg._widgets.shortcuts import bind, panel_shortcuts, show_list
from napari_stimg._widgets.shown_control import ShownControl
from napari_stimg._widgets.suggestion_control import SuggestionControl
from napari_stimg._widgets.swipe_control import SwipeControl
from napari_stimg._widgets.task_view import TaskView
from napari_stimg._widgets.tools_view import Tool
from napari_stimg._widgets.what_if_control import WhatIfControl
from napari_stimg._widgets.workers import TaskRunner
from napari_stimg._widgets.workspace import Workspace

MIN_WIDTH_PX = 380

TOPICS = (
    "open",
    "match",
    "pattern",
    "model",
    "reconstruct",
    "live",
    "what if",
    "fill",
    "embed",
    "group",
    "map",
    "markers",
    "save",
    "write",
    "tune",
    "save model",
)
"""What tasks are about: of each, one runs at a time."""


class StimgWidget(QWidget):
    """Spatial transcriptomics in napari: open, look at genes, hide and reconstruct, paint domains, save.

    Parameters
    ----------
    napari_viewer : Viewer
        The viewer that the panel belongs to.
    """

    def __init__(self, napari_viewer: ViewerModel) -> None:
        super().__init__()
        self.workspace = Workspace(napari_viewer, self)
        self.runners = {topic: TaskRunner(self) for topic in TOPICS}
        self.section_view, self.genes_view, self.hide_view = SectionView(), GenesView(), HideView()
        self.domains_view, self.map_view, self.save_view = DomainsView(), MapView(), SaveView()
        self._build()
        self._connect()
        self._shortcuts = panel_shortcuts(self)
        bind(self, self._shortcuts)
        self.sections.take_over()

    @property
    def is_busy(self) -> bool:
        """Whether anything runs, or a result is on its way to the canvas."""
        is_coming = self.reconstruction.is_showing or self.live.is_waiting or self.workspace.is_finishing
        return is_coming or any(runner.is_busy for runner in self.runners.values())

    def search_gene(self) -> None:
        """Go to the search for a gene."""
        self.tabs.setCurrentWidget(self._tab_of[self.genes_view])
        self.genes_view.search.setFocus()
        self.genes_view.search.selectAll()

    def use_tool(self, tool: Tool) -> None:
        """Give the mouse this tool: of the scribbles in the Domains tab, else of the mask."""
        if self.tabs.currentWidget() is self._tab_of[self.domains_view]:
            if tool in self.domains_view.tools.buttons:
                self.scribbles.use(tool)
        else:
            self.tabs.setCurrentWidget(self._tab_of[self.hide_view])
            self.masking.use(tool)

    def closeEvent(self, event: QCloseEvent) -> None:  # noqa: N802 (Qt's name)
        """Stop what runs, and let go of the viewer."""
        self._let_go()
        super().closeEvent(event)

    def _build(self) -> None:
        self.setMinimumWidth(MIN_WIDTH_PX)
        self.tabs = QTabWidget()
        self._tab_of: dict[QWidget, QWidget] = {}
        for tab, name in (
            (self.section_view, "Section"),
            (self.genes_view, "Genes"),
            (self.hide_view, "Reconstruct"),
            (self.domains_view, "Domains"),
            (self.map_view, "Map"),
        ):
            self._tab_of[tab] = _scrolled(tab)
            self.tabs.addTab(self._tab_of[tab], name)
        layout = QVBoxLayout()
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        layout.addLayout(self._build_chooser())
        layout.addWidget(self.tabs, 1)
        self.cursor_view = CursorView()
        layout.addWidget(self.cursor_view)
        for topic, runner in self.runners.items():
            if topic != "live":  # it runs at every stroke: a bar that comes and goes would move the tools away
                task = TaskView()
                task.follow(runner)
                layout.addWidget(task)
        layout.addWidget(self.save_view)
        self.setLayout(layout)

    def _build_chooser(self) -> QVBoxLayout:
        self.chooser = QComboBox()
        self.chooser.setToolTip("The open sections; the one chosen here is on the canvas")
        self.chooser.setPlaceholderText("No section is open")
        self.close_button = QToolButton()
        self.close_button.setText("✕")
        self.close_button.setToolTip("Close this section")
        self.keys_button = QToolButton()
        self.keys_button.setText("⌨")
        self.keys_button.setToolTip("Keyboard shortcuts")
        layout = QVBoxLayout()
        layout.setContentsMargins(8, 6, 8, 2)
        layout.addLayout(row(self.chooser, self.close_button, self.keys_button, stretch=0))
        return layout

    def _connect(self) -> None:
        workspace, runners = self.workspace, self.runners
        self.writer = FileWriter(runners["write"])
        self.sections = SectionControl(workspace, self.section_view, runners["open"], runners["match"])
        self.cropping = CropsControl(workspace, self.section_view.crops, self.sections, self.writer)
        self.tabs.currentChanged.connect(self._on_tab)
        self.kept = KeptControl(workspace, self.section_view.kept)
        self.models = ModelControl(workspace, self.section_view.models, runners["model"])
        self.tuning = FineTuneControl(
            workspace, self.section_view.tuning, tuning=runners["tune"], saving=runners["save model"]
        )
        self.tuning.model_saved.connect(self.models.show_model)
        for runner in runners.values():
            runner.ended.connect(self.models.show_use)
        self.gene_list = GeneListControl(workspace, self.genes_view, runners["pattern"])
        self.genes = GenesControl(workspace, self.genes_view)
        self.gammas = GammaControl(workspace, self.genes_view)

        self.showing = ShownControl(workspace, self.section_view.crops, self.genes)
        self.pointing = CursorControl(workspace, self.cursor_view)
        self.masking = MaskControl(workspace, self.hide_view)
        self.reconstruction = ReconstructControl(workspace, self.hide_view, runners["reconstruct"])
        self.live = LiveControl(workspace, self.hide_view, runners["live"])
        self.scatter = ScatterControl(workspace, self.hide_view.compare, self.writer)
        self.filling = FillControl(workspace, self.hide_view.ask, runners["fill"])
        self.swipe = SwipeControl(workspace, self.hide_view)
        self.what_if = WhatIfControl(workspace, self.hide_view, self.genes, runners["what if"])
        self.scribbles = ScribbleControl(workspace, self.domains_view)
        self.embeddings = EmbeddingControl(
            workspace, self.map_view, embedding=runners["embed"], coloring=runners["group"]
        )
        self.mapping = MapControl(workspace, self.map_view, self.embeddings, self.scribbles, runners["map"])
        self.domains = DomainsControl(
            workspace, self.domains_view, self.scribbles, self.embeddings, grouping=runners["group"]
        )
        self.certainty = CertaintyControl(workspace, self.domains_view)
        self.suggestions = SuggestionControl(
            workspace, self.domains_view, self.embeddings, grouping=runners["group"], writer=self.writer
        )
        self.domain_edits = DomainEditsControl(
            workspace, self.domains_view, self.domains, self.embeddings, runners["group"]
        )
        self.saving = SaveControl(workspace, self.save_view, runners["save"])
        self.exporting = ExportControl(workspace, self.save_view, self.writer)
        self.copying = CopyControl(workspace, self.save_view)
        self.markers = MarkersControl(
            workspace, self.domains_view, self.genes, finding=runners["markers"], writer=self.writer
        )
        self.agreement = AgreementControl(workspace, self.domains_view, self.writer)
        self.hide_view.gene_requested.connect(self.genes.show_gene)
        workspace.sections_changed.connect(self._show_sections)
        workspace.current_changed.connect(self._show_sections)
        self.chooser.activated.connect(workspace.choose)
        self.close_button.clicked.connect(lambda *_: self.sections.close_current())
        self.keys_button.clicked.connect(lambda *_: show_list(self, self._shortcuts))
        connections = workspace.connections
        self.destroyed.connect(lambda *_: connections.release())
        workspace.current_changed.emit()

    def _on_tab(self, _place: int) -> None:
        self.cropping.show_outlines(self.tabs.currentWidget() is self._tab_of[self.section_view])

    def _show_sections(self) -> None:
        self.chooser.blockSignals(True)
        self.chooser.clear()
        self.chooser.addItems([session.slide.name for session in self.workspace.sessions])
        self.chooser.setCurrentIndex(self.workspace.current_place)
        self.chooser.blockSignals(False)
        self.close_button.setEnabled(self.workspace.current_place >= 0)

    def _let_go(self) -> None:
        self.workspace.compare(False)  # no other panel would know how to leave napari's grid
        self.kept.stop()
        self.sections.stop()
        self.writer.stop()
        for runner in self.runners.values():
            runner.cancel()
        self.reconstruction.stop_showing()
        self.live.stop()
        self.workspace.connections.release()


def _scrolled(view: QWidget) -> QScrollArea:
    """Return the view in an area that scrolls where the window is low."""
    area = QScrollArea()
    area.setWidgetResizable(True)
    area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    area.setWidget(view)
    return area
