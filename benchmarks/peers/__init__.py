"""Methods of other people as embeddings of sections, each run in an environment of its own (see README.md here).

An environment holds the peer, anndata and numpy, not what napari-stimg needs: of the project, only modules that import
nothing but the standard library are used, which ``python -m benchmarks.peers`` finds in the repository's root.
"""
