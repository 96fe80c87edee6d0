import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

from napari_stimg.errors import InputError
from napari_stimg.io.count_choice import CountCandidate, ValueKind, base_of_logarithm, choose_counts, kind_of_values

VAR = pd.DataFrame(index=["a", "b", "c"])


def candidate(label: str, values: np.ndarray) -> CountCandidate:
    return CountCandidate(label=label, load=lambda: sp.csr_matrix(values, dtype=np.float32), var=VAR)


def counts(n_spots: int = 40, n_genes: int = 30, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).poisson(2.0, (n_spots, n_genes)).astype(np.float64)


def scaled(values: np.ndarray, total: float = 1e4) -> np.ndarray:
    return total * values / values.sum(axis=1, keepdims=True)


def test_the_first_matrix_of_integers_is_chosen():
    chosen = choose_counts([candidate("first", scaled(counts())), candidate("second", counts())], name="s")
    assert chosen.label == "second"
    assert not chosen.logged
    np.testing.assert_array_equal(chosen.counts.toarray(), counts())
    assert chosen.notes[0].startswith("first was passed over, since it holds values that are neither integers nor")


def test_integers_are_preferred_over_logged_values_that_come_before():
    chosen = choose_counts([candidate("first", np.log1p(scaled(counts()))), candidate("X", counts())], name="s")
    assert chosen.label == "X"
    assert "first was passed over, since it holds logged values" in chosen.notes[0]


@pytest.mark.parametrize(
    ("log", "base"), [(np.log1p, np.e), (lambda x: np.log2(1 + x), 2.0), (lambda x: np.log10(1 + x), 10.0)]
)
def test_the_base_of_a_logarithm_is_found_and_undone(log, base):
    relative = scaled(counts())
    chosen = choose_counts([candidate("X", log(relative))], name="s")
    assert chosen.logged
    assert base_of_logarithm(sp.csr_matrix(log(relative))) == base
    np.testing.assert_allclose(chosen.counts.toarray(), relative, rtol=1e-4)
    assert "holds no counts but logged values" in chosen.notes[0]


def test_the_logarithm_of_a_selection_of_genes_is_recognised():
    assert kind_of_values(sp.csr_matrix(np.log1p(scaled(counts())[:, :8]))) is ValueKind.LOGGED


def test_the_logarithm_of_corrected_counts_is_recognised_by_its_many_decimals():
    noisy = np.log1p(scaled(counts()) * np.random.default_rng(1).uniform(0.7, 1.3, counts().shape))
    assert base_of_logarithm(sp.csr_matrix(noisy)) == np.e


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (counts(), ValueKind.COUNTS),
        (np.zeros((3, 3)), ValueKind.COUNTS),
        (counts() * 1.37, ValueKind.FRACTIONAL),
        (counts() + 0.5, ValueKind.FRACTIONAL),
        (np.where(np.arange(30) == 4, 0.5, counts()), ValueKind.FRACTIONAL),
        (scaled(counts()), ValueKind.FRACTIONAL),
        (scaled(counts(), total=20), ValueKind.FRACTIONAL),
        (counts() - counts().mean(axis=0), ValueKind.NEGATIVE),
        (np.where(np.arange(30) == 4, np.nan, counts()), ValueKind.NOT_FINITE),
        (np.where(np.arange(30) == 4, np.inf, counts()), ValueKind.NOT_FINITE),
    ],
)
def test_values_are_told_apart(values, kind):
    assert kind_of_values(sp.csr_matrix(values)) is kind


def test_without_counts_the_error_says_what_each_matrix_holds():
    candidates = [candidate("raw", scaled(counts())), candidate("X", counts() - 1)]
    with pytest.raises(
        InputError,
        match=r"s: expected counts .* neither integers nor logged .* in raw, negative values \(such as -1\) in X",
    ):
        choose_counts(candidates, name="s")


def test_nan_alone_is_an_error_that_says_so():
    with pytest.raises(InputError, match=r"found NaN or infinity \(such as nan\) in X"):
        choose_counts([candidate("X", np.where(np.arange(30) == 4, np.nan, counts()))], name="s")


def test_no_matrix_at_all_is_an_error():
    with pytest.raises(InputError, match="found none of the three; put the raw counts into"):
        choose_counts([], name="s")
