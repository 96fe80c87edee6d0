"""The labels that experts gave to the spots of a section."""

from napari_stimg.labels import Labels, labels_of
from napari_stimg.slide import Slide

LABEL_COLUMNS = ("layer", "region")
"""Columns of ``Slide.obs`` that may hold expert labels."""


def expert_labels(slide: Slide) -> Labels | None:
    """Return the labels of experts, None if the section has none or only one."""
    for column in LABEL_COLUMNS:
        if column in slide.obs:
            labels = labels_of(slide, column)
            return labels if len(labels.names) > 1 else None
    return None
