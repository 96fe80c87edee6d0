"""Spatial transcriptomics slides as images: look, hide, reconstruct, paint domains."""

__version__ = "0.1.0"
