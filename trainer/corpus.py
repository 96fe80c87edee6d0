"""The training sections in memory, each by the vocabulary's index."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from napari_stimg.expression import GeneMoments, gene_moments, log_expression, thin
from napari_stimg.lattice import Lattice, find_lattice, sum_by_cell
from napari_stimg.slide import Slide
from napari_stimg.tokens import TokenTable, token_table
from napari_stimg.vocabulary import Vocabulary

THINNINGS = (1.0, 0.7, 0.5)
"""Shares of the counts that a crop may show; a section's gene moments are known at each."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Section:
    """A training section.

    Parameters
    ----------
    name : str
        Of the slide.
    lattice : Lattice
        Its K occupied cells.
    counts, expression : (K, G) CSR float32
        Counts of the known genes, by cell, and their log expression.
    library_size : (K,) int64
        Counts of all genes, the unknown ones included.
    ids : (G,) int64
        Each gene's index in the vocabulary.
    moments : dict of float to GeneMoments
        Mean and variance of log expression at each of ``THINNINGS``.
    """

    name: str
    lattice: Lattice
    counts: sp.csr_matrix
    expression: sp.csr_matrix
    library_size: NDArray[np.int64]
    ids: NDArray[np.int64]
    moments: dict[float, GeneMoments]


def load_sections(slides: Iterable[Slide], vocabulary: Vocabulary, *, seed: int = 0) -> list[Section]:
    """Return the slides as training sections; ``seed`` is that of the thinning for their moments."""
    rng = np.random.default_rng(seed)
    return [_load_section(slide, vocabulary, rng) for slide in slides]


def _load_section(slide: Slide, vocabulary: Vocabulary, rng: np.random.Generator) -> Section:
    lattice = find_lattice(slide)
    counts = sum_by_cell(slide.counts, lattice)
    match = vocabulary.match(slide)
    moments = {
        share: gene_moments(log_expression(counts if share == 1 else thin(counts, share, rng))[:, match.columns])
        for share in THINNINGS
    }
    return Section(
        name=slide.name,
        lattice=lattice,
        counts=counts[:, match.columns],
        expression=log_expression(counts)[:, match.columns],
        library_size=np.asarray(counts.sum(axis=1)).ravel().astype(np.int64),
        ids=match.ids.astype(np.int64),
        moments=moments,
    )


def token_tables(slides: Iterable[Slide], vocabulary: Vocabulary) -> list[TokenTable]:
    """Return the slides as the model sees them, for fitting loadings."""
    return [token_table(slide, find_lattice(slide), vocabulary) for slide in slides]
