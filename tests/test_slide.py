import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

from napari_stimg.errors import InputError
from napari_stimg.slide import LARGEST_SHARE_ON_SHARED_PLACES, Slide

COUNTS = np.array([[1, 0, 2], [0, 0, 0], [3, 1, 0], [0, 5, 1]], dtype=np.float32)


def slide(**fields: object) -> Slide:
    given = {
        "name": "s",
        "counts": sp.csr_matrix(COUNTS),
        "places": np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]),
        "spot_names": np.array(["p", "q", "r", "t"]),
        "gene_names": np.array(["Actb", "GFAP", "Mbp"]),
    }
    return Slide(**(given | fields))


def test_a_slide_knows_how_many_spots_and_genes_it_has():
    assert (slide().n_spots, slide().n_genes) == (4, 3)


@pytest.mark.parametrize("spots", [np.array([True, False, False, True]), np.array([0, 3])], ids=["mask", "numbers"])
def test_selecting_spots_keeps_everything_of_them_and_nothing_of_others(spots):
    whole = slide(
        array_indices=np.arange(8).reshape(4, 2), obs=pd.DataFrame({"layer": list("abcd")}, index=["p", "q", "r", "t"])
    )
    part = whole.select(spots)
    np.testing.assert_array_equal(part.counts.toarray(), COUNTS[[0, 3]])
    np.testing.assert_array_equal(part.places, [[0, 0], [1, 1]])
    np.testing.assert_array_equal(part.array_indices, [[0, 1], [6, 7]])
    assert part.spot_names.tolist() == ["p", "t"]
    assert part.obs["layer"].tolist() == ["a", "d"]
    assert part.gene_names.tolist() == whole.gene_names.tolist()


def test_spots_are_selected_in_the_order_given():
    assert slide().select(np.array([2, 0])).spot_names.tolist() == ["r", "p"]


def test_selecting_no_spot_is_an_error():
    with pytest.raises(InputError, match="expected at least one spot to keep, found none"):
        slide().select(np.zeros(4, dtype=bool))


def test_spots_that_share_a_place_can_be_selected_alone():
    n_spots = 20
    places = np.stack([np.arange(n_spots), np.zeros(n_spots)], axis=1).astype(float)
    places[1] = places[0]
    whole = slide(
        counts=sp.csr_matrix(np.ones((n_spots, 3), dtype=np.float32)),
        places=places,
        spot_names=np.arange(n_spots).astype(str),
    )
    assert whole.select(np.array([0, 1])).n_spots == 2


def test_genes_are_found_by_symbol_in_any_case_and_by_id():
    with_ids = slide(gene_ids=np.array(["ENSG1", "", "ENSG3"]))
    assert with_ids.columns_of(["MBP", "gfap", "ENSG1", "Actb"]).tolist() == [2, 1, 0, 0]


def test_the_exact_symbol_wins_over_one_of_another_case():
    three = slide(gene_names=np.array(["mbp", "Mbp", "MBP"]))
    assert three.columns_of(["MBP", "mbp", "Mbp"]).tolist() == [2, 0, 1]


def test_genes_that_are_not_there_are_named():
    found = r"found XIST, SRY not among its 3 genes \(such as Actb, GFAP, Mbp\); check the spelling"
    with pytest.raises(InputError, match=found):
        slide().columns_of(["Actb", "XIST", "SRY"])


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"counts": sp.csr_matrix((0, 3))}, "expected at least one spot and one gene, found 0 spots and 3 genes"),
        ({"counts": sp.csr_matrix((4, 0))}, "found 4 spots and 0 genes"),
        ({"places": np.zeros((3, 2))}, r"expected places of shape \(4, 2\) .* found \(3, 2\)"),
        ({"gene_ids": np.array(["a"])}, r"expected gene_ids of shape \(3,\)"),
        ({"array_indices": np.zeros((4, 3), dtype=int)}, r"expected array_indices of shape \(4, 2\)"),
        ({"obs": pd.DataFrame({"a": [1]})}, "expected 4 rows of spot annotations, found 1"),
        (
            {"gene_names": np.array(["A", "A", "B"])},
            r"unique gene names, found 1 that repeat \(such as A\).*var_names_make",
        ),
        (
            {"spot_names": np.array(["p", "q", "q", "q"])},
            r"unique spot names, found 1 that repeat \(such as q\).*obs_names_make",
        ),
        (
            {"places": np.array([[0, 0], [0, np.nan], [1, 0], [np.inf, 1.0]])},
            "finite position for every spot, found 2 of 4 without",
        ),
        ({"places": np.array([[0, 0], [0, 0], [1, 0], [1.0, 1]])}, "every spot at a place of its own, found 1 spots"),
        (
            {"array_indices": np.array([[0, 0], [0, 0], [1, 0], [1, 1]])},
            "array_row and array_col of its own, found 1 that",
        ),
        ({"counts": sp.csr_matrix(COUNTS - 1)}, "expected counts >= 0, found -1; give raw counts"),
        ({"counts": sp.csr_matrix(COUNTS / 2)}, "expected integer counts, found 0.5"),
        (
            {"counts": sp.csr_matrix(np.where(COUNTS > 2, np.inf, COUNTS))},
            "expected finite counts, found NaN or infinity",
        ),
    ],
)
def test_what_makes_no_slide_is_an_error(fields, message):
    with pytest.raises(InputError, match=message):
        slide(**fields)


def test_logged_values_need_not_be_integers():
    assert slide(counts=sp.csr_matrix(COUNTS / 2), logged=True).logged


def cells(n_shared: int, **fields: object) -> Slide:
    """Return 100 cells of which so many lie on another's place."""
    places = np.column_stack([np.arange(100.0), np.arange(100.0) ** 2])
    places[100 - n_shared :] = places[:n_shared]
    names = np.array([f"c{number}" for number in range(100)])
    counts = sp.csr_matrix(np.ones((100, 3), dtype=np.float32))
    return slide(places=places, spot_names=names, counts=counts, **fields)


def test_a_few_cells_at_irregular_places_may_share_them():
    n_allowed = int(100 * LARGEST_SHARE_ON_SHARED_PLACES)
    assert cells(n_allowed).n_spots == 100
    with pytest.raises(InputError, match=f"found {n_allowed + 1} spots on a place that another holds"):
        cells(n_allowed + 1)


def test_no_spots_of_an_array_may_share_a_place():
    indices = np.column_stack([np.arange(100), np.arange(100)])
    assert cells(0, array_indices=indices).n_spots == 100
    with pytest.raises(InputError, match="found 1 spots on a place that another holds"):
        cells(1, array_indices=indices)
