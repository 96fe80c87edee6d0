"""An evaluation from sections to files."""

from collections import Counter
from collections.abc import Generator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from numpy.typing import NDArray

from napari_stimg.checkpoint import Checkpoint
from napari_stimg.errors import InputError
from napari_stimg.expression import log_expression, most_variable
from napari_stimg.inference import reconstruct
from napari_stimg.labels import Labels
from napari_stimg.lattice import Lattice, find_lattice
from napari_stimg.progress import Progress
from napari_stimg.progress import run as finish
from napari_stimg.slide import Slide
from trainer.evaluation.curves import error_figure, learning_figure
from trainer.evaluation.domains import score_domains_of
from trainer.evaluation.expert_labels import expert_labels
from trainer.evaluation.explainable import explainable
from trainer.evaluation.keeping import external_embeddings
from trainer.evaluation.maps import GeneMaps, domain_figure, gene_figure
from trainer.evaluation.parameters import EvaluateParameters
from trainer.evaluation.pictures import file_name, write_figure
from trainer.evaluation.probes import score_probes_of
from trainer.evaluation.puzzle import pose
from trainer.evaluation.reconstruction import score_reconstruction_of
from trainer.evaluation.report import Report, pictures_folder, write_report
from trainer.evaluation.squares import hidings
from trainer.evaluation.transfer import lesson_plan, score_lesson

N_DRAWN = 3
"""Genes that are drawn where none are named: the most variable ones."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Extras:
    """What an evaluation may take beside a model and sections, and what it may leave.

    Parameters
    ----------
    genes : sequence of str, optional
        Genes that are scored; each section's own most variable ones if None.
    drawn : sequence of str
        Genes whose reconstruction is drawn, on sections that have them.
    fit_on : sequence of Slide
        Labelled sections that probes learn from; those evaluated learn from each other if there is none of their study.
    embeddings : Path, optional
        Folder of embeddings made elsewhere, ``METHOD/SECTION.npy``.
    keep : Path, optional
        Folder for embeddings and reconstructions.
    log : Path, optional
        A run's ``log.jsonl``, whose curves are drawn.
    """

    genes: Sequence[str] | None = None
    drawn: Sequence[str] = ()
    fit_on: Sequence[Slide] = ()
    embeddings: Path | None = None
    keep: Path | None = None
    log: Path | None = None


def evaluate(
    slides: Sequence[Slide],
    checkpoint: Checkpoint,
    target: Path,
    *,
    params: EvaluateParameters = EvaluateParameters(),
    extras: Extras = Extras(),
) -> Generator[Progress, None, str]:
    """Yield progress, and return the report as Markdown; files are written anew after each section.

    Parameters
    ----------
    slides : sequence of Slide
        Sections, better not those the model was trained on.
    checkpoint : Checkpoint
        The model.
    target : Path
        Name of the report without an ending; ``.json``, ``.md`` and the folder ``_files`` are made.
    params : EvaluateParameters
        Squares, genes, seeds.
    extras : Extras
        What else is taken and left.

    Raises
    ------
    InputError
        If two sections share a name, a gene that is scored is not on a section, the model knows none of a section's
        genes, or a file of ``extras`` cannot be used.
    """
    check_names(slides)
    report = Report()
    if extras.log is not None:
        _draw(report, target, "learning.png", learning_figure(extras.log))
    for slide in slides:
        yield from _evaluate_section(slide, slides, checkpoint, report, target, params=params, extras=extras)
        text = write_report(report, checkpoint, params, target)
    return text


def check_names(slides: Sequence[Slide]) -> None:
    """Check that sections can be told apart by their names.

    Raises
    ------
    InputError
        If there are none, or two share a name.
    """
    (name, count), *_ = [*Counter(slide.name for slide in slides).most_common(1), ("", 0)]
    if count != 1:
        found = f"{count} called {name}" if count else "none"
        raise InputError(f"expected sections of different names, found {found}; give each section once.")


def _evaluate_section(
    slide: Slide,
    slides: Sequence[Slide],
    checkpoint: Checkpoint,
    report: Report,
    target: Path,
    *,
    params: EvaluateParameters,
    extras: Extras,
) -> Generator[Progress, None, None]:
    """Yield progress, having added all of one section to a report."""
    lattice = find_lattice(slide)
    labels = expert_labels(slide)
    genes = extras.genes
    columns = most_variable(slide.counts, params.n_genes) if genes is None else slide.columns_of(genes)
    external = {} if extras.embeddings is None else external_embeddings(extras.embeddings, slide.name, slide.n_spots)
    report.sections.append(
        {
            "name": slide.name,
            "n_spots": slide.n_spots,
            "n_genes": slide.n_genes,
            "lattice": str(lattice.kind),
            "n_scored_genes": len(columns),
            "n_labels": 0 if labels is None else len(labels.names),
            "trained_on": slide.name in checkpoint.card.get("sections", ()),
        }
        | _explainable(slide, lattice, columns, params)
    )
    if "reconstruction" in params.what:
        rows = yield from score_reconstruction_of(
            slide, lattice, checkpoint, columns=columns, params=params, keep=extras.keep
        )
        report.reconstruction.extend(rows)
        if rows:
            _draw(report, target, file_name(slide.name, "errors"), error_figure(pd.DataFrame(rows)))
            _draw_genes(slide, lattice, checkpoint, columns, report, target, params=params, extras=extras)
    if labels is not None and "domains" in params.what:
        scores = yield from score_domains_of(
            slide, lattice, checkpoint, labels, params=params, external=external, keep=extras.keep
        )
        report.domains.extend(scores.rows)
        _draw(report, target, file_name(slide.name, "domains"), domain_figure(slide, lattice, labels, scores.refined))
    if labels is not None and "probes" in params.what:
        report.probes.extend(
            (yield from _probe(slide, lattice, labels, slides, checkpoint, external, params=params, extras=extras))
        )


def _probe(
    slide: Slide,
    lattice: Lattice,
    labels: Labels,
    slides: Sequence[Slide],
    checkpoint: Checkpoint,
    external: dict[str, NDArray[np.float64]],
    *,
    params: EvaluateParameters,
    extras: Extras,
) -> Generator[Progress, None, list[dict[str, object]]]:
    """Yield progress, and return the rows of all probes of a section."""
    rows = yield from score_probes_of(slide, lattice, checkpoint, labels, params=params, external=external)
    for lesson in lesson_plan(slide, extras.fit_on) or lesson_plan(slide, slides):
        rows += yield from score_lesson(lesson, checkpoint, params=params)
    return rows


def _draw_genes(
    slide: Slide,
    lattice: Lattice,
    checkpoint: Checkpoint,
    columns: NDArray[np.intp],
    report: Report,
    target: Path,
    *,
    params: EvaluateParameters,
    extras: Extras,
) -> None:
    """Draw what the model makes of the first of the largest squares."""
    named = [column for column in slide.find_genes(extras.drawn) if column is not None]
    drawn = np.array(named or columns[:N_DRAWN], dtype=np.intp)
    mask = hidings(lattice, params)[-1].masks[0]
    expression = log_expression(slide.counts)[:, drawn].tocsr()
    puzzle = pose(slide, lattice, mask, columns=drawn, expression=expression)
    found = finish(reconstruct(puzzle.slide, mask, checkpoint, genes=puzzle.genes))
    measured = expression.toarray()
    genes = [
        GeneMaps(gene=gene, measured=measured[:, number], reconstructed=found.expected[:, number])
        for number, gene in enumerate(puzzle.genes)
    ]
    _draw(report, target, file_name(slide.name, "genes"), gene_figure(slide, lattice, mask, genes))


def _explainable(
    slide: Slide, lattice: Lattice, columns: NDArray[np.intp], params: EvaluateParameters
) -> dict[str, object]:
    """Return what there is to explain on a section, where hidden spots are evaluated."""
    found = explainable(slide, lattice, columns=columns, seed=params.seed) if "reconstruction" in params.what else None
    return {} if found is None else {name: round(value, 3) for name, value in asdict(found).items()}


def _draw(report: Report, target: Path, name: str, figure: Figure) -> None:
    """Write a picture into the report's folder and name it in the report."""
    folder = pictures_folder(target)
    write_figure(figure, folder / name)
    report.pictures.append(f"{folder.name}/{name}")
