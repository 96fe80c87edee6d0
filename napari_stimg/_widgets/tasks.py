"""What the panel does off the GUI thread: generators of the core, strung together. Knows neither Qt nor napari.

Each takes what it needs as arguments, read in the GUI thread when the task is asked for: what the user draws
meanwhile does not reach it. The core's heavy modules are imported here when they are needed, in the worker's thread.
"""

import threading
from collections.abc import Generator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_stimg._widgets.session import Embedded, Mapped, Session
from napari_stimg.checkpoint_file import bundled_path
from napari_stimg.embedding_map import MapMethod, embedding_map
from napari_stimg.expression import most_variable
from napari_stimg.model_range import out_of_range
from napari_stimg.models import ModelFile, describe
from napari_stimg.progress import Progress
from napari_stimg.slide import Slide
from napari_stimg.tuning import flattery, seen_in_tuning
from napari_stimg.vocabulary import GeneMatch

if TYPE_CHECKING:
    from napari_stimg.checkpoint import Checkpoint
    from napari_stimg.expression_change import Change
    from napari_stimg.holes import Filled
    from napari_stimg.inference import Reconstruction
    from napari_stimg.io import Results
    from napari_stimg.what_if import WhatIf


class Model:
    """The model, loaded once, in whichever thread needs it first.

    Parameters
    ----------
    path : Path or None
        The checkpoint; None = the bundled one.
    """

    def __init__(self, path: Path | None = None) -> None:
        self.path = bundled_path() if path is None else path
        self._lock = threading.Lock()
        self._checkpoint: Checkpoint | None = None
        self.former: Model | None = None
        """The model that it was fine-tuned from, in this panel."""
        self.is_file = True
        """Whether the path is that of a file, not only of one that may be written."""

    @classmethod
    def tuned(cls, checkpoint: "Checkpoint", former: "Model") -> "Model":
        """Return a model that was fine-tuned and is in memory only."""
        model = cls(checkpoint.path)
        model._checkpoint, model.former, model.is_file = checkpoint, former, False
        return model

    @property
    def sha256(self) -> str | None:
        """The checkpoint's checksum, once it is loaded."""
        return None if self._checkpoint is None else self._checkpoint.sha256

    @property
    def device(self) -> str | None:
        """Where it runs (``cpu``, ``cuda:0``, ``mps``), once it is loaded."""
        return None if self._checkpoint is None else str(next(self._checkpoint.model.parameters()).device)

    @property
    def described(self) -> ModelFile:
        """What it says of itself, in memory or by its file."""
        if self.is_file or self._checkpoint is None:
            return describe(self.path)
        card, sizes = self._checkpoint.card, asdict(self._checkpoint.model.config)
        return ModelFile(name=self.path.stem, path=self.path, card=card, sizes=sizes, sha256=self._checkpoint.sha256)

    def note_saved(self, path: Path) -> None:
        """Note that it lies here now."""
        self.path, self.is_file = path, True
        if self._checkpoint is not None:
            self._checkpoint = replace(self._checkpoint, path=path)

    def load(self) -> Generator[Progress, None, "Checkpoint"]:
        """Return the checkpoint.

        Raises
        ------
        InputError
            If it is missing or damaged.
        """
        if self._checkpoint is None:
            yield Progress(done=0, total=0, message="Loading the model")
        with self._lock:
            if self._checkpoint is None:
                from napari_stimg.checkpoint import load_checkpoint
                from napari_stimg.devices import device_named

                self._checkpoint = load_checkpoint(self.path, device=device_named())
            return self._checkpoint


@dataclass(frozen=True, kw_only=True, eq=False)
class Reconstructed:
    """What reconstructing gave.

    Parameters
    ----------
    reconstruction : Reconstruction
        Expected log expression of the hidden spots.
    scores : DataFrame
        One row a gene, in the order of the reconstruction's columns.
    summary : str
        The scores in one sentence.
    how : mapping
        Checkpoint and parameters, for the record.
    """

    reconstruction: "Reconstruction"
    scores: pd.DataFrame
    summary: str
    how: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True, eq=False)
class Expected:
    """One gene as it is expected in hidden spots.

    Parameters
    ----------
    column : int
        The gene's column in the slide.
    spots : (N,) int
        The hidden spots.
    values : (N,) float32
        Expected log expression.
    warning : str
        What to beware of; empty if nothing.
    """

    column: int
    spots: NDArray[np.intp]
    values: NDArray[np.float32]
    warning: str


def match_genes(session: Session, model: Model) -> Generator[Progress, None, tuple[GeneMatch, list[str]]]:
    """Return which genes of the section the model knows, and what takes the section out of its range."""
    checkpoint = yield from model.load()
    match = checkpoint.vocabulary.match(session.slide)
    return match, out_of_range(session.slide, match)


def reconstruct(
    session: Session, model: Model, *, hidden: NDArray[np.bool_], n_genes: int | None, always: Sequence[int]
) -> Generator[Progress, None, Reconstructed]:
    """Return the hidden spots as the model expects them, with scores.

    Parameters
    ----------
    hidden : (S,) bool
        True = hidden from the model.
    n_genes : int or None
        How many of the most variable genes; None = all.
    always : sequence of int
        Columns of genes that are to be among them in any case.
    """
    from napari_stimg.inference import reconstruct as reconstruct_spots
    from napari_stimg.scores import score_reconstruction, summary

    checkpoint = yield from model.load()
    genes = None if n_genes is None else _genes_asked(session.slide, hidden, n_genes, always)
    reconstruction = yield from reconstruct_spots(session.slide, hidden, checkpoint, genes=genes)
    yield Progress(done=0, total=0, message="Scoring")
    scores = score_reconstruction(session.slide, session.lattice, reconstruction)
    overall = summary(scores)
    warning = flattery(hidden & _seen(session, checkpoint))
    return Reconstructed(
        reconstruction=reconstruction,
        scores=scores,
        summary=f"{_in_words(reconstruction, overall)} {warning}".rstrip(),
        how={
            **_made_by(checkpoint),
            "n_genes": "all" if n_genes is None else n_genes,
            "genes_besides": [] if n_genes is None else [str(session.slide.gene_names[column]) for column in always],
            "elapsed_s": reconstruction.elapsed_s,
            "scores": overall,
            **({"warning": warning} if warning else {}),
        },
    )


def expect_gene(
    session: Session, model: Model, *, hidden: NDArray[np.bool_], column: int
) -> Generator[Progress, None, Expected]:
    """Return one gene of the slide as the model expects it in the hidden spots, (S,) bool, without uncertainty."""
    from napari_stimg.inference import QUICK
    from napari_stimg.inference import reconstruct as reconstruct_spots

    checkpoint = yield from model.load()
    genes = [str(session.slide.gene_names[column])]
    reconstruction = yield from reconstruct_spots(session.slide, hidden, checkpoint, genes=genes, params=QUICK)
    return Expected(
        column=column,
        spots=reconstruction.spots,
        values=reconstruction.expected[:, 0],
        warning=flattery(hidden & _seen(session, checkpoint)),
    )


def what_if(
    session: Session, model: Model, *, chosen: NDArray[np.bool_], column: int, change: "Change", n_genes: int | None
) -> Generator[Progress, None, "WhatIf"]:
    """Return by how much expectations change if one gene were changed in the chosen spots, (S,) bool.

    Parameters
    ----------
    column : int
        The gene that is changed.
    n_genes : int or None
        How many of the most variable genes are asked for, besides it; None = all.
    """
    from napari_stimg.what_if import what_if as ask

    checkpoint = yield from model.load()
    slide = session.slide
    nothing = np.zeros(slide.n_spots, dtype=np.bool_)
    genes = None if n_genes is None else _genes_asked(slide, nothing, n_genes, [column])
    gene = str(slide.gene_names[column])
    return (yield from ask(slide, chosen, checkpoint, gene=gene, change=change, genes=genes))


def fill_holes(session: Session, model: Model, *, column: int) -> Generator[Progress, None, "Filled"]:
    """Return one gene of the slide as the model expects it inside the tissue where nothing was measured."""
    from napari_stimg.holes import fill_holes as fill

    checkpoint = yield from model.load()
    return (yield from fill(session.slide, checkpoint, genes=[str(session.slide.gene_names[column])]))


def embed(session: Session, model: Model) -> Generator[Progress, None, Embedded]:
    """Return the embedding of the section's spots."""
    from napari_stimg.inference import embed as embed_spots

    checkpoint = yield from model.load()
    values = yield from embed_spots(session.slide, checkpoint)
    return Embedded(values=values, how=_made_by(checkpoint))


def color(embedding: Embedded) -> Generator[Progress, None, NDArray[np.uint8]]:
    """Return the (S, 3) colours of an embedding."""
    from napari_stimg.embedding_colors import embedding_colors

    yield Progress(done=0, total=0, message="Colouring the embedding")
    return embedding_colors(embedding.values)


def lay_out(embedding: Embedded, method: MapMethod) -> Generator[Progress, None, Mapped]:
    """Return the map of an embedding."""
    yield Progress(done=0, total=0, message="Drawing the map")
    return Mapped(places=embedding_map(embedding.values, method=method), method=method, how=embedding.how)


def save(session: Session, target: Path, results: "Results") -> Generator[Progress, None, Path]:
    """Write the section with its results, and return where.

    Raises
    ------
    InputError
        If the target is the input or cannot be written.
    """
    from napari_stimg.io import write_results

    yield Progress(done=0, total=0, message=f"Saving {target.name}")
    write_results(session.slide, target, lattice=session.lattice, results=results)
    return target


def _seen(session: Session, checkpoint: "Checkpoint") -> NDArray[np.bool_]:
    """Return the section's (S,) spots that the checkpoint was fine-tuned on, found once."""
    if checkpoint.sha256 not in session.seen_by:
        session.seen_by[checkpoint.sha256] = seen_in_tuning(checkpoint.card, session.slide)
    return session.seen_by[checkpoint.sha256]


def _made_by(checkpoint: "Checkpoint") -> dict[str, str]:
    """Return which checkpoint made a result, and where it ran, as the commands write it too."""
    device = next(checkpoint.model.parameters()).device.type
    return {"checkpoint": checkpoint.path.name, "checkpoint_sha256": checkpoint.sha256, "device": device}


def _genes_asked(slide: Slide, hidden: NDArray[np.bool_], n_genes: int, always: Sequence[int]) -> list[str]:
    """Return the names of the genes that vary most over the visible spots, and of those asked for besides."""
    best = most_variable(slide.counts[~hidden], n_genes)
    return [str(slide.gene_names[column]) for column in np.union1d(best, np.array(always, dtype=np.intp))]


def _in_words(reconstruction: "Reconstruction", overall: Mapping[str, float]) -> str:
    """Return what a reconstruction is worth, in one sentence."""
    n_spots, n_genes = reconstruction.expected.shape
    return (
        f"{n_spots:,} spots x {n_genes:,} genes in {reconstruction.elapsed_s:.1f} s: mean PCC {overall['pcc']:.2f}, "
        f"squared error {overall['gain_percent']:.1f} % below the visible spots' mean and "
        f"{overall['gain_over_neighbours_percent']:.1f} % below the neighbours' mean."
    )
