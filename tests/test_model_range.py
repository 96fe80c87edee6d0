import numpy as np
import pytest

from napari_stimg.model_range import FEW_COUNTS, FEW_KNOWN, FEW_SPOTS, out_of_range
from napari_stimg.vocabulary import Vocabulary
from tests.known_slides import slide_of

SYMBOLS = tuple(f"GENE{number}" for number in range(200))


def sentences(
    *,
    n_spots: int = FEW_SPOTS,
    n_genes: int = FEW_KNOWN,
    n_known: int = 200,
    depth: int = FEW_COUNTS,
    logged: bool = False,
) -> list[str]:
    """Return what is said of a section whose spots have all their counts in one gene."""
    counts = np.zeros((n_spots, n_genes))
    counts[:, 0] = depth
    slide = slide_of(counts, logged=logged)
    return out_of_range(slide, Vocabulary(symbols=SYMBOLS[:n_known], aliases={}).match(slide))


def test_nothing_is_said_of_a_section_within_the_range() -> None:
    assert sentences() == []


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        (
            {"n_genes": 120, "n_known": FEW_KNOWN - 1},
            f"knows {FEW_KNOWN - 1} of 120 genes; with fewer",
        ),
        ({"n_known": 0}, "knows none of the genes"),
        ({"n_spots": FEW_SPOTS - 1}, f"has {FEW_SPOTS - 1} spots, fewer than any"),
        ({"depth": FEW_COUNTS - 1}, f"have {FEW_COUNTS - 1} counts or fewer, less than on any"),
        ({"logged": True, "depth": 1}, "logged, so counting noise cannot be told"),
    ],
)
def test_what_is_out_of_range_is_said_in_one_sentence(fields: dict[str, int], said: str) -> None:
    (sentence,) = sentences(**fields)  # type: ignore[arg-type]
    assert said in sentence
    assert sentence.endswith(".")
    assert sentence.count(". ") == 0
