import numpy as np
import pytest

from napari_stimg.slide import Slide
from napari_stimg.vocabulary import Vocabulary, build_vocabulary
from tests.known_slides import slide_of


def measured(genes: list[str], ids: list[str] | None = None, *, n_spots: int = 10) -> Slide:
    """Return a slide on which every gene is counted in every spot."""
    return slide_of(
        np.ones((n_spots, len(genes))),
        gene_names=np.array(genes),
        gene_ids=None if ids is None else np.array(ids),
    )


# --- building ------------------------------------------------------------------------------------------


def test_human_and_mouse_genes_of_one_symbol_are_one() -> None:
    human = measured(["MBP", "ACTB"], ["ENSG00000197971", "ENSG00000075624"])
    mouse = measured(["Mbp", "Xkr4"], ["ENSMUSG00000041607", "ENSMUSG00000051951"])
    vocabulary = build_vocabulary([human, mouse])
    assert vocabulary.symbols == ("ACTB", "MBP", "XKR4")
    assert len(vocabulary) == 3
    assert {vocabulary.id_of(name) for name in ("MBP", "Mbp", "ENSG00000197971", "ENSMUSG00000041607")} == {1}


def test_symbols_of_one_ensembl_id_are_synonyms_named_by_the_one_on_most_slides() -> None:
    old = measured(["SEPT4", "ACTB"], ["ENSG00000108387", "ENSG00000075624"])
    new = measured(["SEPTIN4"], ["ENSG00000108387.15"])
    vocabulary = build_vocabulary([old, new, new])
    assert vocabulary.symbols == ("ACTB", "SEPTIN4")
    assert vocabulary.id_of("sept4") == vocabulary.id_of("SEPTIN4") == 1


def test_symbols_equally_often_seen_are_named_in_alphabetical_order() -> None:
    slides = [measured(["ZZZ"], ["ENSG00000108387"]), measured(["AAA"], ["ENSG00000108387"])]
    assert build_vocabulary(slides).symbols == build_vocabulary(slides[::-1]).symbols == ("AAA",)


def test_a_symbol_that_is_a_gene_of_its_own_is_no_alias() -> None:
    slides = [measured(["A", "B"], ["ENSG00000000001", "ENSG00000000002"]), measured(["B"], ["ENSG00000000002"])]
    vocabulary = build_vocabulary(slides)
    assert vocabulary.id_of("A") != vocabulary.id_of("B")
    assert vocabulary.aliases == {"ENSG00000000001": 0, "ENSG00000000002": 1}


def test_genes_seen_in_too_few_spots_are_left_out_with_their_aliases() -> None:
    slide = measured(["RARE", "MBP"], ["ENSG00000000001", "ENSG00000197971"], n_spots=4)
    counted = slide_of(np.ones((9, 1)), gene_names=np.array(["MBP"]))
    vocabulary = build_vocabulary([slide, counted])
    assert vocabulary.symbols == ("MBP",)
    assert vocabulary.id_of("ENSG00000000001") is None
    assert build_vocabulary([slide, counted], min_spots=4).symbols == ("MBP", "RARE")


def test_spots_of_synonyms_add_up() -> None:
    slides = [measured([name], ["ENSG00000108387"], n_spots=6) for name in ("SEPT4", "SEPTIN4")]
    assert build_vocabulary(slides).symbols == ("SEPT4",)


def test_slides_without_ensembl_ids_serve_too() -> None:
    assert build_vocabulary([measured(["b", "A"]), measured(["c", "a"], ["", ""])]).symbols == ("A", "B", "C")


def test_missing_ensembl_ids_make_no_synonyms() -> None:
    assert build_vocabulary([measured(["A", "B", "C"], ["", "", "ENSG00000000003"])]).symbols == ("A", "B", "C")


# --- matching ------------------------------------------------------------------------------------------

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
