"""How a gene's expression is changed to ask what the model then expects. Takes no torch."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_stimg.errors import InputError
from napari_stimg.expression import TARGET_SUM

MAX_LOG_EXPRESSION = float(np.log1p(TARGET_SUM))
"""Log expression of a gene that has all counts of a spot."""


@dataclass(frozen=True, kw_only=True)
class Scale:
    """Multiply normalised expression.

    Parameters
    ----------
    factor : float
        By this, >= 0; 0 knocks the gene out.

    Raises
    ------
    InputError
        If it is negative or infinite.
    """

    factor: float

    def __post_init__(self) -> None:
        if not (np.isfinite(self.factor) and self.factor >= 0):
            raise InputError(f"expected a finite factor >= 0, found {self.factor:g}; give 0 to knock the gene out.")

    @property
    def needs_expression(self) -> bool:
        """Whether nothing changes where the gene is not expressed."""
        return True

    @property
    def in_words(self) -> str:
        """What becomes of the gene."""
        return f"x {self.factor:g}"

    def of(
        self, expression: NDArray[np.float64], of_gene: NDArray[np.float64], of_all: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Return the changed expression of cells, (K,) >= 0, not logged.

        Parameters
        ----------
        expression : (K,) float
            As measured.
        of_gene, of_all : (K,) float
            Share of the cell's counts of the gene, and of all genes, that is of changed spots, 0 to 1.
        """
        return expression * (1 + (self.factor - 1) * of_gene)


@dataclass(frozen=True, kw_only=True)
class SetTo:
    """Give a gene the same expression everywhere.

    Parameters
    ----------
    log_expression : float
        This one, 0 to `MAX_LOG_EXPRESSION`, as the panel shows it; 0 knocks the gene out.

    Raises
    ------
    InputError
        If it is out of these bounds.
    """

    log_expression: float

    def __post_init__(self) -> None:
        if not 0 <= self.log_expression <= MAX_LOG_EXPRESSION:
            raise InputError(
                f"expected a log expression from 0 to {MAX_LOG_EXPRESSION:.2f}, found {self.log_expression:g}; give 0 "
                "to knock the gene out."
            )

    @property
    def needs_expression(self) -> bool:
        """Whether nothing changes where the gene is not expressed."""
        return self.log_expression == 0

    @property
    def in_words(self) -> str:
        """What becomes of the gene."""
        return f"{self.log_expression:g}"

    def of(
        self, expression: NDArray[np.float64], of_gene: NDArray[np.float64], of_all: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Return the changed expression of cells; see `Scale.of`."""
        everywhere = float(np.expm1(self.log_expression))
        return expression * (1 - of_gene) + everywhere * of_all


Change = Scale | SetTo
