"""Pictures of the stained section: from Space Ranger's folder, from ``uns["spatial"]``, and back."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from napari_stimg.errors import InputError
from napari_stimg.io.opening import reading
from napari_stimg.slide import Histology

PICTURE_KINDS = ("hires", "lowres")
"""Space Ranger's names, the better one first."""


def read_scale_factors(spatial: Path) -> dict[str, float]:
    """Return ``scalefactors_json.json`` of Space Ranger's ``spatial`` folder; empty if it is not there.

    Raises
    ------
    InputError
        If it is damaged, or a factor is not a number.
    """
    path = spatial / "scalefactors_json.json"
    if not path.exists():
        return {}
    with reading(path, "Space Ranger's scale factors as JSON"):
        return {str(key): float(value) for key, value in json.loads(path.read_text(encoding="utf-8")).items()}


def read_picture(spatial: Path, factors: Mapping[str, float]) -> tuple[Histology | None, tuple[str, ...]]:
    """Return the best picture of Space Ranger's ``spatial`` folder that has a scale factor, and notes.

    Raises
    ------
    InputError
        If the picture is damaged.
    """
    for kind in PICTURE_KINDS:
        path, factor = spatial / f"tissue_{kind}_image.png", factors.get(f"tissue_{kind}_scalef")
        if path.exists() and factor is not None:
            with reading(path, "a picture (PNG)"), Image.open(path) as picture:
                image = np.asarray(picture.convert("RGB"))
            return Histology(image=image, px_per_place=_checked(factor, name=path.name)), ()
    return None, ("There is no picture of the stained section, or no scale factor for it.",)


def picture_from_uns(
    libraries: Any, *, section: str | None, load: Callable[[Any], Any], name: str
) -> tuple[Histology | None, dict[str, float], tuple[str, ...]]:
    """Return the best picture of ``uns["spatial"]``, its library's scale factors, and notes.

    Parameters
    ----------
    libraries : Any
        ``uns["spatial"]``: a mapping, in memory or on disk, of libraries to ``images`` and ``scalefactors``; anything
        else holds no picture.
    section : str or None
        The library to take if there are several.
    load : callable
        Brings a value of the mapping into memory.

    Raises
    ------
    InputError
        If the picture has no three colours or its scale factor is not positive.
    """
    if not hasattr(libraries, "keys"):
        return None, {}, ()
    # CELLxGENE keeps further things here, such as "is_single", which are no libraries.
    named = {key: libraries[key] for key in libraries if hasattr(libraries[key], "keys")}
    chosen = section if section in named else next(iter(named), None) if len(named) == 1 else None
    if chosen is None:
        several = f"There are pictures of {len(named)} libraries, and nothing says which is this section's."
        return None, {}, (several,) if named else ()
    library = named[chosen]
    factors = _numbers(load(library["scalefactors"])) if "scalefactors" in library else {}
    images = library["images"] if "images" in library else {}
    for kind in PICTURE_KINDS:
        factor = factors.get(f"tissue_{kind}_scalef")
        if kind in images and factor is not None:
            image = as_rgb(np.asarray(load(images[kind])), name=f'{name}: uns["spatial"]')
            return Histology(image=image, px_per_place=_checked(factor, name=name)), factors, ()
    return None, factors, ("There is a picture but no scale factor for it.",) if len(images) else ()


def picture_to_uns(histology: Histology | None, um_per_place: float | None, *, name: str) -> dict[str, Any]:
    """Return ``uns["spatial"]`` as scanpy keeps it; microns per unit of place as Visium HD names them."""
    factors: dict[str, float] = {} if um_per_place is None else {"microns_per_pixel": um_per_place}
    images: dict[str, NDArray[np.uint8]] = {}
    if histology is not None:
        images["hires"] = histology.image
        factors["tissue_hires_scalef"] = histology.px_per_place
    return {name.replace("/", "_"): {"images": images, "scalefactors": factors}} if factors else {}


def as_rgb(image: NDArray[Any], *, name: str) -> NDArray[np.uint8]:
    """Return (rows, cols, 3) uint8 of a picture that is grey, RGB or RGBA, in 0..255 or (floats) 0..1.

    Raises
    ------
    InputError
        If it has another shape.
    """
    if image.ndim == 2:
        image = np.repeat(image[..., None], 3, axis=2)
    if image.ndim != 3 or image.shape[2] not in (3, 4):
        raise InputError(
            f"{name}: expected a picture of (rows, cols, 3 or 4), found an array of shape {image.shape}; "
            "mend or remove the picture."
        )
    image = image[..., :3]
    if np.issubdtype(image.dtype, np.floating):
        image = image * (255.0 if image.size and np.nanmax(image) <= 1 else 1.0)
        image = np.rint(np.clip(np.nan_to_num(image), 0, 255))
    elif image.dtype == np.uint16 and image.size and image.max() > 255:
        image = image >> 8
    return np.ascontiguousarray(image, dtype=np.uint8)


def _numbers(factors: Mapping[str, Any]) -> dict[str, float]:
    arrays = {str(key): np.asarray(value) for key, value in factors.items()}
    return {key: float(value) for key, value in arrays.items() if value.ndim == 0 and value.dtype.kind in "iuf"}


def _checked(factor: float, *, name: str) -> float:
    if not (np.isfinite(factor) and factor > 0):
        raise InputError(f"{name}: expected a scale factor > 0, found {factor:g}; mend or remove the picture.")
    return float(factor)
