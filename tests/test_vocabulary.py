import numpy as np
import pytest

from napari_stimg.slide import Slide
from napari_stimg.vocabulary import Vocabulary
from tests.known_slides import slide_of


def measured(genes: list[str], ids: list[str] | None = None, *, n_spots: int = 10) -> Slide:
    """Return a slide on which every gene is counted in every spot."""
    return slide_of(
        np.ones((n_spots, len(genes))),
        gene_names=np.array(genes),
        gene_ids=None if ids is None else np.array(ids),
    )


VOCABULARY = Vocabulary(symbols=("ACTB", "MBP", "SEPTIN4"), aliases={"ENSG00000197971": 1, "SEPT4": 2})


@pytest.mark.parametrize(
    ("name", "ensembl_id", "gene"),
    [
        ("MBP", "", 1),
        ("mbp", "", 1),
        (" Mbp ", "", 1),
        ("ENSG00000197971", "", 1),
        ("ensg00000197971.18", "", 1),
        ("renamed", "ENSG00000197971.3", 1),
        ("SEPT4", "", 2),
        ("ACTB", "ENSG00000197971", 0),
        ("unknown", "ENSG00000000000", None),
        ("ENSG00000197971-AS1", "", None),
        ("MBP.1", "", None),
        ("", "", None),
    ],
)
def test_a_gene_is_known_by_symbol_synonym_or_ensembl_id_of_any_version(
    name: str, ensembl_id: str, gene: int | None
) -> None:
    assert VOCABULARY.id_of(name, ensembl_id) == gene


def test_a_slide_is_matched_column_by_column_and_what_is_unknown_is_named() -> None:
    match = VOCABULARY.match(measured(["Xist", "septin4", "Actb", "Neat1"]))
    assert match.columns.tolist() == [1, 2]
    assert match.ids.tolist() == [2, 0]
    assert match.unknown == ("Xist", "Neat1")


def test_of_two_columns_for_one_gene_the_first_counts_and_the_other_is_unknown() -> None:
    match = VOCABULARY.match(measured(["SEPT4", "ACTB", "SEPTIN4"]))
    assert (match.columns.tolist(), match.ids.tolist()) == ([0, 1], [2, 0])
    assert match.unknown == ("SEPTIN4",)


def test_a_slide_s_ensembl_ids_are_used_where_its_symbols_are_unknown() -> None:
    match = VOCABULARY.match(measured(["gene1", "ACTB"], ["ENSG00000197971", ""]))
    assert (match.columns.tolist(), match.ids.tolist()) == ([0, 1], [1, 0])


def test_a_slide_of_unknown_genes_matches_nothing() -> None:
    match = VOCABULARY.match(measured(["X1", "X2"]))
    assert match.columns.size == match.ids.size == 0
    assert match.unknown == ("X1", "X2")
