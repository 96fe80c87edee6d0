"""Formats: every reader gives the same :class:`~napari_stimg.slide.Slide`; results are written as AnnData."""

from napari_stimg.io.anndata_file import anndata_from_slide, slide_from_anndata
from napari_stimg.io.masks import mask_from_geojson, mask_from_key, mask_from_square
from napari_stimg.io.reading import read_slide
from napari_stimg.io.results import Results, check_size, check_target, write_results
from napari_stimg.io.sections import SeveralSectionsError

__all__ = [
    "Results",
    "SeveralSectionsError",
    "anndata_from_slide",
    "check_size",
    "check_target",
    "mask_from_geojson",
    "mask_from_key",
    "mask_from_square",
    "read_slide",
    "slide_from_anndata",
    "write_results",
]
