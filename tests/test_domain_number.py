"""How many domains to look for."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from napari_stimg.domain_number import MOST, MOST_SPOTS, N_STARTS, Suggestion, draw_suggestion, knee, suggest_number
from napari_stimg.errors import InputError
from napari_stimg.progress import run


def planted(n_domains, *, n_spots=300):
    """Return a (S, 25) embedding with so many kinds of spots."""
    rng = np.random.default_rng(0)
    kind = np.arange(n_spots) % n_domains
    return (4 * np.eye(n_domains, 25)[kind] + 0.3 * rng.standard_normal((n_spots, 25))).astype(np.float32)


@pytest.mark.parametrize("n_domains", [3, 6])
def test_planted_domains_are_counted(n_domains):
    assert run(suggest_number(planted(n_domains))).n_domains == n_domains


def test_of_a_large_section_only_so_many_spots_count():
    assert run(suggest_number(planted(3, n_spots=100))).n_spots == 100
    large = run(suggest_number(planted(3, n_spots=MOST_SPOTS + 500)))
    assert (large.n_spots, large.n_domains) == (MOST_SPOTS, 3)


def test_another_seed_starts_elsewhere():
    noise = np.random.default_rng(1).standard_normal((60, 25)).astype(np.float32)
    first, again, other = (run(suggest_number(noise, seed=seed)) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first.bic, again.bic)
    assert not np.array_equal(first.bic, other.bic)
    assert first.numbers.tolist() == list(range(2, 13))


def test_it_can_be_stopped_between_any_two_mixtures():
    told = [progress.message for progress in suggest_number(planted(2, n_spots=30))]
    assert len(told) == 1 + 11 * N_STARTS
    assert told[-1] == f"Trying {MOST} domains"


@pytest.mark.parametrize(
    ("bic", "expected"),
    [
        ([10, 4, 3, 2, 1, 0], 1),  # bends, and falls on
        ([10, 8, 1, 4, 6, 8], 2),  # what comes after the minimum does not count
        ([1, 2, 3, 4], 0),
        ([5, 1, 3, 4], 1),
        ([10, 9, 7, 4, 0], 4),  # never bends
    ],
)
def test_the_knee_is_where_the_curve_bends_most(bic, expected):
    assert knee(np.array(bic, dtype=np.float64)) == expected


def test_too_few_spots_are_told():
    with pytest.raises(InputError, match="at least 24 spots to suggest a number of domains, found 23"):
        run(suggest_number(planted(2, n_spots=23)))


def test_the_picture_marks_the_number_suggested():
    axes = Figure().add_subplot()
    draw_suggestion(
        axes, Suggestion(numbers=np.array([2, 3, 4]), bic=np.array([3e3, 1e3, 2e3]), n_domains=3, n_spots=1234)
    )
    curve, mark = axes.lines
    assert curve.get_ydata().tolist() == [3.0, 1.0, 2.0]
    assert list(mark.get_xdata()) == [3]
    assert "at 3 (1,234 spots)" in axes.get_title()
