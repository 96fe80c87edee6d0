"""The Section tab: opening, which section is current, what it is, cropping it, and which model is in use."""

from collections.abc import Sequence

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QComboBox, QWidget

from napari_stimg._widgets.crops_view import CropsView
from napari_stimg._widgets.fine_tune_view import FineTuneView
from napari_stimg._widgets.forms import button, column, facts_table, note, row
from napari_stimg._widgets.kept_view import KeptView
from napari_stimg._widgets.model_view import ModelView
from napari_stimg._widgets.recent_button import RecentButton

WELCOME = "Drop an .h5ad file or a Space Ranger folder on the canvas, or open one here."


class SectionView(QWidget):
    """Shows what a section is; says what the user wants to open.

    Signals
    -------
    open_file_requested, open_folder_requested, sample_requested
        A file, a folder or the generated sample is to be opened.
    part_requested : str
        This one of a file's several sections is to be opened.
    """

    open_file_requested = Signal()
    open_folder_requested = Signal()
    sample_requested = Signal()
    part_requested = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._card = note(WELCOME, muted=False)
        self._notes = note()
        self._parts = QComboBox()
        self._parts_box = self._build_parts()
        self.crops = CropsView()
        self.kept = KeptView()
        self.models = ModelView()
        self.tuning = FineTuneView()
        about = (self._card, self._notes, self.crops, self.models, self.tuning)
        layout = column(self._build_open(), self._parts_box, self.kept, *about)
        layout.addStretch(1)
        self.setLayout(layout)
        self.show_parts(())
        self.show_nothing()

    @property
    def card_text(self) -> str:
        """What is said of the section."""
        return self._card.text()

    @property
    def notes_text(self) -> str:
        """What there is to know of the section."""
        return self._notes.text()

    @property
    def parts(self) -> list[str]:
        """The sections that are offered."""
        return [self._parts.itemText(place) for place in range(self._parts.count())]

    def show_card(self, facts: Sequence[tuple[str, str]], notes: Sequence[str]) -> None:
        """Show what the section is: (what, value) pairs, and one sentence for each thing to know."""
        self._card.setText(facts_table(facts))
        self._notes.setText("<br>".join(f"⚠ {sentence}" for sentence in notes))
        self._notes.setVisible(bool(notes))
        self.crops.setVisible(True)

    def show_nothing(self) -> None:
        """Show that no section is open."""
        self._card.setText(WELCOME)
        self._notes.setVisible(False)
        self.crops.setVisible(False)

    def show_parts(self, names: Sequence[str]) -> None:
        """Offer the sections of a file that holds several; none hides the offer."""
        self._parts.clear()
        self._parts.addItems(list(names))
        self._parts_box.setVisible(bool(names))

    def _build_open(self) -> QWidget:
        box = QWidget()
        open_file = button(
            "Open file…",
            "Open an .h5ad, a 10x .h5 beside its positions, or a legacy ST table (.tsv, .tsv.gz).",
            self.open_file_requested.emit,
        )
        open_folder = button(
            "Open folder…",
            "Open a Space Ranger output folder (Visium, Visium HD) or a SpatialData .zarr.",
            self.open_folder_requested.emit,
        )
        sample = button(
            "Sample", "Open a small generated section of layered tissue with known truth.", self.sample_requested.emit
        )
        self.recent = RecentButton()
        layout = row(open_file, open_folder, self.recent, sample)
        layout.setContentsMargins(0, 0, 0, 0)
        box.setLayout(layout)
        return box

    def _build_parts(self) -> QWidget:
        box = QWidget()
        choose = button(
            "Open", "Open the section chosen beside.", lambda: self.part_requested.emit(self._parts.currentText())
        )
        box.setLayout(
            column(note("This file holds several sections:"), row(self._parts, choose, stretch=0), margin_px=0)
        )
        return box
