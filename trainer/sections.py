"""The sections of a run as its model knows them, opened when they are needed."""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import overload

import numpy as np
from numpy.typing import NDArray

from trainer.store import Corpus, Section

OPEN_AT_ONCE = 1024
"""Sections whose arrays are mapped at a time: systems limit the number of maps (Linux: 65,530), a section takes 13."""


@dataclass(frozen=True, kw_only=True, eq=False)
class TrainingSection:
    """A section of the corpus as a model knows it.

    Parameters
    ----------
    section : Section
        Its cells and counts.
    columns : (G,) int
        Columns of the genes that the model knows, ascending.
    ids : (G,) int64
        The model's index of each.
    """

    section: Section
    columns: NDArray[np.intp]
    ids: NDArray[np.int64]


class Sections(Sequence[TrainingSection]):
    """Sections of a corpus, mapped from disk when they are asked for; those asked for last stay open.

    Parameters
    ----------
    corpus : Corpus
        What was packed.
    names : sequence of str
        Which of its sections.
    id_of_gene : (V,) int64
        The model's id of each of the corpus' genes, -1 for those it does not know.
    """

    def __init__(self, corpus: Corpus, names: Sequence[str], id_of_gene: NDArray[np.int64]) -> None:
        self.names = tuple(names)
        self.n_cells = np.array([corpus.entry(name).cells for name in names], dtype=np.int64)
        self._corpus = corpus
        self._id_of_gene = id_of_gene
        self._open: OrderedDict[int, TrainingSection] = OrderedDict()

    def __getstate__(self) -> dict[str, object]:
        """Return what a worker process is sent: it maps the sections anew, else their arrays would be copied."""
        return self.__dict__ | {"_open": OrderedDict()}

    def __len__(self) -> int:
        """Return the number of sections."""
        return len(self.names)

    @overload
    def __getitem__(self, index: int) -> TrainingSection: ...

    @overload
    def __getitem__(self, index: slice) -> list[TrainingSection]: ...

    def __getitem__(self, index: int | slice) -> TrainingSection | list[TrainingSection]:
        """Return a section, or several."""
        if isinstance(index, slice):
            return [self[number] for number in range(*index.indices(len(self)))]
        number = range(len(self))[index]
        if number not in self._open:
            self._open[number] = as_known(self._corpus.section(self.names[number]), self._id_of_gene)
            if len(self._open) > OPEN_AT_ONCE:
                self._open.popitem(last=False)
        self._open.move_to_end(number)
        return self._open[number]


def cells_of(sections: Sequence[TrainingSection]) -> NDArray[np.int64]:
    """Return (sections,) how many cells each has, without opening those of a corpus."""
    if isinstance(sections, Sections):
        return sections.n_cells
    return np.array([training.section.n_cells for training in sections], dtype=np.int64)


def as_known(section: Section, id_of_gene: NDArray[np.int64]) -> TrainingSection:
    """Return a section with the genes that a model knows.

    Parameters
    ----------
    section : Section
        Of a corpus.
    id_of_gene : (V,) int64
        The model's id of each of the corpus' genes, -1 for those it does not know; of two columns for one gene, the
        first counts.
    """
    ids = id_of_gene[section.ids]
    _, first = np.unique(ids, return_index=True)
    columns = np.sort(first)
    columns = columns[ids[columns] >= 0]
    return TrainingSection(section=section, columns=columns, ids=ids[columns])
