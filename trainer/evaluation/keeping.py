"""Embeddings and reconstructions as files, so that anyone can compute the scores again."""

import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_stimg.errors import InputError
from trainer.evaluation.puzzle import Puzzle


def keep_embedding(folder: Path, method: str, section: str, values: NDArray[np.floating]) -> None:
    """Write (S, D) values to ``FOLDER/embeddings/METHOD/SECTION.npy``, which ``external_embeddings`` reads."""
    target = folder / "embeddings" / method / f"{section}.npy"
    target.parent.mkdir(parents=True, exist_ok=True)
    beside = target.with_name(target.name + ".part")
    with beside.open("wb") as file:
        np.save(file, values)
    os.replace(beside, target)


def keep_reconstruction(
    folder: Path,
    puzzle: Puzzle,
    expected: NDArray[np.float32],
    sd: NDArray[np.float32] | None,
    *,
    side: str,
    number: int,
) -> None:
    """Write the answer to a puzzle to ``FOLDER/reconstructions/SECTION/SIDE/NUMBER.npz``.

    Arrays: ``mask`` (S,) bool, ``columns`` (K,) int and ``genes`` (K,) str, ``expected`` and, where there is one,
    ``sd`` (N, K) float32, their rows in the order of the hidden spots.
    """
    target = folder / "reconstructions" / puzzle.slide.name / side / f"{number:03d}.npz"
    target.parent.mkdir(parents=True, exist_ok=True)
    arrays = {"mask": puzzle.mask, "columns": puzzle.columns, "genes": np.array(puzzle.genes), "expected": expected}
    if sd is not None:
        arrays["sd"] = sd
    beside = target.with_name(target.name + ".part")
    with beside.open("wb") as file:
        np.savez(file, **arrays)  # type: ignore[arg-type]
    os.replace(beside, target)


def external_embeddings(folder: Path, section: str, n_spots: int) -> dict[str, NDArray[np.float64]]:
    """Return the (S, D) embeddings of a section by method, from ``FOLDER/METHOD/SECTION.npy``; methods may lack it.

    Raises
    ------
    InputError
        If a file is no array, its rows are not the section's spots, or values are not finite.
    """
    found = {}
    for path in sorted(folder.glob(f"*/{section}.npy")):
        try:
            values = np.load(path, allow_pickle=False)
        except (ValueError, EOFError) as error:
            raise InputError(
                f"{path}: expected an array that numpy.save wrote, found {error}; write it again."
            ) from error
        if values.ndim != 2 or len(values) != n_spots:
            raise InputError(
                f"{path}: expected one row for each of the section's {n_spots:,} spots, found the shape "
                f"{values.shape}; embed the same spots in the order of the file."
            )
        if not np.isfinite(values).all():
            raise InputError(f"{path}: expected finite values, found NaN or infinity; leave the section out.")
        found[path.parent.name] = values.astype(np.float64)
    return found


def check_embeddings(folder: Path) -> None:
    """Check, before long work, that a folder of embeddings is there.

    Raises
    ------
    InputError
        If it is no folder, or holds no ``METHOD/SECTION.npy``.
    """
    if not folder.is_dir() or not any(folder.glob("*/*.npy")):
        raise InputError(
            f"{folder}: expected a folder that holds METHOD/SECTION.npy, found none; give the folder above the methods."
        )
