"""The genes a model knows, human and mouse in one index."""

import re
from collections.abc import Iterable
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


def build_vocabulary(slides: Iterable[Slide], *, min_spots: int = 10) -> Vocabulary:
    """Return the vocabulary of the genes that these slides measured.

    Symbols that slides give for one Ensembl id are one gene: the symbol seen on most slides names it, the others
    become aliases, so that renamed genes meet.

    Parameters
    ----------
    slides : iterable of Slide
        The training sections.
    min_spots : int
        Spots, over all slides, in which a gene must have been counted, >= 1.
    """
    n_spots: dict[str, int] = {}
    n_slides: dict[str, int] = {}
    symbols_of_id: dict[str, set[str]] = {}
    for slide in slides:
        detected = np.bincount(slide.counts.indices, minlength=slide.n_genes)
        ids = slide.gene_ids if slide.gene_ids is not None else [""] * slide.n_genes
        for name, ensembl_id, spots in zip(slide.gene_names, ids, detected, strict=True):
            symbol = normal_name(str(name))
            n_spots[symbol] = n_spots.get(symbol, 0) + int(spots)
            n_slides[symbol] = n_slides.get(symbol, 0) + 1
            if ensembl_id:
                symbols_of_id.setdefault(normal_name(str(ensembl_id)), set()).add(symbol)
    main_symbol = {
        symbol: max(sorted(synonyms), key=n_slides.__getitem__)
        for synonyms in symbols_of_id.values()
        for symbol in synonyms
    }
    total: dict[str, int] = {}
    for symbol, spots in n_spots.items():
        total[main_symbol.get(symbol, symbol)] = total.get(main_symbol.get(symbol, symbol), 0) + spots
    symbols = tuple(sorted(symbol for symbol, spots in total.items() if spots >= min_spots))
    index = {symbol: gene for gene, symbol in enumerate(symbols)}
    names = {symbol: main for symbol, main in main_symbol.items() if symbol != main}
    names |= {ensembl_id: main_symbol[min(synonyms)] for ensembl_id, synonyms in symbols_of_id.items()}
    aliases = {name: index[main] for name, main in sorted(names.items()) if main in index and name not in index}
    return Vocabulary(symbols=symbols, aliases=aliases)


def normal_name(name: str) -> str:
    """Return a name upper-cased and stripped, an Ensembl id also without its version."""
    name = name.strip().upper()
    ensembl = _ENSEMBL_ID.match(name)
    return ensembl.group(1) if ensembl else name
