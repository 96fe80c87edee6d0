"""From a shard to plain arrays on disk, once, which training then maps into memory."""

import hashlib
import os
import secrets
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from napari_stimg.errors import InputError
from napari_stimg.expression import gene_moments, log_expression, thin
from trainer.store.genes import UNUSED
from trainer.store.journal import SHARDS, Entry
from trainer.store.section import THINNINGS
from trainer.store.shard import Shard, decode

LAYOUT = "1"
"""Of the unpacked arrays; part of their folder's name, so that another version unpacks anew."""

SEED = 0
"""Of the thinning for moments, with the shard's checksum."""


def read_shard(corpus: Path, entry: Entry) -> bytes:
    """Return the bytes of a section's shard, having verified them.

    Raises
    ------
    InputError
        If the shard is missing, or not what was packed.
    """
    path = corpus / SHARDS / entry.shard
    if not path.is_file():
        raise InputError(
            f"{path}: expected the shard of section {entry.name}, found none there; "
            "copy the corpus again, or pack it anew."
        )
    content = path.read_bytes()
    found = hashlib.sha256(content).hexdigest()
    if found != entry.sha256:
        raise InputError(
            f"{path}: expected the checksum {entry.sha256[:12]}, found {found[:12]}; "
            "the shard is damaged: copy the corpus again, or pack it anew."
        )
    return content


def unpacked_folder(unpacked: Path, entry: Entry) -> Path:
    """Return the folder of a section's arrays."""
    return unpacked / f"{Path(entry.shard).stem}.{LAYOUT}"


def unpack(corpus: Path, entry: Entry, unpacked: Path) -> Path:
    """Return the folder of a section's arrays, made if it is not there.

    It is written beside and renamed when it is whole, so several processes may do the same at once, or be killed.

    Parameters
    ----------
    corpus : Path
        The corpus.
    entry : Entry
        The section.
    unpacked : Path
        Folder of all unpacked sections.

    Raises
    ------
    InputError
        If the shard is missing or damaged, or nothing can be written to ``unpacked``.
    """
    target = unpacked_folder(unpacked, entry)
    if target.is_dir():
        return target
    arrays = unpacked_arrays(decode(read_shard(corpus, entry)), seed=(SEED, int(entry.sha256[:16], 16)))
    part = unpacked / f".part-{os.getpid()}-{secrets.token_hex(4)}"
    try:
        part.mkdir(parents=True)
    except OSError as error:
        raise InputError(
            f"{unpacked}: expected a folder that sections can be unpacked to, found one that cannot be written to "
            f"({error.strerror}); name another (data.unpacked)."
        ) from error
    try:
        for name, array in arrays.items():
            np.save(part / f"{name}.npy", array, allow_pickle=False)
        _rename_unless_there(part, target)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return target


def unpacked_arrays(shard: Shard, *, seed: tuple[int, ...]) -> dict[str, NDArray[Any]]:
    """Return a section's arrays by name; see ``Section`` for what they are.

    Parameters
    ----------
    shard : Shard
        The section.
    seed : tuple of int
        Of the thinning for its moments.
    """
    first = np.flatnonzero(np.diff(shard.cells, axis=0, prepend=-1).any(axis=1))
    counts = _sum_runs(shard.counts, first)
    used = np.flatnonzero(shard.ids != UNUSED)
    known = counts[:, used]
    known.sort_indices()
    return {
        "indptr": known.indptr.astype(np.int64),
        "genes": known.indices.astype(np.uint16 if used.size <= 2**16 else np.uint32),
        "counts": known.data.astype(np.min_scalar_type(int(known.data.max(initial=0)))),
        "cells": shard.cells[first],
        "positions": _mean_of_runs(shard.positions, first),
        "library_size": np.asarray(counts.sum(axis=1, dtype=np.float64)).ravel().astype(np.int64),
        "ids": shard.ids[used],
        "moments": _moments(counts, np.random.default_rng(seed))[:, :, used],
        "n_detected": np.bincount(known.indices, minlength=used.size).astype(np.int64),
    } | {f"label_{key}": texts[first] for key, texts in shard.labels.items()}


def _sum_runs(counts: sp.csr_matrix, first: NDArray[np.intp]) -> sp.csr_matrix:
    """Return the (K, G) sums of the (S, G) rows of each cell, which follow each other, given the first of each."""
    n_spots = counts.shape[0]
    if len(first) == n_spots:
        return counts
    ones = np.ones(n_spots, dtype=counts.dtype)
    ends = np.append(first, n_spots)
    return sp.csr_matrix(sp.csr_matrix((ones, np.arange(n_spots), ends), shape=(len(first), n_spots)) @ counts)


def _mean_of_runs(positions: NDArray[np.float64], first: NDArray[np.intp]) -> NDArray[np.float32]:
    """Return the (K, 2) mean position of each cell's spots, as ``Lattice.token_positions`` has it."""
    as_stored = positions.astype(np.float32).astype(np.float64)
    n_spots = np.diff(np.append(first, len(positions)))
    means: NDArray[np.float32] = (np.add.reduceat(as_stored, first) / n_spots[:, None]).astype(np.float32)
    return means


def _moments(counts: sp.csr_matrix, rng: np.random.Generator) -> NDArray[np.float32]:
    """Return (T, 2, G) mean and variance of each gene's log expression at each of T ``THINNINGS``."""
    moments = [gene_moments(log_expression(counts if share == 1 else thin(counts, share, rng))) for share in THINNINGS]
    return np.stack([np.stack([found.mean, found.variance]) for found in moments])


def _rename_unless_there(part: Path, target: Path) -> None:
    """Put a whole folder in its place; if another process was faster, its folder stays."""
    try:
        part.rename(target)
    except OSError:
        if not target.is_dir():
            raise
