"""How many domains to look for, where nobody knows: the knee of the mixture's BIC."""

from collections.abc import Generator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from napari_stimg.domains import components
from napari_stimg.errors import InputError
from napari_stimg.mixtures import mixture
from napari_stimg.progress import Progress

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FEWEST, MOST = 2, 12
"""Numbers of domains that are tried."""

N_STARTS = 4
"""Mixtures fitted for each number, from different first centres; the likeliest counts."""

LEAST_SPOTS = 2 * MOST
"""Fewer spots than that say nothing of so many domains."""

MOST_SPOTS = 5000
"""Spots that the mixtures are fitted to, chosen at random where there are more: some 20 s on one core."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Suggestion:
    """How well mixtures of different numbers of domains describe an embedding.

    Parameters
    ----------
    numbers : (N,) int64
        Numbers of domains that were tried, ascending.
    bic : (N,) float64
        Bayesian information criterion of the best mixture of each (Schwarz 1978): lower is better.
    n_domains : int
        The number suggested.
    n_spots : int
        Spots that the mixtures were fitted to.
    """

    numbers: NDArray[np.int64]
    bic: NDArray[np.float64]
    n_domains: int
    n_spots: int


def suggest_number(embedding: NDArray[np.floating], *, seed: int = 0) -> Generator[Progress, None, Suggestion]:
    """Yield progress, and return how many domains an embedding has: a guess, not a measurement (see `knee`).

    Parameters
    ----------
    embedding : (S, D) float
        From ``inference.embed``.
    seed : int
        Of the first centres, and of which spots count where there are more than ``MOST_SPOTS``.

    Raises
    ------
    InputError
        If there are fewer than ``LEAST_SPOTS`` spots.
    """
    if len(embedding) < LEAST_SPOTS:
        raise InputError(
            f"expected at least {LEAST_SPOTS} spots to suggest a number of domains, found {len(embedding)}; choose it."
        )
    yield Progress(done=0, total=0, message="Finding principal components")
    places = components(embedding)
    if len(places) > MOST_SPOTS:
        places = places[np.random.default_rng(seed).permutation(len(places))[:MOST_SPOTS]]
    numbers = np.arange(FEWEST, MOST + 1)
    seeds = np.random.SeedSequence(seed).generate_state(numbers.size * N_STARTS).reshape(numbers.size, N_STARTS)
    bic = np.full(seeds.shape, np.inf)
    for step, (place, start) in enumerate(np.ndindex(*seeds.shape)):
        yield Progress(done=step, total=seeds.size, message=f"Trying {numbers[place]} domains")
        fitted = mixture(int(numbers[place]), seed=int(seeds[place, start]), n_starts=1).fit(places)
        bic[place, start] = fitted.bic(places)
    best = bic.min(axis=1)
    return Suggestion(numbers=numbers, bic=best, n_domains=int(numbers[knee(best)]), n_spots=len(places))


def knee(bic: NDArray[np.floating]) -> int:
    """Return where a falling curve bends most: the place farthest below the line from its start to its minimum.

    The BIC of smooth embeddings falls on and on, for neighbours are no independent samples: its minimum is the largest
    number tried. The knee is that of Satopaa et al. (2011, ICDCS Workshops) with equal steps.

    Parameters
    ----------
    bic : (N,) float
        Criterion of ascending numbers.
    """
    lowest = int(np.argmin(bic))
    if lowest < 2:
        return lowest
    curve = bic[: lowest + 1]
    below = np.linspace(curve[0], curve[-1], curve.size) - curve
    return int(np.argmax(below)) if below.max() > 0 else lowest


def draw_suggestion(axes: "Axes", suggestion: Suggestion) -> None:
    """Draw the criterion over the number of domains, and mark the one suggested."""
    per_thousand = suggestion.bic / 1000
    place = int(np.flatnonzero(suggestion.numbers == suggestion.n_domains)[0])
    axes.plot(suggestion.numbers, per_thousand, color="#0072b2", marker="o")
    axes.plot(suggestion.n_domains, per_thousand[place], color="#d55e00", marker="o", markersize=12, linestyle="none")
    axes.set_xticks(suggestion.numbers)
    axes.set_xlabel("number of domains")
    axes.set_ylabel("BIC / 1,000 (lower is better)")
    axes.set_title(f"The curve bends most at {suggestion.n_domains} ({suggestion.n_spots:,} spots)", fontsize="medium")
