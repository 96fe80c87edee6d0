"""A slide as the model sees it: one token a cell, known genes only, each gene centred on this section."""

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from napari_stimg.errors import InputError
from napari_stimg.expression import GeneMoments, gene_moments, log_expression
from napari_stimg.lattice import Lattice, sum_by_cell
from napari_stimg.slide import Slide
from napari_stimg.vocabulary import Vocabulary

MIN_VARIANCE = 0.01
"""Floor of a gene's variance of log expression: what one count in a few hundred spots gives."""


@dataclass(frozen=True, kw_only=True, eq=False)
class TokenTable:
    """Everything that the model may know of a section.

    Parameters
    ----------
    expression : (K, G) CSR float32
        Log expression of the K occupied cells and the section's G known genes, not centred.
    ids : (G,) int64
        Each gene's index in the vocabulary.
    mean, precision : (G,) float32
        Each gene's mean over the cells, and 1 / its variance (at least ``MIN_VARIANCE``).
    positions : (K, 2) float32
        Where the cells lie, (row, col) in pitches.
    """

    expression: sp.csr_matrix
    ids: NDArray[np.int64]
    mean: NDArray[np.float32]
    precision: NDArray[np.float32]
    positions: NDArray[np.float32]


def precision_of(moments: GeneMoments) -> NDArray[np.float32]:
    """Return (G,) 1 / variance, the variance being at least ``MIN_VARIANCE``."""
    return (1.0 / np.maximum(moments.variance, MIN_VARIANCE)).astype(np.float32)


def token_table(slide: Slide, lattice: Lattice, vocabulary: Vocabulary) -> TokenTable:
    """Return what the model may know of a slide.

    To hide spots, leave them out of the slide (``Slide.select``) before: what is not there cannot leak, neither
    as a count nor through a library size, a mean or a variance.

    Parameters
    ----------
    slide : Slide
        S spots.
    lattice : Lattice
        The lattice of those S spots.
    vocabulary : Vocabulary
        The model's genes.

    Raises
    ------
    InputError
        If the vocabulary knows none of the slide's genes.
    """
    match = vocabulary.match(slide)
    if match.ids.size == 0:
        raise InputError(
            f"{slide.name}: expected genes that the model knows (human or mouse symbols such as "
            f"{vocabulary.symbols[0]}, or Ensembl ids), found none among {slide.n_genes:,} (such as "
            f"{slide.gene_names[0]}); rename the genes or use a checkpoint trained on them."
        )
    expression = log_expression(sum_by_cell(slide.counts, lattice))[:, match.columns]
    expression.sort_indices()
    moments = gene_moments(expression)
    return TokenTable(
        expression=expression,
        ids=match.ids.astype(np.int64),
        mean=moments.mean,
        precision=precision_of(moments),
        positions=lattice.token_positions,
    )
