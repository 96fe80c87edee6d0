"""Which of a file's matrices holds the counts: the first that is integral, else the first that is logged."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import pandas as pd
import scipy.sparse as sp
from numpy.typing import NDArray

from napari_stimg.errors import InputError
from napari_stimg.expression import all_integers

_LARGEST_LOGGED = 20.0
"""log2 of counts per million stays below this; unlogged counts of a whole section do not."""

_ROWS_LOOKED_AT = 2_000
"""So many spots are enough to tell a logarithm from anything else."""

_BASES = (np.e, 2.0, 10.0)


class ValueKind(StrEnum):
    """What the values of a matrix are."""

    COUNTS = "counts"
    LOGGED = "logged values"
    FRACTIONAL = "values that are neither integers nor logged"
    NEGATIVE = "negative values"
    NOT_FINITE = "NaN or infinity"


@dataclass(frozen=True, kw_only=True, eq=False)
class CountCandidate:
    """A matrix that may hold the counts.

    Parameters
    ----------
    label : str
        Where it is, e.g. ``layers["counts"]``.
    load : callable
        Returns it as an (S, G) CSR matrix of float32; called again if it is chosen only after others were looked at.
    var : DataFrame of G rows
        Its genes.
    """

    label: str
    load: Callable[[], sp.csr_matrix]
    var: pd.DataFrame


@dataclass(frozen=True, kw_only=True, eq=False)
class ChosenCounts:
    """The counts of a file: (S, G) CSR float32, where they were, their genes, and what to know of them."""

    counts: sp.csr_matrix
    label: str
    var: pd.DataFrame
    logged: bool = False
    notes: tuple[str, ...] = ()


def choose_counts(candidates: Sequence[CountCandidate], *, name: str) -> ChosenCounts:
    """Return the first candidate of integral counts, else ``expm1`` of the first that is logged.

    Raises
    ------
    InputError
        If no candidate is either; the message says what each holds.
    """
    found: list[tuple[CountCandidate, ValueKind, str]] = []
    for candidate in candidates:
        matrix = candidate.load()
        kind = kind_of_values(matrix)
        if kind is ValueKind.COUNTS:
            notes = tuple(f"{label} was passed over, since it holds {what}." for label, what in _told(found))
            return ChosenCounts(counts=matrix, label=candidate.label, var=candidate.var, notes=notes)
        found.append((candidate, kind, f"{kind} (such as {_example(matrix, kind):g})"))
    for candidate, kind, _ in found:
        if kind is ValueKind.LOGGED:
            return _unlogged(candidate)
    where = ", ".join(f"{what} in {label}" for label, what in _told(found)) or "none of the three"
    raise InputError(
        f'{name}: expected counts (integers >= 0) in layers["counts"], raw or X, or logged values, found {where}; '
        'put the raw counts into layers["counts"].'
    )


def kind_of_values(matrix: sp.csr_matrix) -> ValueKind:
    """Tell counts from logged, fractional, negative and broken values; zeros count for nothing."""
    values = matrix.data
    if not np.isfinite(values).all():
        return ValueKind.NOT_FINITE
    if values.size and values.min() < 0:
        return ValueKind.NEGATIVE
    if all_integers(values):
        return ValueKind.COUNTS
    return ValueKind.FRACTIONAL if base_of_logarithm(matrix) is None else ValueKind.LOGGED


def base_of_logarithm(matrix: sp.csr_matrix) -> float | None:
    """Return b if the values are ``log_b(1 + x)`` of spot-wise scaled counts x, None if they are not logged.

    Scaled counts are whole multiples of the least value of their spot, since that is most often one count scaled.
    So values that are such multiples as they stand are not logged, and the base that makes them such multiples is
    the base of the logarithm. Where no base does (counts that were corrected before the logarithm), small values
    with many decimals are taken for natural logarithms.

    Parameters
    ----------
    matrix : (S, G) CSR matrix
        Finite values >= 0, not all integers.
    """
    head = sp.csr_matrix(matrix[:_ROWS_LOOKED_AT])
    head.eliminate_zeros()
    values = head.data.astype(np.float64)
    if values.size == 0 or values.max() > _LARGEST_LOGGED or _are_multiples(values, head.indptr):
        return None
    for base in _BASES:
        if _are_multiples(np.expm1(values * np.log(base)), head.indptr):
            return base
    few_decimals = np.abs(values * 20 - np.rint(values * 20)) < 1e-4
    return None if few_decimals.mean() > 0.05 else float(np.e)


def _are_multiples(values: NDArray[np.float64], indptr: NDArray[np.integer]) -> bool:
    n_values = np.diff(indptr)
    smallest = np.minimum.reduceat(values, indptr[:-1][n_values > 0])
    ratio = values / np.repeat(smallest, n_values[n_values > 0])
    ratio = ratio[(ratio > 1.2) & (ratio < 50)]
    return bool(ratio.size and np.mean(np.abs(ratio - np.rint(ratio)) < 0.02) > 0.8)


def _unlogged(candidate: CountCandidate) -> ChosenCounts:
    matrix = candidate.load()
    base = base_of_logarithm(matrix) or float(np.e)
    matrix.data = np.expm1(matrix.data * np.float32(np.log(base)))
    called = {np.e: "natural logarithm"}.get(base, f"logarithm to base {base:g}")
    note = f"{candidate.label} holds no counts but logged values ({called}); expression is relative, from those."
    return ChosenCounts(counts=matrix, label=candidate.label, var=candidate.var, logged=True, notes=(note,))


def _told(found: list[tuple[CountCandidate, ValueKind, str]]) -> list[tuple[str, str]]:
    return [(candidate.label, what) for candidate, _, what in found]


def _example(matrix: sp.csr_matrix, kind: ValueKind) -> float:
    values = matrix.data
    if kind is ValueKind.NOT_FINITE:
        return float(values[~np.isfinite(values)][0])
    return float(values.min() if kind is ValueKind.NEGATIVE else values[values != np.rint(values)][0])
