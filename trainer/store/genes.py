"""The genes of a corpus: an index that grows and never renumbers."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from napari_stimg.vocabulary import Vocabulary, normal_name

UNUSED = -1
"""The id of a column that names a gene which an earlier column of its section has: of two, the first counts."""

ENSEMBL_ID = re.compile(r"ENS[A-Z]*G\d{11}")
"""Only such ids become aliases: what else files keep in their place (numbers, "nan") would merge genes."""


@dataclass(frozen=True, kw_only=True, eq=False)
class NewGenes:
    """What a section brings to the index.

    Parameters
    ----------
    ids : (G,) int32
        The index of each of its genes, ``UNUSED`` where an earlier one of its genes has it.
    symbols : tuple of str
        Genes that the index did not have; they take the next ids.
    aliases : dict of str to int
        Names that the index did not have, of genes old and new.
    """

    ids: NDArray[np.int32]
    symbols: tuple[str, ...]
    aliases: dict[str, int]


@dataclass(kw_only=True, eq=False)
class GeneIndex:
    """Genes by upper-cased symbol and by alias; genes are added at its end, ids never change."""

    symbols: list[str] = field(default_factory=list)
    _id_of_name: dict[str, int] = field(default_factory=dict)

    def add(self, names: Sequence[str], ensembl_ids: Sequence[str]) -> NewGenes:
        """Return the ids of a section's genes, having added those that are new.

        A gene is known by its symbol, else by its Ensembl id, as in ``Vocabulary``; one without either is ``UNUSED``.

        Parameters
        ----------
        names, ensembl_ids : G str each
            The section's genes in the order of its file; an id is empty where there is none.
        """
        n_before = len(self.symbols)
        ids = np.full(len(names), UNUSED, dtype=np.int32)
        taken: set[int] = set()
        aliases: dict[str, int] = {}
        for column, (name, ensembl_id) in enumerate(zip(names, ensembl_ids, strict=True)):
            keys = [key for key in (normal_name(name), _ensembl(ensembl_id)) if key]
            gene = next((self._id_of_name[key] for key in keys if key in self._id_of_name), None)
            if not keys or gene in taken:  # a gene without any name is none that another section could share
                continue
            if gene is None:
                gene = len(self.symbols)
                self.replay([keys[0]], {})
            new = {key: gene for key in keys if key not in self._id_of_name}
            self.replay([], new)
            aliases |= new
            taken.add(gene)
            ids[column] = gene
        return NewGenes(ids=ids, symbols=tuple(self.symbols[n_before:]), aliases=aliases)

    def replay(self, symbols: Sequence[str], aliases: Mapping[str, int]) -> None:
        """Take up genes and aliases that a section brought, as the journal has them."""
        for symbol in symbols:
            self._id_of_name[symbol] = len(self.symbols)
            self.symbols.append(symbol)
        self._id_of_name.update(aliases)

    def vocabulary(self) -> Vocabulary:
        """Return the genes so far."""
        named = set(self.symbols)
        aliases = {name: gene for name, gene in self._id_of_name.items() if name not in named}
        return Vocabulary(symbols=tuple(self.symbols), aliases=aliases)


def _ensembl(name: str) -> str:
    """Return an Ensembl id without its version, an empty text for anything else."""
    normal = normal_name(name)
    return normal if ENSEMBL_ID.fullmatch(normal) else ""
