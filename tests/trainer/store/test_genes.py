"""An index of genes that only ever grows."""

from tests.corpus_slides import corpus_slide
from trainer.store.genes import UNUSED, GeneIndex

ONE, TWO, MOUSE = "ENSG00000000001", "ENSG00000000002", "ENSMUSG00000000001"


def test_new_genes_take_the_next_ids_and_known_ones_keep_theirs() -> None:
    index = GeneIndex()
    assert index.add(["B", "A"], ["", ""]).ids.tolist() == [0, 1]
    second = index.add(["C", "a", "b "], ["", "", ""])
    assert second.ids.tolist() == [2, 1, 0]
    assert second.symbols == ("C",)
    assert index.vocabulary().symbols == ("B", "A", "C")


def test_a_gene_without_a_name_is_none_and_takes_no_other_s_place() -> None:
    index = GeneIndex()
    assert index.add(["Z", "", "A"], ["", "", ""]).ids.tolist() == [0, UNUSED, 1]
    assert index.add(["E", " ", "F"], ["", ONE, ""]).ids.tolist() == [2, 3, 4]


def test_a_gene_is_known_by_its_symbol_before_its_ensembl_id() -> None:
    index = GeneIndex()
    index.add(["A", "B"], [ONE, TWO])
    assert index.add(["B"], [ONE]).ids.tolist() == [1]


def test_a_gene_of_another_symbol_is_known_by_its_ensembl_id_of_any_version_and_the_symbol_from_then_on() -> None:
    index = GeneIndex()
    index.add(["OLD"], [ONE])
    renamed = index.add(["New"], [f"{ONE}.7"])
    assert renamed.ids.tolist() == [0]
    assert (renamed.symbols, renamed.aliases) == ((), {"NEW": 0})
    assert index.add(["NEW"], [""]).ids.tolist() == [0]


def test_orthologous_genes_of_one_symbol_are_one_gene_by_either_id() -> None:
    index = GeneIndex()
    index.add(["GFAP"], [ONE])
    assert index.add(["Gfap"], [MOUSE]).aliases == {MOUSE: 0}
    assert index.vocabulary().aliases == {ONE: 0, MOUSE: 0}


def test_a_symbol_that_is_an_ensembl_id_is_named_once_a_section_does() -> None:
    index = GeneIndex()
    index.add([f"{ONE}.3"], [""])
    assert index.add(["A"], [ONE]).aliases == {"A": 0}


def test_of_two_columns_for_one_gene_the_first_counts() -> None:
    index = GeneIndex()
    index.add(["A", "B"], [ONE, TWO])
    again = index.add(["x", "A", "b", "B-1"], [ONE, "", "", TWO])
    assert again.ids.tolist() == [0, UNUSED, 1, UNUSED]
    assert (again.symbols, again.aliases) == ((), {"X": 0})


def test_what_is_no_ensembl_id_merges_no_genes() -> None:
    index = GeneIndex()
    added = index.add(["A", "B", "C"], ["nan", "nan", "1017"])
    assert added.ids.tolist() == [0, 1, 2]
    assert added.aliases == {}


def test_replaying_gives_the_same_index() -> None:
    index, replayed = GeneIndex(), GeneIndex()
    for names, ids in ((["A", "B"], [ONE, ""]), (["c", "B"], ["", TWO]), (["D"], [TWO])):
        added = index.add(names, ids)
        replayed.replay(added.symbols, added.aliases)
    assert replayed.vocabulary().symbols == index.vocabulary().symbols == ("A", "B", "C")
    assert replayed.vocabulary().aliases == index.vocabulary().aliases == {ONE: 0, TWO: 1, "D": 1}


def test_the_vocabulary_matches_a_slide_as_the_index_did() -> None:
    index = GeneIndex()
    index.add(["Q", "Plp1"], ["", ONE])
    slide = corpus_slide(genes=("mbp", "PLP1", "old", "MBP", "Q"), gene_ids=("", "", ONE, "", ""))
    added = index.add(slide.gene_names.tolist(), slide.gene_ids.tolist())
    match = index.vocabulary().match(slide)
    assert dict(zip(match.columns.tolist(), match.ids.tolist(), strict=True)) == {
        column: gene for column, gene in enumerate(added.ids.tolist()) if gene != UNUSED
    }
    assert match.unknown == ("old", "MBP")
