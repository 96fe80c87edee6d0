"""The genes a model knows, human and mouse in one index."""

import re
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from napari_stimg.slide import Slide

_ENSEMBL_ID = re.compile(r"^(ENS[A-Z]*G\d{11})(\.\d+)?$", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True, eq=False)
class GeneMatch:
    """Which genes of a slide a vocabulary knows.

    Parameters
    ----------
    columns : (K,) int
        Columns of the slide, ascending.
    ids : (K,) int
        The vocabulary's index of each, none twice.
    unknown : tuple of str
        Names of the slide's other genes.
    """

    columns: NDArray[np.intp]
    ids: NDArray[np.intp]
    unknown: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class Vocabulary:
    """An index of genes by upper-cased symbol; orthologous human and mouse genes of one symbol share a row.

    Parameters
    ----------
    symbols : tuple of str
        V upper-cased symbols, none twice; a gene's place here is its id.
    aliases : dict of str to int
        Other names of those genes (Ensembl ids of either species, older symbols), upper-cased.
    """

    symbols: tuple[str, ...]
    aliases: dict[str, int]

    def __len__(self) -> int:
        """Return V, the number of genes."""
        return len(self.symbols)

    @cached_property
    def _lookup(self) -> dict[str, int]:
        return self.aliases | {symbol: gene for gene, symbol in enumerate(self.symbols)}

    def id_of(self, name: str, ensembl_id: str = "") -> int | None:
        """Return the id of a gene by its symbol, else by its Ensembl id (any version), else None."""
        for key in (normal_name(name), normal_name(ensembl_id)):
            if key and key in self._lookup:
                return self._lookup[key]
        return None

    def match(self, slide: Slide) -> GeneMatch:
        """Return which of a slide's genes are known; of two columns for one gene, the first counts."""
        taken: dict[int, int] = {}
        unknown = []
        ensembl_ids = slide.gene_ids if slide.gene_ids is not None else [""] * slide.n_genes
        for column, (name, ensembl_id) in enumerate(zip(slide.gene_names, ensembl_ids, strict=True)):
            gene = self.id_of(str(name), str(ensembl_id))
            if gene is None or gene in taken:
                unknown.append(str(name))
            else:
                taken[gene] = column
        return GeneMatch(
            columns=np.fromiter(taken.values(), dtype=np.intp),
            ids=np.fromiter(taken.keys(), dtype=np.intp),
            unknown=tuple(unknown),
        )


def normal_name(name: str) -> str:
    """Return a name upper-cased and stripped, an Ensembl id also without its version."""
    name = name.strip().upper()
    ensembl = _ENSEMBL_ID.match(name)
    return ensembl.group(1) if ensembl else name
