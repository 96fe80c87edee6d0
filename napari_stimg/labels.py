"""Labels that a file has for its spots: which columns hold some, and what they say."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_stimg.errors import InputError
from napari_stimg.keys import ARRAY_COL, ARRAY_ROW, LATTICE_COL, LATTICE_ROW
from napari_stimg.slide import Slide

MOST_LABELS = 64
"""A column of more different values is not one of labels."""

UNLABELLED = ("", "nan", "NaN", "NA", "None")
"""Texts that stand for no label."""

_NOT_LABELS = (ARRAY_ROW, ARRAY_COL, LATTICE_ROW, LATTICE_COL)


@dataclass(frozen=True, kw_only=True, eq=False)
class Labels:
    """Labels of spots.

    Parameters
    ----------
    key : str
        Their column of ``obs``.
    names : tuple of K str
        The labels, each held by a spot, in the order of a categorical, else sorted.
    codes : (S,) int64
        Index of each spot's label in ``names``, -1 = unlabelled.
    """

    key: str
    names: tuple[str, ...]
    codes: NDArray[np.int64]

    @property
    def n_labelled(self) -> int:
        """Spots that have a label."""
        return int((self.codes >= 0).sum())


def label_columns(slide: Slide) -> list[Labels]:
    """Return the columns of a slide's ``obs`` that hold 2 to ``MOST_LABELS`` different texts or whole numbers."""
    keys = [str(key) for key in slide.obs.columns if key not in _NOT_LABELS and slide.obs[key].dtype != np.bool_]
    found = [_labels_of(slide.obs[key], key) for key in keys]
    return [labels for labels in found if labels is not None and 2 <= len(labels.names) <= MOST_LABELS]


def labels_of(slide: Slide, key: str) -> Labels:
    """Return the labels in one column of a slide's ``obs``; NaN, empty text and -1 stand for none.

    Raises
    ------
    InputError
        If there is no such column, or it holds no labels, or more than ``MOST_LABELS`` different ones.
    """
    if key not in slide.obs:
        usable = ", ".join(labels.key for labels in label_columns(slide)) or "it has none"
        raise InputError(
            f"{slide.name}: expected a column of obs that holds labels ({usable}), found no column {key!r}; "
            "name one that is there."
        )
    labels = _labels_of(slide.obs[key], key)
    if labels is None or len(labels.names) > MOST_LABELS:
        raise InputError(
            f"{slide.name}: expected at most {MOST_LABELS} different labels in obs {key}, found "
            f"{slide.obs[key].nunique():,} different values; name a column of texts or whole numbers."
        )
    return labels


def _labels_of(column: pd.Series, key: str) -> Labels | None:
    """Return the labels of a column, None if it holds fractions."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        order = [str(value) for value in column.cat.categories]
        values = column.astype(object)
    elif pd.api.types.is_numeric_dtype(column):
        values = column.astype(np.float64).where(column != -1)
        if not (values.dropna() % 1 == 0).all():
            return None
        values = values.astype("Int64").astype(object)
        order = [str(value) for value in sorted(values.dropna().unique())]
    else:
        values = column.astype(object)
        order = sorted({str(value) for value in values.dropna()})
    texts = values.where(values.notna(), None).map(str, na_action="ignore")
    held = set(texts.dropna()) - set(UNLABELLED)
    names = tuple(name for name in order if name in held)
    codes = pd.Index(names, dtype=object).get_indexer(pd.Index(texts, dtype=object))
    return Labels(key=key, names=names, codes=codes.astype(np.int64))
