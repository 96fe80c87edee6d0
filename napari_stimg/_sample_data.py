"""Sample sections for napari's menu (File > Open Sample). Imports neither napari nor Qt."""

import sys
from pathlib import Path

from napari_stimg._reader import LayerData, layer_data
from napari_stimg.progress import run
from sample_data import sections
from sample_data.catalogue import DLPFC_151673, HER2ST_B1, HER2ST_E1, MOUSE_OLFACTORY_BULB, PublicSection


def layered_hexagonal() -> list[LayerData]:
    """Return the layers of generated tissue on a hexagonal array."""
    return layer_data(sections.layered_hexagonal())


def layered_square() -> list[LayerData]:
    """Return the layers of generated tissue on a square array."""
    return layer_data(sections.layered_square())


def her2st_b1(*, cache: Path | None = None, base_url: str | None = None) -> list[LayerData]:
    """Return the layers of breast tumour her2st B1, downloaded once."""
    return _downloaded(HER2ST_B1, cache, base_url)


def her2st_e1(*, cache: Path | None = None, base_url: str | None = None) -> list[LayerData]:
    """Return the layers of breast tumour her2st E1, downloaded once."""
    return _downloaded(HER2ST_E1, cache, base_url)


def mouse_olfactory_bulb(*, cache: Path | None = None, base_url: str | None = None) -> list[LayerData]:
    """Return the layers of a mouse olfactory bulb, downloaded once."""
    return _downloaded(MOUSE_OLFACTORY_BULB, cache, base_url)


def dlpfc_151673(*, cache: Path | None = None, base_url: str | None = None) -> list[LayerData]:
    """Return the layers of human cortex DLPFC 151673 with its H&E picture, downloaded once."""
    return _downloaded(DLPFC_151673, cache, base_url)


def _downloaded(section: PublicSection, cache: Path | None, base_url: str | None) -> list[LayerData]:
    on_terminal = sys.stderr is not None and sys.stderr.isatty()
    return layer_data(run(sections.public_section(section, cache=cache, base_url=base_url, show_bar=on_terminal)))
