"""Domains changed by hand: several made one, or one made two; all others stay as they are."""

from collections.abc import Collection
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from napari_stimg.domains import ClusterParameters, cluster
from napari_stimg.errors import InputError


@dataclass(frozen=True, kw_only=True, eq=False)
class DomainEdit:
    """Domains after a change.

    Parameters
    ----------
    labels : (S,) int64
        Domain of each spot, 0 to K - 1; -1 = none.
    origins : K of int
        Number that each domain, or the one that it was split off, had before.
    probabilities : (S, K) float32 or None
        Of each domain, where there were any; rows sum to what they did before.
    """

    labels: NDArray[np.int64]
    origins: tuple[int, ...]
    probabilities: NDArray[np.float32] | None = None


def merge_domains(
    labels: NDArray[np.integer], merged: Collection[int], *, probabilities: NDArray[np.floating] | None = None
) -> DomainEdit:
    """Return the domains with some made one: it takes the lowest of their numbers, the numbers above close up.

    Every spot stays where it is, and its probabilities of the merged domains are added.

    Parameters
    ----------
    labels : (S,) int
        Domain of each spot, 0 to K - 1; -1 = none.
    merged : collection of int
        The domains, at least two.
    probabilities : (S, K) float, optional
        Of each domain.

    Raises
    ------
    InputError
        If fewer than two different domains are named, or one that is not there.
    """
    n_domains = _n_domains(labels, probabilities)
    chosen = np.unique(list(merged))
    if chosen.size < 2:
        raise InputError(f"expected at least two domains to merge, found {chosen.size}; choose more.")
    _check(chosen, n_domains)
    kept = np.setdiff1d(np.arange(n_domains), chosen[1:])
    target = np.where(np.isin(np.arange(n_domains), chosen), chosen[0], np.arange(n_domains))
    number = np.searchsorted(kept, target)
    summed = None
    if probabilities is not None:
        summed = np.zeros((len(labels), kept.size), dtype=np.float32)
        np.add.at(summed.T, number, probabilities.T)
    return DomainEdit(labels=_renumbered(labels, number), origins=tuple(kept.tolist()), probabilities=summed)


def split_domain(
    labels: NDArray[np.integer],
    domain: int,
    embedding: NDArray[np.floating],
    positions: NDArray[np.floating],
    *,
    params: ClusterParameters,
    probabilities: NDArray[np.floating] | None = None,
) -> DomainEdit:
    """Return the domains with one made two: the larger part keeps its number, the smaller comes last.

    The two are found as domains without labels are (`domains.cluster`), in the spots of the domain alone. A spot's
    probability of the domain goes to the part that it lies in; outside the domain, to that whose mean embedding is
    nearer.

    Parameters
    ----------
    labels : (S,) int
        Domain of each spot, 0 to K - 1; -1 = none.
    domain : int
        The domain.
    embedding : (S, D) float
        From ``inference.embed``.
    positions : (S, 2) float
        Where the spots lie, in pitches.
    params : ClusterParameters
        Method, smoothing and seed; the number of domains is always 2.
    probabilities : (S, K) float, optional
        Of each domain.

    Raises
    ------
    InputError
        If there is no such domain, or its spots do not fall in two parts.
    """
    n_domains = _n_domains(labels, probabilities)
    _check(np.array([domain]), n_domains)
    inside = labels == domain
    if inside.sum() < 2:
        raise InputError(f"expected a domain of at least 2 spots to split, found {inside.sum()}; choose a larger one.")
    part = cluster(embedding[inside], positions[inside], params=replace(params, n_domains=2))
    if part.max() == 0:
        raise InputError("The domain stays one when it is smoothed; split it without smoothing, or by another method.")
    divided = labels.astype(np.int64)
    divided[inside] = np.where(part == 0, domain, n_domains)
    shared = None
    if probabilities is not None:
        centres = np.stack([embedding[inside][part == number].mean(axis=0) for number in range(2)])
        is_second = _distance2(embedding, centres[1]) < _distance2(embedding, centres[0])
        is_second[inside] = part == 1
        shared = np.column_stack([probabilities, np.where(is_second, probabilities[:, domain], 0.0)])
        shared[is_second, domain] = 0.0
        shared = shared.astype(np.float32)
    return DomainEdit(labels=divided, origins=(*range(n_domains), domain), probabilities=shared)


def _n_domains(labels: NDArray[np.integer], probabilities: NDArray[np.floating] | None) -> int:
    return int(labels.max(initial=-1)) + 1 if probabilities is None else probabilities.shape[1]


def _check(chosen: NDArray[np.integer], n_domains: int) -> None:
    """Refuse domains that are not there."""
    if chosen.min() < 0 or chosen.max() >= n_domains:
        raise InputError(f"expected domains from 0 to {n_domains - 1}, found {chosen.tolist()}; name those there are.")


def _renumbered(labels: NDArray[np.integer], number: NDArray[np.integer]) -> NDArray[np.int64]:
    return np.where(labels < 0, -1, number[labels]).astype(np.int64)


def _distance2(embedding: NDArray[np.floating], centre: NDArray[np.floating]) -> NDArray[np.floating]:
    """Return (S,) squared distances to one place."""
    distance2: NDArray[np.floating] = np.square(embedding - centre).sum(axis=1)
    return distance2
