"""Telling the sections of one file apart."""

from collections.abc import Iterable

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_stimg.errors import InputError
from napari_stimg.keys import SAMPLE_COLUMNS, SECTION_COLUMNS

_OVERLAP = 0.25
"""Share of the smaller bounding box: pieces of tissue that lie beside each other on one slide stay below it."""


class SeveralSectionsError(InputError):
    """A file holds several sections, and none was chosen.

    Parameters
    ----------
    message : str
        What the user reads.
    sections : iterable of str
        What may be chosen.
    """

    def __init__(self, message: str, sections: Iterable[str]) -> None:
        super().__init__(message)
        self.sections = tuple(sections)


def spots_of_section(
    obs: pd.DataFrame, places: NDArray[np.float64], *, section: str | None, name: str
) -> NDArray[np.bool_]:
    """Return (S,) bool: the spots of the chosen section, or all of them if the file holds but one.

    Parameters
    ----------
    obs : DataFrame of S rows
        What the file says of its spots.
    places : (S, 2)
        Positions (row, col), to tell samples that share one slide from samples that overlap.
    section : str or None
        The section's name, a value of one of ``SECTION_COLUMNS`` or ``SAMPLE_COLUMNS``.

    Raises
    ------
    SeveralSectionsError
        If there are several sections and none is chosen.
    InputError
        If the chosen section is not in the file.
    """
    if section is not None:
        return _spots_named(obs, section, name=name)
    column = _column_of_sections(obs, places)
    if column is not None:
        sections = _values(obs[column]).dropna().unique()
        raise SeveralSectionsError(
            f"{name}: expected one section, found {len(sections)} in obs column {column} ({_listed(sections)}); "
            "choose one by its name (section=, or --section).",
            sections,
        )
    return np.ones(len(obs), dtype=bool)


def _spots_named(obs: pd.DataFrame, section: str, *, name: str) -> NDArray[np.bool_]:
    columns = [column for column in SECTION_COLUMNS + SAMPLE_COLUMNS if column in obs]
    for column in columns:
        spots: NDArray[np.bool_] = (_values(obs[column]) == section).fillna(False).to_numpy(dtype=bool)
        if spots.any():
            return spots
    available = [value for column in columns for value in _values(obs[column]).dropna().unique()]
    raise InputError(
        f"{name}: expected one of its sections ({_listed(available) or 'it names none'}), found {section!r}; "
        "choose one of those, or none where there is but one."
    )


def _column_of_sections(obs: pd.DataFrame, places: NDArray[np.float64]) -> str | None:
    for column in SECTION_COLUMNS:
        if column in obs and _values(obs[column]).nunique() > 1:
            return column
    for column in SAMPLE_COLUMNS:
        if column in obs and _values(obs[column]).nunique() > 1 and _overlap(_values(obs[column]), places):
            return column
    return None


def _overlap(samples: pd.Series, places: NDArray[np.float64]) -> bool:
    boxes = [
        (places[spots].min(axis=0), places[spots].max(axis=0)) for spots in samples.groupby(samples).indices.values()
    ]
    for number, (low, high) in enumerate(boxes):
        for other_low, other_high in boxes[number + 1 :]:
            shared = np.clip(np.minimum(high, other_high) - np.maximum(low, other_low), 0, None).prod()
            smaller = min((high - low).prod(), (other_high - other_low).prod())
            if smaller > 0 and shared > _OVERLAP * smaller:
                return True
    return False


def _values(column: pd.Series) -> pd.Series:
    return column.astype(object).where(column.notna(), None).map(str, na_action="ignore")


def _listed(values: Iterable[str], n_shown: int = 12) -> str:
    named = list(values)
    return ", ".join(named[:n_shown]) + (", …" if len(named) > n_shown else "")
