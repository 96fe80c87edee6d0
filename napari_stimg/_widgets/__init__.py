"""The panel for napari: the only part of napari-stimg that imports napari or Qt."""
