"""Whether a section lies within what the model was tried on, in sentences for whoever looks at it.

The bounds are those of the sections that it was trained and tried on, and of how its reconstructions get worse when
fewer of a section's genes are known to it (docs/model.md).
"""

import numpy as np

from napari_stimg.slide import Slide
from napari_stimg.vocabulary import GeneMatch

FEW_KNOWN = 50
"""Known genes; of fewer the model itself says little."""

FEW_SPOTS = 90
"""Spots of the smallest section that the model was tried on."""

FEW_COUNTS = 37
"""Median counts a spot of the shallowest one."""


def out_of_range(slide: Slide, match: GeneMatch) -> list[str]:
    """Return a sentence on everything that takes a slide out of the model's range; none if it is well within.

    Parameters
    ----------
    slide : Slide
        A section.
    match : GeneMatch
        Which of its genes the model knows.
    """
    n_known = len(match.columns)
    sentences = []
    if n_known == 0:
        sentences.append("The model knows none of the genes: embed, reconstruct and domains will not work.")
    elif n_known < FEW_KNOWN:
        sentences.append(
            f"The model knows {n_known:,} of {slide.n_genes:,} genes; with fewer than {FEW_KNOWN}, most of a "
            "reconstruction comes from the section itself, not from what the model has learned."
        )
    if slide.n_spots < FEW_SPOTS:
        sentences.append(
            f"The section has {slide.n_spots:,} spots, fewer than any that the model was tried on ({FEW_SPOTS}): "
            "nobody knows how well it does there."
        )
    if slide.logged:
        sentences.append(
            "The values are logged, so counting noise cannot be told from expression: the uncertainty of "
            "reconstructions is too large."
        )
    elif (depth := float(np.median(np.asarray(slide.counts.sum(axis=1))))) < FEW_COUNTS:
        sentences.append(
            f"Half of the spots have {depth:,.0f} counts or fewer, less than on any section that the model was tried "
            f"on ({FEW_COUNTS}): nobody knows how well it does there."
        )
    return sentences
