"""Spatial transcriptomics slides as images: look, hide, reconstruct, paint domains.

The names below are imported when they are first asked for, so that ``import napari_stimg`` itself stays fast.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from napari_stimg.checkpoint import load_checkpoint
    from napari_stimg.errors import InputError
    from napari_stimg.inference import embed, reconstruct
    from napari_stimg.io import read_slide, write_results
    from napari_stimg.lattice import find_lattice
    from napari_stimg.slide import Slide

__version__ = "0.1.0"

__all__ = [
    "InputError",
    "Slide",
    "__version__",
    "embed",
    "find_lattice",
    "load_checkpoint",
    "read_slide",
    "reconstruct",
    "write_results",
]

_MODULE_OF = {
    "InputError": "napari_stimg.errors",
    "Slide": "napari_stimg.slide",
    "embed": "napari_stimg.inference",
    "find_lattice": "napari_stimg.lattice",
    "load_checkpoint": "napari_stimg.checkpoint",
    "read_slide": "napari_stimg.io",
    "reconstruct": "napari_stimg.inference",
    "write_results": "napari_stimg.io",
}


def __getattr__(name: str) -> object:
    """Import one of the names above.

    Raises
    ------
    AttributeError
        If the package has no such name.
    """
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_MODULE_OF[name]), name)
