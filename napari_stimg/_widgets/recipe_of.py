"""What was last done on a section as a recipe, and whether a file holds what it needs. Knows neither Qt nor napari."""

from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from napari_stimg._widgets.session import Session
from napari_stimg.checkpoint_file import bundled_path
from napari_stimg.errors import InputError
from napari_stimg.keys import MASK, SCRIBBLE

if TYPE_CHECKING:
    from napari_stimg.recipes import Deed, Recipe

Parameters = TypeVar("Parameters")

MADE = ("embedding", "domains", "reconstruction")
"""Records of `Session.how` that can be done again."""


class UnsavedError(InputError):
    """No file holds what is needed to do it again: the section has to be saved first."""


def last_made(session: Session) -> str | None:
    """Return which of `MADE` was made last, or None."""
    made = [what for what in session.how if what in MADE]
    return made[-1] if made else None


def recipe_of(session: Session, model: Path) -> "Recipe":
    """Return what was last done on a section, with the model that lies there.

    Raises
    ------
    UnsavedError
        If the section has to be saved first.
    InputError
        If nothing was done, or cannot be done again: the mask or the scribbles are others by now.
    """
    from napari_stimg.recipes import Recipe

    made = last_made(session)
    if made is None:
        raise InputError(f"{session.slide.name}: expected something that was made, found nothing; make it first.")
    deed, needed = _deed(session, made, session.how[made])
    file, section = _file_with(session, needed)
    checkpoint = None if model == bundled_path() else model
    device = str(session.how[made].get("device", "cpu"))
    return Recipe(file=file, section=section, checkpoint=checkpoint, device=device, deed=deed)


def _deed(session: Session, made: str, how: Mapping[str, Any]) -> "tuple[Deed, dict[str, NDArray[Any]]]":
    """Return what was done, and the columns of ``obs`` that it needs: (S,) text or NaN, (S,) bool."""
    from napari_stimg.domains import ClusterParameters, PaintParameters
    from napari_stimg.recipes import Embed, FindDomains, PaintDomains, Reconstruct

    if made == "embedding":
        return Embed(), {}
    if made == "reconstruction":
        if not session.reconstruction_is_current:
            raise InputError("The mask has changed since it was reconstructed: reconstruct it anew, then copy.")
        n_genes = None if how["n_genes"] == "all" else int(how["n_genes"])
        deed = Reconstruct(mask_key=MASK, n_genes=n_genes, genes=tuple(how["genes_besides"]))
        return deed, {MASK: session.hidden}
    if how.get("edits"):
        raise InputError("These domains were changed by hand, which no script can repeat: find them anew, then copy.")
    if how.get("found") not in ("without labels", "from scribbles"):
        raise InputError("These domains were not found in this panel: find or paint them here, then copy.")
    if how["found"] == "without labels":
        return FindDomains(params=_parameters(ClusterParameters, how)), {}
    if how.get("scribbles_sha256") != session.scribbles_sha256:
        raise InputError("The scribbles have changed since the section was painted: paint it anew, then copy.")
    deed_painted = PaintDomains(params=_parameters(PaintParameters, how), labels_key=SCRIBBLE)
    return deed_painted, {SCRIBBLE: session.scribbles}


def _parameters(kind: type[Parameters], how: Mapping[str, Any]) -> Parameters:
    return kind(**{field.name: how[field.name] for field in fields(kind)})  # type: ignore[arg-type]


def _file_with(session: Session, needed: Mapping[str, NDArray[Any]]) -> tuple[Path, str | None]:
    """Return a file, and which of its sections, that reads back as this section with these columns as they are now."""
    candidates: list[tuple[Path, str | None]] = [] if session.saved_to is None else [(session.saved_to, None)]
    if session.slide.source is not None and session.origin is not None:
        candidates.append((session.slide.source, session.section))
    for path, section in candidates:
        if path.exists() and (not needed or _holds(path, session, needed)):
            return path, section
    what = "the mask" if MASK in needed else "the scribbles" if SCRIBBLE in needed else "the section"
    raise UnsavedError(f"No file holds {what} as it is now, which a script would have to read: save the section first.")


def _holds(path: Path, session: Session, needed: Mapping[str, NDArray[Any]]) -> bool:
    """Say whether an ``.h5ad`` file holds these columns: a mask, or codes of the section's classes."""
    import h5py
    from anndata.io import read_elem

    if path.suffix != ".h5ad":
        return False
    with h5py.File(path) as file:
        obs = read_elem(file["obs"])
    rows = obs.index.astype(str).get_indexer(session.slide.spot_names.astype(object))
    if (rows < 0).any() or any(key not in obs for key in needed):
        return False
    held = {key: obs[key].iloc[rows] for key in needed}
    return all(
        np.array_equal(held[key].cat.codes if key == SCRIBBLE else held[key], values) for key, values in needed.items()
    )
