"""How a checkpoint is evaluated."""

from dataclasses import dataclass

from napari_stimg.errors import InputError

PARTS = ("reconstruction", "domains", "probes")
"""What can be evaluated."""


@dataclass(frozen=True, kw_only=True)
class EvaluateParameters:
    """How a checkpoint is evaluated.

    Parameters
    ----------
    what : tuple of str
        Which of ``PARTS``.
    sides : tuple of int
        Sides of hidden squares, in cells (irregular sections: in pitches), each >= 1.
    n_squares : int
        Squares of each side, >= 1.
    n_scattered : int
        Single spots that are hidden all at once, >= 1; at most a fifth of a section's.
    min_tissue : float
        Least share of a square's cells that hold tissue.
    n_genes : int
        Most variable genes that are scored.
    n_seeds : int
        Seeds of the clustering.
    n_scribbles : int
        Times that labels are scribbled, or drawn at random.
    seed : int
        Of the places of squares, of noise, of scribbles.

    Raises
    ------
    InputError
        If a part is unknown or none is asked for, or a side or number is not at least 1.
    """

    what: tuple[str, ...] = PARTS
    sides: tuple[int, ...] = (1, 4, 8, 14)
    n_squares: int = 20
    n_scattered: int = 200
    min_tissue: float = 0.9
    n_genes: int = 2000
    n_seeds: int = 5
    n_scribbles: int = 10
    seed: int = 0

    def __post_init__(self) -> None:
        unknown = [part for part in self.what if part not in PARTS]
        if unknown or not self.what:
            raise InputError(
                f"expected parts of an evaluation ({', '.join(PARTS)}), found {', '.join(unknown) or 'none'}; "
                "name one or several, separated by commas."
            )
        numbers = (self.n_squares, self.n_scattered, self.n_genes, self.n_seeds, self.n_scribbles)
        if min(*self.sides, *numbers) < 1:
            raise InputError(
                f"expected sides, squares, scattered spots, genes, seeds and scribbles of at least 1, found {self}; "
                "give larger numbers."
            )
