"""Pretraining of the model: ``stimg-train``. Imports neither napari nor Qt."""
