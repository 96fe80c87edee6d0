"""What is asked of fine-tuning on one section, and what a checkpoint's card records of it. Takes no torch."""

import base64
import zlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray

from napari_stimg.expression import row_blocks
from napari_stimg.slide import Slide

FINE_TUNED = "fine_tuned"
"""Key of a card: the list of what a model was fine-tuned on, in order."""

CHANCE = 0.01
"""Largest share of a section's spots whose fingerprints may be those of another one's spots: they have 32 bits."""


@dataclass(frozen=True, kw_only=True)
class FineTuneParameters:
    """How a model is trained further on one section.

    Parameters
    ----------
    steps : int
        Steps of four crops each; on one core 100 take 10 to 20 s; more gained no more (docs/method.md).
    learning_rate : float
        Peak rate; the model was pretrained with 0.001.
    seed : int
        Of crops, genes and what is hidden in them.
    """

    steps: Annotated[int, {"min": 1, "max": 10_000}] = 100
    learning_rate: Annotated[float, {"min": 1e-5, "max": 1e-2, "step": 1e-4}] = 5e-4
    seed: Annotated[int, {"min": 0, "max": 2**31 - 1}] = 0


def record_of(slide: Slide, mask: NDArray[np.bool_], params: FineTuneParameters, *, loss: float) -> dict[str, Any]:
    """Return what is to be known of a fine-tuning, as JSON can hold it.

    Parameters
    ----------
    slide : Slide
        The section, S spots.
    mask : (S,) bool
        True = hidden from training.
    params : FineTuneParameters
        Steps, rate, seed.
    loss : float
        Of the last steps: squared error of what was hidden, in units of each gene's variance.
    """
    return {
        "section": slide.name,
        "spots": slide.n_spots,
        "visible_spots": int(np.count_nonzero(~mask)),
        "visible": base64.b85encode(spot_fingerprints(slide)[~mask].tobytes()).decode(),
        **asdict(params),
        "loss": round(loss, 5),
    }


def seen_in_tuning(card: Mapping[str, Any], slide: Slide) -> NDArray[np.bool_]:
    """Return the (S,) spots that a model was fine-tuned on, by its card; none if it was not, or on other sections.

    Parameters
    ----------
    card : mapping
        The checkpoint's.
    slide : Slide
        A section, whatever it is called, or a part of one: its spots are known again by their names and counts.
    """
    seen = np.zeros(slide.n_spots, dtype=bool)
    records = _records(card)
    if records:
        fingerprints = spot_fingerprints(slide)
        for record in records:
            of_visible = np.frombuffer(base64.b85decode(record["visible"]), dtype="<u4")
            same = np.isin(fingerprints, of_visible)
            seen |= same & (same.mean() > CHANCE)
    return seen


def spot_fingerprints(slide: Slide) -> NDArray[np.uint32]:
    """Return (S,) little-endian numbers, the same for spots of the same name and counts, in any order of genes."""
    of_gene = np.array([zlib.crc32(name.encode()) | 1 for name in slide.gene_names.tolist()], dtype=np.uint32)
    of_spot = np.array([zlib.crc32(name.encode()) for name in slide.spot_names.tolist()], dtype="<u4")
    counts = slide.counts
    for rows in row_blocks(counts):
        ends = counts.indptr[rows.start : rows.stop + 1]
        stored = slice(ends[0], ends[-1])
        sums = np.zeros(stored.stop - stored.start + 1, dtype=np.uint32)  # modulo 2**32, as are their differences
        np.cumsum(counts.data[stored].view(np.uint32) * of_gene[counts.indices[stored]], out=sums[1:], dtype=np.uint32)
        of_spot[rows] += np.diff(sums[ends - ends[0]])
    return of_spot


def flattery(spots: NDArray[np.bool_]) -> str:
    """Return a warning, in one sentence, of hidden spots, (S,) bool, that the model was fine-tuned on; "" if none."""
    n_seen = int(np.count_nonzero(spots))
    if n_seen == 0:
        return ""
    return (
        f"{n_seen:,} of these spots were visible when the model was fine-tuned, which flatters it: hide spots first, "
        "then fine-tune."
    )


def in_words(card: Mapping[str, Any]) -> str:
    """Return what a model was fine-tuned on, by its card; empty if it was not."""
    return "; ".join(
        f"{record['visible_spots']:,} of {record['spots']:,} spots of {record['section']}, {record['steps']:,} steps, "
        f"loss {record['loss']:.3f}"
        for record in _records(card)
    )


def _records(card: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return a card's records of fine-tuning; others' cards may have something else there."""
    records = card.get(FINE_TUNED)
    keys = {"section", "spots", "visible_spots", "visible", "steps", "loss"}
    return [
        record
        for record in (records if isinstance(records, list) else ())
        if isinstance(record, dict) and keys <= set(record)
    ]
