"""Reading a section, whatever its format."""

from pathlib import Path

from napari_stimg.errors import InputError
from napari_stimg.io.anndata_file import is_anndata, read_anndata_file
from napari_stimg.io.legacy_st import read_legacy_st
from napari_stimg.io.opening import hdf5_file
from napari_stimg.io.spaceranger import read_spaceranger, read_tenx_beside_positions
from napari_stimg.io.spatialdata_zarr import is_zarr, read_spatialdata
from napari_stimg.io.tenx_matrix import is_tenx_h5
from napari_stimg.slide import Slide

HDF5_ENDINGS = (".h5ad", ".h5", ".hdf5")
TABLE_ENDINGS = (".tsv", ".tsv.gz")

_FORMATS = (
    "an .h5ad file, a Space Ranger folder, a 10x .h5 file, a legacy ST table (.tsv or .tsv.gz) or a SpatialData .zarr"
)


def read_slide(path: Path | str, *, section: str | None = None) -> Slide:
    """Read one section from any of the formats that this package knows.

    Parameters
    ----------
    path : Path or str
        An ``.h5ad`` file, a Space Ranger ``outs`` folder (Visium, Visium HD), a 10x ``.h5`` matrix beside its
        positions, a legacy ST count table (``.tsv``, ``.tsv.gz``), or a SpatialData ``.zarr``.
    section : str or None
        Which section, where there are several: a value of the ``obs`` column that names them, Visium HD's bins
        (``"square_016um"``), or a SpatialData region or table.

    Raises
    ------
    InputError
        If there is nothing at ``path``, its format is not known, it is damaged, or does not hold a section.
    """
    path = Path(path)
    if not path.exists():
        raise InputError(f"{path}: expected {_FORMATS}, found nothing there; check the name.")
    if path.is_dir():
        return read_spatialdata(path, section=section) if is_zarr(path) else read_spaceranger(path, section=section)
    if path.name.lower().endswith(HDF5_ENDINGS):
        return _read_hdf5(path, section=section)
    if not path.name.lower().endswith(TABLE_ENDINGS):
        raise InputError(f"{path.name}: expected {_FORMATS}, found a file of another ending; choose one of these.")
    _check_no_section(path, section)
    return read_legacy_st(path)


def _read_hdf5(path: Path, *, section: str | None) -> Slide:
    """Read an HDF5 file by what it contains, whatever its ending."""
    expected = "an AnnData file (.h5ad) or 10x Genomics' matrix (.h5)"
    with hdf5_file(path, expected) as file:
        anndata, tenx, found = is_anndata(file), is_tenx_h5(file), ", ".join(sorted(file)[:5])
    if anndata:
        return read_anndata_file(path, section=section)
    if tenx:
        _check_no_section(path, section)
        return read_tenx_beside_positions(path)
    raise InputError(
        f"{path.name}: expected {expected}, found an HDF5 file with {found or 'nothing in it'}; choose another file."
    )


def _check_no_section(path: Path, section: str | None) -> None:
    if section is not None:
        raise InputError(
            f"{path.name}: expected a file of several sections to choose {section!r} from, "
            "found a format that holds one; leave the section out."
        )
