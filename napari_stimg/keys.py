"""Every AnnData key that napari-stimg reads or writes, with its meaning and shape.

S is the number of spots, G of genes, D the width of the embedding.
"""

# --- read -------------------------------------------------------------------------------------
COUNTS_LAYER = "counts"
"""``layers``: (S, G) raw counts, preferred over ``raw`` and ``X``."""

ARRAY_ROW, ARRAY_COL = "array_row", "array_col"
"""``obs``: (S,) integer indices of a spot on its array, as Space Ranger and scanpy name them."""

IN_TISSUE = "in_tissue"
"""``obs``: (S,) 1 or True where the spot lies on the tissue, as Space Ranger and scanpy name it."""

SECTION_COLUMNS = ("library_id", "section", "section_id", "section_name", "slice", "slice_id", "slide_id")
"""``obs``: (S,) columns that always name a section."""

SAMPLE_COLUMNS = ("sample", "sample_id", "sample_name", "batch", "slide", "library")
"""``obs``: (S,) columns that name a section if the places of their spots overlap."""

SPATIAL = "spatial"
"""``obsm``: (S, 2) positions as (x, y); ``uns``: images and scale factors by library, as scanpy keeps them."""

GENE_ID_COLUMNS = ("gene_ids", "gene_id", "ensembl_id", "ensembl", "ENSEMBL")
"""``var``: (G,) Ensembl ids, the first of these columns that is there."""

GENE_NAME_COLUMNS = ("feature_name", "gene_name", "gene_names", "gene_symbol", "gene_symbols", "symbol", "SYMBOL")
"""``var``: (G,) symbols where the index holds Ensembl ids, the first of these columns that is there."""

# --- written ----------------------------------------------------------------------------------
RECONSTRUCTION = "stimg_reconstruction"
"""``layers``: (S, G) float32 expected log expression of hidden spots, NaN where nothing was predicted."""

UNCERTAINTY = "stimg_uncertainty"
"""``layers``: (S, G) float32 standard deviation of that expectation, log expression, NaN likewise."""

MASK = "stimg_mask"
"""``obs``: (S,) bool, True = hidden from the model."""

SCRIBBLE = "stimg_scribble"
"""``obs``: (S,) categorical, the class that a spot was scribbled with, NaN where there is none."""

EMBEDDING = "X_stimg"
"""``obsm``: (S, D) float32."""

DOMAIN = "stimg_domain"
"""``obs``: (S,) categorical."""

DOMAIN_PROBABILITY = "stimg_domain_probability"
"""``obsm``: (S, K) float32, one column a category of ``stimg_domain``, only where labels were painted."""

DOMAIN_COLORS = "stimg_domain_colors"
"""``uns``: one ``#rrggbb`` a category, in the order of the categories."""

LATTICE_ROW, LATTICE_COL = "stimg_row", "stimg_col"
"""``obs``: (S,) int32 cell of the lattice."""

PROVENANCE = "stimg"
"""``uns``: version, checkpoint hash, parameters, seed, scores of what was written."""
