"""One open section: what was read, what the user drew, what was computed. Knows neither Qt nor napari."""

import hashlib
from collections.abc import Callable, Generator, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_stimg._widgets.history import History, Past
from napari_stimg._widgets.listings import Listings
from napari_stimg.display import SpotRaster, spot_raster
from napari_stimg.labels import Labels, label_columns
from napari_stimg.lattice import Lattice, find_lattice
from napari_stimg.planes import GenePlanes
from napari_stimg.progress import Progress
from napari_stimg.slide import Slide
from napari_stimg.vocabulary import GeneMatch

if TYPE_CHECKING:
    from napari_stimg._widgets.kept import Kept
    from napari_stimg._widgets.named_crops import NamedCrop
    from napari_stimg._widgets.session_store import Origin
    from napari_stimg.inference import Reconstruction
    from napari_stimg.io import Results

MAX_CHANNELS = 8
"""Genes shown at once as additive channels; napari slows down with the number of layers."""

MAX_DOMAIN_STEPS = 20
"""Changes of domains that can be undone; each may hold a probability for every spot and domain."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Embedded:
    """An embedding of a section.

    Parameters
    ----------
    values : (S, D) float32
        One row a spot.
    how : mapping
        Checkpoint, for the record.
    """

    values: NDArray[np.float32]
    how: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True, eq=False)
class Mapped:
    """An embedding laid out in a plane.

    Parameters
    ----------
    places : (S, 2) float32
        Where each spot lies.
    method : str
        ``pca`` or ``umap``.
    how : mapping
        Checkpoint of the embedding.
    """

    places: NDArray[np.float32]
    method: str
    how: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True, eq=False)
class Domains:
    """Domains of a section.

    Parameters
    ----------
    labels : (S,) int
        Domain of each spot, 0 to K - 1; -1 = none.
    names, colors : K of str
        What the user calls them; ``#rrggbb``.
    probabilities : (S, K) float32 or None
        Where they were painted from scribbles.
    how : dict
        Method and parameters, for the record.
    """

    labels: NDArray[np.intp]
    names: tuple[str, ...]
    colors: tuple[str, ...]
    probabilities: NDArray[np.float32] | None = None
    how: dict[str, Any] = field(default_factory=dict)

    @property
    def sizes(self) -> NDArray[np.intp]:
        """(K,) spots in each domain."""
        return np.bincount(self.labels[self.labels >= 0], minlength=len(self.names))

    @property
    def certainty(self) -> NDArray[np.float32] | None:
        """(S,) probability of each spot's domain, NaN where it has none; None where there are no probabilities."""
        if self.probabilities is None:
            return None
        of_own = self.probabilities[np.arange(len(self.labels)), self.labels]
        certainty: NDArray[np.float32] = np.where(self.labels >= 0, of_own, np.float32(np.nan))
        return certainty

    @property
    def summary(self) -> str:
        """Where they come from, in a few words."""
        edited = ", then merged or split" if "edits" in self.how else ""
        if self.probabilities is None:
            return f"{len(self.names)} domains, found without labels{edited}."
        certain = float(np.mean(self.probabilities.max(axis=1)))
        return f"{len(self.names)} domains, painted from scribbles{edited}; mean probability {certain:.2f}."


@dataclass(frozen=True, kw_only=True)
class Channel:
    """One gene shown as an additive channel.

    Parameters
    ----------
    column : int
        The gene's column in the slide.
    color : str
        ``#rrggbb`` of its brightest spots.
    gamma : float
        Exponent of its brightness, > 0.
    """

    column: int
    color: str
    gamma: float = 1.0


@dataclass(kw_only=True)
class Display:
    """How the section is shown.

    Parameters
    ----------
    column : int or None
        The gene shown; None = the counts of each spot.
    colormap : str
        Its colours.
    clip_percent : float
        Share of the spots, in percent, beyond the contrast limits at either end.
    channels : list of Channel
        Genes shown together.
    """

    column: int | None = None
    colormap: str = "viridis"
    clip_percent: float = 1.0
    channels: list[Channel] = field(default_factory=list)


@dataclass(kw_only=True, eq=False)
class Session:
    """One slide open in the viewer.

    Parameters
    ----------
    slide, lattice, raster, planes, labels
        The section, its geometry, its picture, its genes and the labels that its file has; they do not change.
    mask_history, scribble_history : History
        What has been hidden and scribbled.
    classes, class_colors : lists of str
        Names and colours of the scribbles' classes.
    display : Display
        What is shown, and how.
    listings : Listings
        What its genes are listed by.
    match : GeneMatch or None
        Which genes the model knows, once the model is loaded.
    cautions : list of str
        What takes the section out of the model's range, once that is known.
    seen_by : dict of str to (S,) bool
        Spots that models were fine-tuned on, by the models' checksums, where that was asked.
    reconstruction, scores, summary
        What was reconstructed, or None; its scores, gene by gene, and in one sentence.
    embedding, domains
        What else was computed, or None.
    domain_past : Past
        The domains before each change.
    mapped : Mapped or None
        The embedding laid out in a plane.
    chosen : (S,) bool or None
        Spots chosen on the map or on the tissue, to do something with.
    crops : tuple of NamedCrop
        Regions that were outlined and named.
    deleted_crops : list of NamedCrop
        Those that were deleted and can come back.
    how : dict
        How each result was made, for the record.
    section : str or None
        Which of its file's sections it is, where that was said.
    unsaved : set of str
        Names of what has changed since the last save.
    saved_to, saved_at : Path or None, datetime or None
        Where the results were last written, and when.
    on_saved : callable or None
        Called when the results have been written, from the panel or from napari's menu.
    origin : Origin or None
        Where what is drawn is kept; None = nowhere.
    restored, restored_at, restore_problem
        What was brought back and is yet to be shown, or None; of when it is; why nothing could be brought back.
    put_aside : Kept or None
        What was drawn before the user started afresh.
    """

    slide: Slide
    lattice: Lattice
    raster: SpotRaster
    planes: GenePlanes
    labels: list[Labels]
    mask_history: History
    scribble_history: History
    classes: list[str] = field(default_factory=list)
    class_colors: list[str] = field(default_factory=list)
    display: Display = field(default_factory=Display)
    listings: Listings = field(default_factory=Listings)
    match: GeneMatch | None = None
    cautions: list[str] = field(default_factory=list)
    seen_by: dict[str, NDArray[np.bool_]] = field(default_factory=dict)
    reconstruction: "Reconstruction | None" = None
    scores: pd.DataFrame | None = None
    summary: str = ""
    embedding: Embedded | None = None
    domains: Domains | None = None
    domain_past: Past[Domains] = field(default_factory=lambda: Past(MAX_DOMAIN_STEPS))
    mapped: Mapped | None = None
    chosen: NDArray[np.bool_] | None = None
    crops: "tuple[NamedCrop, ...]" = ()
    deleted_crops: "list[NamedCrop]" = field(default_factory=list)
    how: dict[str, Any] = field(default_factory=dict)
    section: str | None = None
    unsaved: set[str] = field(default_factory=set)
    saved_to: Path | None = None
    saved_at: datetime | None = None
    on_saved: Callable[[], object] | None = None
    origin: "Origin | None" = None
    restored: "Kept | None" = None
    restored_at: datetime | None = None
    restore_problem: str = ""
    put_aside: "Kept | None" = None

    def results(self) -> "Results":
        """Return what there is to write; a reconstruction of another mask than the one drawn now is left out."""
        import napari_stimg
        from napari_stimg.io import Results

        domains, has_current = self.domains, self.reconstruction_is_current
        how = {what: made for what, made in self.how.items() if what != "reconstruction" or has_current}
        return Results(
            mask=self.hidden if self.hidden.any() else None,
            scribbles=self.scribbles if self.n_scribbled_classes else None,
            scribble_names=tuple(self.classes),
            reconstruction=self.reconstruction if has_current else None,
            embedding=None if self.embedding is None else self.embedding.values,
            domains=None if domains is None else domains.labels,
            domain_names=() if domains is None else domains.names,
            domain_colors=() if domains is None else domains.colors,
            domain_probabilities=None if domains is None else domains.probabilities,
            provenance={"version": napari_stimg.__version__, **how},
        )

    def note_saved(self, path: Path, what: Iterable[str] | None = None) -> None:
        """Note that this much (None = everything) has been written to this file."""
        self.unsaved -= self.unsaved.copy() if what is None else set(what)
        self.saved_to, self.saved_at = path, datetime.now()
        if self.on_saved is not None:
            self.on_saved()

    def note_made(self, what: str, how: Mapping[str, Any]) -> None:
        """Note how something was made; `how` names what was made last at the end."""
        self.how.pop(what, None)
        self.how[what] = dict(how)
        self.unsaved.add(what)

    @property
    def hidden(self) -> NDArray[np.bool_]:
        """(S,) bool: the mask, True = hidden from the model."""
        hidden: NDArray[np.bool_] = self.mask_history.state
        return hidden

    @property
    def scribbles(self) -> NDArray[np.intp]:
        """(S,) int: the class that a spot was scribbled with, -1 = none."""
        scribbles: NDArray[np.intp] = self.scribble_history.state
        return scribbles

    @property
    def scribbles_sha256(self) -> str:
        """Checksum of `scribbles`."""
        return checksum(self.scribbles)

    def hide(self, spots: NDArray[np.bool_]) -> None:
        """Make this the mask, (S,) bool; the former one can be had back."""
        if self.mask_history.change(spots):
            self.unsaved.add("mask")

    def undo_mask(self) -> None:
        """Go back to the mask before the last change."""
        if self.mask_history.undo():
            self.unsaved.add("mask")

    def redo_mask(self) -> None:
        """Take back an `undo_mask`."""
        if self.mask_history.redo():
            self.unsaved.add("mask")

    @property
    def n_scribbled_classes(self) -> int:
        """How many classes have been scribbled with."""
        return int(np.unique(self.scribbles[self.scribbles >= 0]).size)

    @property
    def reconstruction_is_current(self) -> bool:
        """Whether there is a reconstruction, and of the mask as it is drawn now."""
        return self.reconstruction is not None and np.array_equal(
            np.sort(self.reconstruction.spots), np.flatnonzero(self.hidden)
        )

    def seen(self, column: int) -> NDArray[np.float32]:
        """Return one gene's (S,) log expression as the model of the last reconstruction saw it: NaN where hidden."""
        values = self.planes.expression(column)
        if self.reconstruction is not None:
            values[self.reconstruction.spots] = np.nan
        return values

    def expected(self, column: int) -> NDArray[np.float32] | None:
        """Return one gene's (N,) reconstruction in the hidden spots, or None if that gene was not reconstructed."""
        return None if self.reconstruction is None else self._of_gene(self.reconstruction.expected, column)

    def uncertainty(self, column: int) -> NDArray[np.float32] | None:
        """Return the (N,) standard deviation of `expected`, or None likewise."""
        return None if self.reconstruction is None else self._of_gene(self.reconstruction.sd, column)

    def _of_gene(self, table: NDArray[np.float32], column: int) -> NDArray[np.float32] | None:
        """Return the gene's column of an (N, K) table of the reconstruction."""
        columns = self.reconstruction.columns if self.reconstruction is not None else np.empty(0, dtype=np.intp)
        place = np.flatnonzero(columns == column)
        return table[:, place[0]] if place.size else None


def checksum(labels: NDArray[np.intp]) -> str:
    """Return the checksum of one whole number a spot, (S,)."""
    return hashlib.sha256(labels.astype("<i8").tobytes()).hexdigest()


def open_session(slide: Slide) -> Generator[Progress, None, Session]:
    """Return a section made ready for the viewer: its lattice, its picture and its genes."""
    yield Progress(done=0, total=3, message=f"Finding the lattice of {slide.name}")
    lattice = find_lattice(slide)
    yield Progress(done=1, total=3, message="Drawing the spots")
    raster = spot_raster(slide, lattice)
    yield Progress(done=2, total=3, message=f"Indexing {slide.n_genes:,} genes")
    planes = GenePlanes(slide.counts)
    return Session(
        slide=slide,
        lattice=lattice,
        raster=raster,
        planes=planes,
        labels=label_columns(slide),
        mask_history=History(np.zeros(slide.n_spots, dtype=np.bool_)),
        scribble_history=History(np.full(slide.n_spots, -1, dtype=np.intp)),
    )


def open_file(path: Path, *, section: str | None = None) -> Generator[Progress, None, Session]:
    """Return the section in this file or folder, made ready for the viewer."""
    from napari_stimg.io import read_slide

    yield Progress(done=0, total=0, message=f"Reading {path.name}")
    slide = read_slide(path, section=section)
    session = yield from open_session(slide)
    session.section = section
    return session


def open_sample() -> Generator[Progress, None, Session]:
    """Return generated layered tissue, made ready for the viewer."""
    from sample_data.sections import layered_hexagonal

    yield Progress(done=0, total=0, message="Growing layered tissue")
    slide = layered_hexagonal()
    return (yield from open_session(slide))
