"""The Map tab: what the embedding tells apart, on the tissue and in a plane, and spots chosen in either."""

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QComboBox, QLabel, QVBoxLayout, QWidget

from napari_stimg._widgets.forms import button, column, note, row, title
from napari_stimg.embedding_map import MapMethod, has_umap

if TYPE_CHECKING:
    from napari_stimg._widgets.map_canvas import MapCanvas

METHODS: tuple[tuple[MapMethod, str, str], ...] = (
    ("pca", "PCA", "The two directions in which the embedding varies most: distances mean something."),
    ("umap", "UMAP", "Keeps neighbours together; distances between groups mean little. Takes a minute."),
)
NO_UMAP = "Needs umap-learn: pip install 'napari-stimg[umap]'"


class MapView(QWidget):
    """Asks for pictures of the embedding, and says which spots are chosen.

    Signals
    -------
    colors_requested : bool
        The embedding is to be seen as colours, or what is below it.
    similarity_requested : bool
        Spots are to be coloured by how alike they are to the one that is clicked, or not.
    map_requested
        The embedding is to be laid out in a plane.
    coloring_requested : int
        Dots are to be coloured by what is at this place of the list.
    lassoed : (S,) bool array
        These dots of the map were surrounded.
    outline_requested : bool
        Spots are to be chosen with a lasso on the tissue, or the mouse is to pan.
    hidden_chosen
        The hidden spots are to be chosen.
    domain_chosen : int
        The spots of this domain are to be chosen.
    clear_requested
        No spot is to be chosen.
    hide_requested, scribble_requested
        The chosen spots are to be hidden, or scribbled with the current class.
    """

    colors_requested = Signal(bool)
    similarity_requested = Signal(bool)
    map_requested = Signal()
    coloring_requested = Signal(int)
    lassoed = Signal(object)
    outline_requested = Signal(bool)
    hidden_chosen = Signal()
    domain_chosen = Signal(int)
    clear_requested = Signal()
    hide_requested = Signal()
    scribble_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._canvas: MapCanvas | None = None
        self._stale = note(muted=False)
        self._stale.setVisible(False)
        self._colors = button(
            "As colours",
            "The three directions in which the embedding varies most, as red, green and blue: alike colours, alike "
            "expression. It is computed first, where it has not been.",
            lambda: self.colors_requested.emit(self._colors.isChecked()),
            checkable=True,
        )
        self._similarity = button(
            "Like a spot",
            "Click a spot on the canvas: the brighter another one, the more alike they are (1 = in all that sets them "
            "apart from the section's mean, 0 = in nothing, -1 = opposites). The embedding is computed first, where it "
            "has not been.",
            lambda: self.similarity_requested.emit(self._similarity.isChecked()),
            checkable=True,
        )
        self._place = QVBoxLayout()
        self._hint = note("Each spot as a dot: the nearer two are, the more alike, wherever on the tissue they lie.")
        self._place.addWidget(self._hint)
        self._count = note(muted=False)
        layout = column(
            row(title("On the tissue"), self._colors, self._similarity, stretch=0),
            self._stale,
            title("In a plane"),
            self._build_form(),
            self._place,
            title("Chosen spots"),
            self._count,
            self._build_choosing(),
            self._build_uses(),
        )
        self._rest = QWidget()
        layout.addWidget(self._rest, 1)
        layout.setStretchFactor(self._place, 1)
        self.setLayout(layout)
        self.show_count(0, 0)
        self.show_domains(())

    @property
    def method(self) -> MapMethod:
        """How the embedding is to be laid out."""
        return METHODS[self._method.currentIndex()][0]

    @property
    def canvas(self) -> "MapCanvas":
        """The map, made when it is first needed: matplotlib takes a moment."""
        if self._canvas is None:
            from napari_stimg._widgets.map_canvas import MapCanvas

            self._canvas = MapCanvas()
            self._canvas.lassoed.connect(self.lassoed)
            self._canvas.setToolTip("Draw around dots to choose their spots; click to choose none.")
            self._place.addWidget(self._canvas)
        return self._canvas

    @property
    def has_map(self) -> bool:
        """Whether a map is to be seen."""
        return self._canvas is not None and not self._canvas.isHidden()

    @property
    def colors_shown(self) -> bool:
        """Whether the embedding is said to be on the canvas."""
        return self._colors.isChecked()

    @property
    def similarity_shown(self) -> bool:
        """Whether the likes of a spot are said to be on the canvas."""
        return self._similarity.isChecked()

    @property
    def stale_text(self) -> str:
        """What is said of an embedding that another model made; empty if there is none."""
        return "" if self._stale.isHidden() else self._stale.text()

    @property
    def count_text(self) -> str:
        """How many spots are said to be chosen."""
        return self._count.text()

    @property
    def colorings(self) -> list[str]:
        """What dots can be coloured by, as it is called on screen."""
        return [self._coloring.itemText(place) for place in range(self._coloring.count())]

    def show_embedding_seen(self, *, colors: bool, similarity: bool) -> None:
        """Show whether the embedding's colours, or the likes of a spot, are on the canvas."""
        self._colors.setChecked(colors)
        self._similarity.setChecked(similarity)

    def show_stale(self, sentence: str) -> None:
        """Say that the embedding is another model's; nothing if the sentence is empty."""
        self._stale.setText(sentence)
        self._stale.setVisible(bool(sentence))

    def show_no_map(self) -> None:
        """Show that there is no map."""
        self._hint.setVisible(True)
        self._rest.setVisible(True)
        if self._canvas is not None:
            self._canvas.setVisible(False)

    def show_map(self) -> None:
        """Let the map be seen."""
        self._hint.setVisible(False)
        self._rest.setVisible(False)  # all that is left is the map's
        self.canvas.setVisible(True)

    def show_colorings(self, names: Sequence[str], chosen: int) -> None:
        """Offer these to colour dots by."""
        self._coloring.clear()
        self._coloring.addItems(list(names))
        self._coloring.setCurrentIndex(chosen)

    def show_domains(self, names: Sequence[str]) -> None:
        """Offer these domains to be chosen."""
        self._domain.clear()
        self._domain.addItems(list(names))
        self._domain.setCurrentIndex(-1)
        self._domain.setEnabled(bool(names))

    def show_count(self, n_chosen: int, n_spots: int) -> None:
        """Show how many spots are chosen."""
        self._count.setText(
            f"{n_chosen:,} of {n_spots:,} spots, outlined on the tissue."
            if n_chosen
            else "None: draw around dots of the map, or choose spots on the tissue."
        )
        for made in (self.hide_button, self.scribble_button, self._clear):
            made.setEnabled(n_chosen > 0)

    def show_outlining(self, wanted: bool) -> None:
        """Show whether the mouse draws a lasso on the tissue."""
        self._outline.setChecked(wanted)

    def _build_form(self) -> QWidget:
        self._method = QComboBox()
        for place, (method, name, tip) in enumerate(METHODS):
            usable = method != "umap" or has_umap()
            self._method.addItem(name)
            self._method.setItemData(place, tip if usable else NO_UMAP, Qt.ItemDataRole.ToolTipRole)
            self._method.model().item(place).setEnabled(usable)  # type: ignore[attr-defined]
        self._method.setToolTip("How the embedding is laid out" if has_umap() else f"For UMAP: {NO_UMAP}")
        self._coloring = QComboBox()
        self._coloring.setToolTip("What colours the dots: the gene shown, the domains, or labels that the file has")
        self._coloring.activated.connect(self.coloring_requested)
        self.draw_button = button(
            "Draw map", "Lay the embedding out; it is computed first, where it has not been.", self.map_requested.emit
        )
        box = QWidget()
        layout = row(self._method, QLabel("coloured by"), self._coloring, self.draw_button, stretch=2)
        layout.setContentsMargins(0, 0, 0, 0)
        box.setLayout(layout)
        return box

    def _build_choosing(self) -> QWidget:
        self._outline = button(
            "Lasso on tissue",
            "Draw around spots on the canvas to see where they are on the map.",
            lambda: self.outline_requested.emit(self._outline.isChecked()),
            checkable=True,
        )
        hidden = button("Hidden spots", "Choose the spots that are hidden now.", self.hidden_chosen.emit)
        self._domain = QComboBox()
        self._domain.setToolTip("Choose the spots of a domain")
        self._domain.setPlaceholderText("A domain…")
        self._domain.activated.connect(self.domain_chosen)
        self._clear = button("None", "Choose no spot.", self.clear_requested.emit)
        return _line(self._outline, hidden, self._domain, self._clear)

    def _build_uses(self) -> QWidget:
        self.hide_button = button(
            "Hide these spots", "Add them to the mask; Undo in Reconstruct takes it back.", self.hide_requested.emit
        )
        self.scribble_button = button(
            "Scribble them",
            "Give them the class chosen in Domains, as if scribbled with the brush; Ctrl+Z in the scribbles undoes.",
            partial(self.scribble_requested.emit),
        )
        return _line(self.hide_button, self.scribble_button)


def _line(*widgets: QWidget) -> QWidget:
    box = QWidget()
    layout = row(*widgets)
    layout.setContentsMargins(0, 0, 0, 0)
    box.setLayout(layout)
    return box
