"""Which genes are scored."""

from collections.abc import Sequence

from napari_stimg.errors import InputError
from napari_stimg.expression import most_variable
from napari_stimg.slide import Slide


def shared_genes(reference: Slide, slides: Sequence[Slide], n_genes: int) -> list[str]:
    """Return the names of the most variable genes of a reference that all slides have.

    Raises
    ------
    InputError
        If no gene is on all of them.
    """
    shared = set(reference.gene_names).intersection(*(slide.gene_names for slide in slides))
    ranked = reference.gene_names[most_variable(reference.counts, reference.n_genes)]
    names = [str(name) for name in ranked if name in shared][:n_genes]
    if not names:
        raise InputError(
            f"expected genes of {reference.name} that all sections have, found none; evaluate sections of one platform."
        )
    return names
