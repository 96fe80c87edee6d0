"""What the model expects of other genes and of the surroundings if one gene were expressed otherwise.

It says which genes go together on tissues like this one. It knows no causes: what a real knock-out does is another
question.
"""

from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from napari_stimg.checkpoint import Checkpoint
from napari_stimg.errors import InputError
from napari_stimg.expression_change import Change
from napari_stimg.inference import QUICK, InferenceParameters, practise
from napari_stimg.lattice import Lattice, find_lattice, sum_by_cell
from napari_stimg.progress import Progress
from napari_stimg.readout import fit_readout
from napari_stimg.rehearsal import Visible, corpus_weights, see_table
from napari_stimg.slide import Slide
from napari_stimg.tokens import TokenTable, token_table
from napari_stimg.windows import Blend, inside, windows_around

AROUND = 6.0
"""Pitches around the changed spots within which the model is asked."""

N_TURNS = 4
"""Turns in which the places asked for are hidden: a quarter at a time, about as densely as the model learned it."""


@dataclass(frozen=True, kw_only=True, eq=False)
class WhatIf:
    """By how much expectations change.

    Parameters
    ----------
    spots : (N,) int
        The spots asked for: those changed, and those around them.
    is_changed : (N,) bool
        True = the gene was changed there.
    columns : (K,) int
        The genes, as columns of the slide.
    change : (N, K) float32
        Expected log expression with the change less that without.
    """

    spots: NDArray[np.intp]
    is_changed: NDArray[np.bool_]
    columns: NDArray[np.intp]
    change: NDArray[np.float32]

    def table(self, gene_names: NDArray[np.str_]) -> pd.DataFrame:
        """Return one row a gene, the most changed first: mean change in the changed spots, and around them.

        Parameters
        ----------
        gene_names : (G,) str
            The slide's genes.
        """
        around = self.change[~self.is_changed]
        table = pd.DataFrame(
            {
                "inside": self.change[self.is_changed].mean(axis=0),
                "around": around.mean(axis=0) if len(around) else np.full(len(self.columns), np.nan),
            },
            index=pd.Index(gene_names[self.columns], name="gene"),
        )
        return table.iloc[np.argsort(-table["inside"].abs().to_numpy(), kind="stable")]


def what_if(
    slide: Slide,
    chosen: NDArray[np.bool_],
    checkpoint: Checkpoint,
    *,
    gene: str,
    change: Change,
    genes: Sequence[str] | None = None,
    params: InferenceParameters = QUICK,
) -> Generator[Progress, None, WhatIf]:
    """Yield progress, and return by how much expectations change if one gene were expressed otherwise in some spots.

    The gene's normalised expression is multiplied or set, all other genes stay as measured. Each place asked for is
    predicted from other spots while it is hidden itself, once from the section as measured and once from the changed
    one, both through one read-out fitted to the section as measured.

    Parameters
    ----------
    slide : Slide
        The section, S spots.
    chosen : (S,) bool
        True = the gene is changed there.
    checkpoint : Checkpoint
        The model.
    gene : str
        The gene that is changed, by symbol or Ensembl id.
    change : Scale or SetTo
        What becomes of its expression.
    genes : sequence of str, optional
        Genes asked for; all of the slide if None.
    params : InferenceParameters
        Windows, rehearsals, seed.

    Raises
    ------
    InputError
        If no spot is chosen, the section has one cell, the model does not know the gene, or it is not expressed in
        the chosen spots, so that there is nothing to multiply or to knock out.
    """
    if chosen.shape != (slide.n_spots,) or not chosen.any():
        raise InputError(
            f"expected some of {slide.n_spots:,} spots in which to change {gene}, found {np.count_nonzero(chosen):,} "
            f"of {chosen.size:,}; choose spots of the section."
        )
    columns = np.arange(slide.n_genes) if genes is None else slide.columns_of(genes)
    columns = np.array(list(dict.fromkeys(columns.tolist())), dtype=np.intp)
    lattice = find_lattice(slide)
    if len(lattice.occupied) < 2:
        raise InputError(f"{slide.name}: expected at least 2 cells, found 1; a place is judged from other places.")
    table = token_table(slide, lattice, checkpoint.vocabulary)
    measured = see_table(table, lattice, checkpoint)
    changed = _alter(table, slide, lattice=lattice, chosen=chosen, checkpoint=checkpoint, gene=gene, change=change)
    altered = see_table(changed, lattice, checkpoint)
    spots, turn = _turns(lattice, chosen, seed=params.seed)
    total = N_TURNS + params.n_rehearsals + 1
    states = yield from _ask(spots, turn, lattice=lattice, sides=(measured, altered), params=params, total=total)
    rehearsals = yield from practise(measured, params, done=N_TURNS, total=total)
    yield Progress(done=total - 1, total=total, message="Reading out genes")
    readout = fit_readout(
        sum_by_cell(slide.counts, lattice),
        columns,
        rehearsals,
        corpus_weights(checkpoint, slide),
        seed=params.seed,
        uncertainty=False,
    )
    near = np.ones(spots.size, dtype=np.float32)
    before, after = (readout.predict(of_places, near)[0] for of_places in states)
    yield Progress(done=total, total=total, message="Reading out genes")
    return WhatIf(spots=spots, is_changed=chosen[spots], columns=columns, change=after - before)


def _alter(
    table: TokenTable,
    slide: Slide,
    *,
    lattice: Lattice,
    chosen: NDArray[np.bool_],
    checkpoint: Checkpoint,
    gene: str,
    change: Change,
) -> TokenTable:
    """Return the table with the gene's normalised expression changed in the cells of the chosen spots.

    Means and precisions stay those of the section as measured, or all of it would change. In a cell that spots share,
    only what the chosen ones express of the gene is changed.
    """
    (column,) = slide.columns_of([gene])
    place = np.flatnonzero(checkpoint.vocabulary.match(slide).columns == column)
    if place.size == 0:
        raise InputError(f"{slide.name}: expected a gene that the model knows, found {gene}; choose another gene.")
    counts = slide.counts[:, column].toarray().ravel().astype(np.float64)
    if change.needs_expression and not counts[chosen].any():
        raise InputError(
            f"{slide.name}: expected {gene} to be expressed in the chosen spots, found no count of it in "
            f"{np.count_nonzero(chosen):,}; choose other spots or another gene."
        )
    library = np.asarray(slide.counts.sum(axis=1), dtype=np.float64).ravel()
    of_gene, of_all = (_chosen_share(weights, lattice, chosen) for weights in (counts, library))
    measured = table.expression[:, [place[0]]].toarray().ravel().astype(np.float64)
    changed = np.log1p(change.of(np.expm1(measured), of_gene, of_all)).astype(np.float32)
    return replace(table, expression=_with_column(table.expression, int(place[0]), changed))


def _chosen_share(weights: NDArray[np.float64], lattice: Lattice, chosen: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return the (K,) share of each cell's sum of weights, (S,), that is of chosen spots; 0 where the sum is."""
    of_cell = np.bincount(lattice.token_of_spot, weights=weights)
    of_chosen = np.bincount(lattice.token_of_spot, weights=weights * chosen)
    share: NDArray[np.float64] = of_chosen / np.maximum(of_cell, np.finfo(np.float64).tiny)
    return share


def _with_column(matrix: sp.csr_matrix, column: int, values: NDArray[np.float32]) -> sp.csr_matrix:
    """Return a (K, G) matrix with other values, (K,), in one column."""
    parts = matrix.tocoo()
    others, rows = parts.col != column, np.flatnonzero(values)
    data = np.concatenate([parts.data[others], values[rows]])
    places = (
        np.concatenate([parts.row[others], rows]),
        np.concatenate([parts.col[others], np.full(rows.size, column)]),
    )
    made = sp.csr_matrix((data, places), shape=matrix.shape)
    made.sort_indices()
    return made


def _turns(lattice: Lattice, chosen: NDArray[np.bool_], *, seed: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the (N,) spots asked for, and the turn (N,) in which each is hidden; spots that share a cell share it."""
    distance, _ = cKDTree(lattice.positions[chosen]).query(lattice.positions)
    cells = np.unique(lattice.token_of_spot[distance <= AROUND])
    spots = np.flatnonzero(np.isin(lattice.token_of_spot, cells))
    turn_of_cell = np.random.default_rng(seed).permutation(cells.size) % N_TURNS
    return spots, turn_of_cell[np.searchsorted(cells, lattice.token_of_spot[spots])]


def _ask(
    spots: NDArray[np.intp],
    turn: NDArray[np.intp],
    *,
    lattice: Lattice,
    sides: tuple[Visible, Visible],
    params: InferenceParameters,
    total: int,
) -> Generator[Progress, None, list[NDArray[np.float32]]]:
    """Yield progress, and return the (N, D) states of the spots before each of the sides, each spot in its turn."""
    blends = [Blend(spots.size, sides[0].tokens.shape[1]) for _ in sides]
    for number in range(N_TURNS):
        held = np.flatnonzero(turn == number)
        shown = np.ones(lattice.n_spots, dtype=np.bool_)
        shown[spots[held]] = False
        kept = np.unique(lattice.token_of_spot[shown])
        if held.size == 0 or kept.size == 0:
            continue
        remaining = lattice.select(shown)
        parts = [replace(s, lattice=remaining, places=s.places[kept], tokens=s.tokens[kept]) for s in sides]
        for crop in windows_around(spots[held], lattice, remaining, params.windows):
            yield Progress(done=number, total=total, message="Asking the model")
            asked = held[inside(crop, lattice.cell_of_spot[spots[held]])]
            cells = lattice.cell_of_spot[spots[asked]]
            for blend, part in zip(blends, parts, strict=True):
                blend.add(asked, part.decode(crop.tokens, lattice.positions[spots[asked]]), crop, cells)
    return [blend.mean() for blend in blends]
