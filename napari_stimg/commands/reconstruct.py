"""``stimg reconstruct``: hide spots, reconstruct them from the others, and say how well that went."""

from collections.abc import Generator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_stimg.commands.job import Job, Opened, open_job, step, write_job
from napari_stimg.commands.text import table_of
from napari_stimg.expression import most_variable
from napari_stimg.inference import InferenceParameters, Reconstruction, reconstruct
from napari_stimg.io import Results, check_size, mask_from_geojson, mask_from_key, mask_from_square
from napari_stimg.lattice import Lattice
from napari_stimg.progress import Progress
from napari_stimg.scores import score_reconstruction, summary
from napari_stimg.slide import Slide
from napari_stimg.tuning import flattery, seen_in_tuning

N_GENES = 2000
"""Genes reconstructed unless others are asked for: the most variable ones."""

N_BEST = 10
"""Genes named in the report."""


@dataclass(frozen=True, kw_only=True)
class KeyMask:
    """Hide the spots that are True in a column of ``obs``."""

    key: str

    def spots(self, slide: Slide, lattice: Lattice) -> NDArray[np.bool_]:
        """Return the (S,) mask, True = hidden."""
        return mask_from_key(slide, self.key)

    def __str__(self) -> str:
        return f"obs {self.key}"


@dataclass(frozen=True, kw_only=True)
class SquareMask:
    """Hide the spots of ``side`` x ``side`` cells of the raster, the first of them (``row``, ``col``)."""

    row: int
    col: int
    side: int

    def spots(self, slide: Slide, lattice: Lattice) -> NDArray[np.bool_]:
        """Return the (S,) mask, True = hidden."""
        return mask_from_square(slide, lattice, self.row, self.col, self.side)

    def __str__(self) -> str:
        return f"square of {self.side} cells at row {self.row}, col {self.col}"


@dataclass(frozen=True, kw_only=True)
class GeoJsonMask:
    """Hide the spots in the polygons of a GeoJSON file."""

    path: Path

    def spots(self, slide: Slide, lattice: Lattice) -> NDArray[np.bool_]:
        """Return the (S,) mask, True = hidden."""
        return mask_from_geojson(slide, self.path)

    def __str__(self) -> str:
        return f"polygons of {self.path.name}"


HiddenBy = KeyMask | SquareMask | GeoJsonMask


def reconstruct_hidden(
    job: Job, hidden_by: HiddenBy, *, genes: tuple[str, ...] | None = (), n_genes: int | None = None, seed: int = 0
) -> Generator[Progress, None, str]:
    """Yield progress, write the section with its reconstruction, and return a report of scores.

    Parameters
    ----------
    job : Job
        Section, target, model.
    hidden_by : KeyMask, SquareMask or GeoJsonMask
        What is hidden.
    genes : tuple of str or None
        Genes asked for, by symbol or Ensembl id; None for all; if empty, the ``N_GENES`` that vary most among the
        visible spots.
    n_genes : int or None
        How many of the genes that vary most among the visible spots are reconstructed besides.
    seed : int
        Of what the model rehearses on, >= 0.

    Raises
    ------
    InputError
        If the section, mask, genes, checkpoint or target cannot be used.
    """
    opened = yield from open_job(job)
    slide = opened.slide
    check_size(slide)
    mask = hidden_by.spots(slide, opened.lattice)
    wanted = _wanted(slide, mask, genes, n_genes)
    params = InferenceParameters(seed=seed)
    reconstruction = yield from reconstruct(slide, mask, opened.checkpoint, genes=wanted, params=params)
    yield step("Scoring")
    scores = score_reconstruction(slide, opened.lattice, reconstruction)
    record = _record(opened, hidden_by, params, scores, reconstruction.elapsed_s)
    results = Results(mask=mask, reconstruction=reconstruction, provenance={"reconstruction": record})
    yield from write_job(job, opened, results)
    warning = flattery(mask & seen_in_tuning(opened.checkpoint.card, slide))
    return "\n".join(
        [report(slide, reconstruction, scores), *([warning] if warning else []), f"written to {job.target}"]
    )


def _wanted(
    slide: Slide, mask: NDArray[np.bool_], genes: tuple[str, ...] | None, n_genes: int | None
) -> Sequence[str] | None:
    """Return the names of the genes to reconstruct, in the slide's order where it chooses; None for all."""
    if genes is None or (genes and n_genes is None):
        return genes
    best = most_variable_visible(slide, mask, n_genes or N_GENES)
    if not genes:
        return best
    columns = np.union1d(slide.columns_of(best), slide.columns_of(genes))
    return [str(name) for name in slide.gene_names[columns]]


def most_variable_visible(slide: Slide, mask: NDArray[np.bool_], n_genes: int = N_GENES) -> list[str]:
    """Return the names of the genes whose log expression varies most among visible spots."""
    chosen = np.sort(most_variable(slide.counts[~mask], n_genes))
    return [str(name) for name in slide.gene_names[chosen]]


def report(slide: Slide, reconstruction: Reconstruction, scores: pd.DataFrame) -> str:
    """Return scores as text: the model against the two guesses, and the genes in which it beats both by most."""
    n_spots, n_genes = reconstruction.expected.shape
    overall = summary(scores)
    guesses = table_of(
        ["mean over genes", "squared error", "model is lower by"],
        [
            ["model", f"{overall['mse']:.4f}", ""],
            [
                "neighbours' mean",
                f"{overall['mse_neighbours']:.4f}",
                f"{overall['gain_over_neighbours_percent']:.1f} %",
            ],
            ["slide mean", f"{overall['mse_slide_mean']:.4f}", f"{overall['gain_percent']:.1f} %"],
        ],
    )
    better_guess = scores[["mse_slide_mean", "mse_neighbours"]].min(axis=1)
    won = (better_guess - scores["mse"]).sort_values(ascending=False, kind="stable")
    best = scores.loc[won.index[:N_BEST]]
    genes = table_of(
        ["largest gains", "model", "neighbours' mean", "slide mean", "PCC"],
        [_row_of(str(gene), scores_of_gene) for gene, scores_of_gene in best.iterrows()],
    )
    noun = "gene" if n_genes == 1 else "genes"
    done = f"{n_spots:,} spots hidden, {n_genes:,} {noun} reconstructed in {reconstruction.elapsed_s:.1f} s"
    verdict = ""
    if overall["mse"] >= min(overall["mse_neighbours"], overall["mse_slide_mean"]):
        better = "neighbours' mean" if overall["mse_neighbours"] <= overall["mse_slide_mean"] else "slide mean"
        verdict = f"\nHere the {better} is the better guess: do not rely on the model for these spots.\n"
    means = f"mean absolute error {overall['mae']:.4f}, mean PCC {overall['pcc']:.3f} (log expression)"
    return f"{slide.name}: {done}\n{means}\n\n{guesses}\n{verdict}\n{genes}\n"


def _row_of(gene: str, scores: pd.Series) -> list[str]:
    """Return one gene's squared errors as text; where it is constant among the hidden spots it has no correlation."""
    errors = [f"{scores[error]:.4f}" for error in ("mse", "mse_neighbours", "mse_slide_mean")]
    return [gene, *errors, "-" if np.isnan(scores["pcc"]) else f"{scores['pcc']:.2f}"]


def _record(
    opened: Opened, hidden_by: HiddenBy, params: InferenceParameters, scores: pd.DataFrame, elapsed_s: float
) -> dict[str, Any]:
    """Return how a reconstruction was made and how good it is, over all genes and gene by gene."""
    return opened.made_by(
        {
            "mask": str(hidden_by),
            "n_genes": len(scores),
            "windows": asdict(params.windows),
            "n_rehearsals": params.n_rehearsals,
        },
        seed=params.seed,
        elapsed_s=elapsed_s,
        scores=summary(scores),
        scores_by_gene=scores.astype(np.float32),
    )
