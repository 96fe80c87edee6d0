"""From a corpus to what a run learns from: its sections, its genes, and the tables that loadings are fitted to."""

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from napari_stimg.crops import crop_at
from napari_stimg.errors import InputError
from napari_stimg.tokens import TokenTable, precision_of
from napari_stimg.vocabulary import Vocabulary
from trainer.config import DataConfig
from trainer.sampling import Entries
from trainer.sections import Sections, TrainingSection, cells_of
from trainer.store import Corpus, Section

MIN_VALIDATION_CELLS = 32
"""Fewer tell next to nothing of a model."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Data:
    """What a run learns from and is checked on.

    Parameters
    ----------
    training, validation : Sections
        None is in both.
    vocabulary : Vocabulary
        The model's genes.
    """

    training: Sections
    validation: Sections
    vocabulary: Vocabulary


def choose_names(corpus: Corpus, config: DataConfig) -> tuple[list[str], list[str]]:
    """Return the names of the sections to train on and to validate on.

    Raises
    ------
    InputError
        If a pattern matches no section, or none is left to train on.
    """
    for key in ("training", "validation", "left_out"):
        for pattern in getattr(config, key):
            if not any(_matches(name, pattern) for name in corpus.names):
                raise InputError(
                    f"data.{key}: expected a pattern of sections in {corpus.path} (such as {corpus.names[0]}), "
                    f"found {pattern!r}, which matches none; correct it."
                )

    def matching(patterns: Sequence[str]) -> set[str]:
        return {name for name in corpus.names if any(_matches(name, pattern) for pattern in patterns)}

    left_out = matching(config.left_out)
    validation = matching(config.validation) - left_out
    training = matching(config.training) - validation - left_out
    if config.validation and not validation:
        raise InputError(
            "data.validation: expected sections to validate on, found all of them in data.left_out; leave some."
        )
    if not training:
        raise InputError(
            f"data.training: expected sections of {corpus.path} to train on, found all of them in data.validation "
            "or data.left_out; leave some."
        )
    return [name for name in corpus.names if name in training], [name for name in corpus.names if name in validation]


def _matches(name: str, pattern: str) -> bool:
    """Say whether a section is meant: by its very name, whatever characters it has, or by a pattern."""
    return name == pattern or fnmatchcase(name, pattern)


def load_data(corpus: Corpus, config: DataConfig, *, known: Vocabulary | None = None) -> Data:
    """Return the sections and genes of a run.

    Parameters
    ----------
    corpus : Corpus
        What was packed.
    config : DataConfig
        Which of it.
    known : Vocabulary, optional
        Genes of a model that is trained further: they keep their ids, new ones come after them.

    Raises
    ------
    InputError
        If there are no sections to train on, or no genes, or a section has none of them.
    """
    training, validation = choose_names(corpus, config)
    n_detected = np.zeros(len(corpus.vocabulary), dtype=np.int64)
    for name in training:
        section = corpus.section(name)
        n_detected[section.ids] += section.n_detected
    vocabulary, id_of_gene = _model_genes(corpus.vocabulary, n_detected >= config.min_spots, known)
    if not len(vocabulary):
        raise InputError(
            f"data.min_spots: expected genes counted in at least {config.min_spots:,} spots, found none; lower it."
        )
    measured = id_of_gene[n_detected > 0]
    if known is not None and not ((measured >= 0) & (measured < len(known))).any():
        raise InputError(
            f"data.training: expected sections with genes that the model knows (such as {known.symbols[0]}), found "
            "none; train from the corpus alone, without --from."
        )
    for name in validation:
        if corpus.entry(name).cells < MIN_VALIDATION_CELLS:
            raise InputError(
                f"data.validation: expected sections of at least {MIN_VALIDATION_CELLS} cells, found "
                f"{corpus.entry(name).cells} in {name}; name it in data.left_out."
            )
    for name in (*training, *validation):
        ids = corpus.section(name).ids
        if not (id_of_gene[ids] >= 0).any():
            raise InputError(
                f"{name}: expected genes that the model learns, found none among its {len(ids):,}; "
                "name it in data.left_out, or lower data.min_spots."
            )
    return Data(
        training=Sections(corpus, training, id_of_gene),
        validation=Sections(corpus, validation, id_of_gene),
        vocabulary=vocabulary,
    )


def _model_genes(
    genes: Vocabulary, frequent: NDArray[np.bool_], known: Vocabulary | None
) -> tuple[Vocabulary, NDArray[np.int64]]:
    """Return the model's genes, and the model's id of each of the corpus' V genes, -1 for those left out."""
    symbols = [] if known is None else list(known.symbols)
    aliases = {} if known is None else dict(known.aliases)
    id_of_gene = np.full(len(genes), -1, dtype=np.int64)
    if known is not None:
        for name, gene in (genes.aliases | {symbol: gene for gene, symbol in enumerate(genes.symbols)}).items():
            found = known.id_of(name)  # symbols come last, so they decide
            id_of_gene[gene] = id_of_gene[gene] if found is None else found
    for gene in np.flatnonzero(frequent & (id_of_gene < 0)).tolist():
        id_of_gene[gene] = len(symbols)
        symbols.append(genes.symbols[gene])
    taken = set(symbols)
    for name, gene in genes.aliases.items():
        if id_of_gene[gene] >= 0 and name not in taken:
            aliases.setdefault(name, int(id_of_gene[gene]))
    return Vocabulary(symbols=tuple(symbols), aliases=aliases), id_of_gene


def token_tables(sections: Sequence[TrainingSection], *, max_cells: int, rng: np.random.Generator) -> list[TokenTable]:
    """Return sections as the model sees them, for fitting loadings; of a large corpus, a random part.

    Parameters
    ----------
    sections : sequence of TrainingSection
        The training sections.
    max_cells : int
        Cells to take about: sections in random order, of each a square of at most a tenth of them (and all, if all
        sections together have no more).
    rng : numpy Generator
        Which.
    """
    if cells_of(sections).sum() <= max_cells:
        return [_token_table(training, np.arange(training.section.n_cells)) for training in sections]
    tables: list[TokenTable] = []
    n_cells = 0
    for number in rng.permutation(len(sections)):
        cells = _square(sections[number].section, max(1, max_cells // 10), rng)
        tables.append(_token_table(sections[number], cells))
        n_cells += cells.size
        if n_cells >= max_cells:
            break
    return tables


def _square(section: Section, max_cells: int, rng: np.random.Generator) -> NDArray[np.intp]:
    """Return the cells of a random square of a section that holds at most about so many."""
    if section.n_cells <= max_cells:
        return np.arange(section.n_cells)
    height, width = section.lattice.shape
    side = max(1, int(np.sqrt(max_cells * height * width / section.n_cells)))
    row, col = (int(rng.integers(max(1, extent - side + 1))) for extent in (height, width))
    return crop_at(section.lattice, row, col, (side, side)).tokens


def _token_table(training: TrainingSection, cells: NDArray[np.intp]) -> TokenTable:
    section = training.section
    entries = Entries.of(section, cells)
    parts = (entries.expression, entries.genes, entries.first)
    expression = sp.csr_matrix(parts, shape=(cells.size, section.n_genes))[:, training.columns]
    moments = section.moments[1.0]
    return TokenTable(
        expression=expression,
        ids=training.ids,
        mean=moments.mean[training.columns],
        precision=precision_of(moments)[training.columns],
        positions=section.lattice.token_positions[cells],
    )
