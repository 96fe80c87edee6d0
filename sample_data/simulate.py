"""Simulated sections whose truth is known: layers, trends, hot spots, and the expected expression of every gene."""

from dataclasses import asdict, dataclass
from typing import Any

import anndata as ad
import numpy as np
import pandas as pd
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.special import ndtri

from napari_stimg import keys
from sample_data.parameters import TissueParameters
from sample_data.programs import DEPTH_OF_LAYER, LAYERS, PROGRAMS
from sample_data.tissue import Floats, Tissue, grow_tissue, smooth_field

TRUE_EXPRESSION = "expected_log_expression"
"""``layers``: (S, G) float32, ``log1p(1e4 * expected share of the gene in the spot)``: the counts without noise."""

DEPTH_LENGTH = 12.0
"""Shortest wavelength at which library size varies smoothly, in pitches."""

ROWS_AT_ONCE = 4096
"""Spots whose counts are drawn together, which bounds the memory of large arrays."""


@dataclass(frozen=True, kw_only=True, eq=False)
class GenePanel:
    """The genes of a simulated section.

    Parameters
    ----------
    symbols : (G,) str
        Gene symbols.
    program : (G,) int
        Index of each gene's program in ``PROGRAMS``.
    abundance : (G,) float64
        Counts in 10,000, averaged over a section, before shares are made to sum to 1.
    trend : (G,) float64
        How strongly the gene follows its program's spatial trend; 0 for genes without one.
    """

    symbols: NDArray[np.str_]
    program: NDArray[np.int64]
    abundance: Floats
    trend: Floats


def simulate(params: TissueParameters | None = None) -> ad.AnnData:
    """Return a simulated section as AnnData.

    ``X`` holds counts (CSR, float32 integers); ``obs`` the array indices, the true ``layer``, ``cortical_depth``
    (0 to 1), ``hot_spot`` (the cell type that gathers there, or missing) and ``expected_depth`` (counts);
    ``obsm["spatial"]`` (x, y) in microns; ``layers[TRUE_EXPRESSION]`` the truth behind the counts; ``var`` each
    gene's program; ``uns["simulation"]`` every parameter.

    Counts of gene g in spot s are gamma-Poisson with mean ``(1 - extra_dropout) * depth_s * share_sg``. A share is
    the gene's abundance times the fold of its program in the spot's layers, times its trend, times hot spots, made
    to sum to 1 over the panel.

    Parameters
    ----------
    params : TissueParameters, optional
        What to simulate; by default a hexagonal section of about 2,000 spots.

    Raises
    ------
    InputError
        If holes leave too little tissue.
    """
    params = params or TissueParameters()
    streams = np.random.SeedSequence(params.seed).spawn(6)
    tissue_rng, panel_rng, trend_rng, hot_spot_rng, depth_rng, counts_rng = map(np.random.default_rng, streams)
    tissue = grow_tissue(params, tissue_rng)
    panel = _panel(params, panel_rng)
    activity = _layer_activity(tissue, params.marker_strength)
    trends = _trends(tissue, params, trend_rng)
    hot_spots = _hot_spots(tissue, params, hot_spot_rng)
    shares = _shares(panel, activity=activity, trends=trends, hot_spots=hot_spots)
    depth = _library_sizes(tissue, params, depth_rng)
    section = ad.AnnData(
        X=_draw_counts(shares, depth, params, counts_rng),
        obs=_spot_table(tissue, depth, hot_spots),
        var=pd.DataFrame({"program": [PROGRAMS[k].name for k in panel.program]}, index=panel.symbols),
        layers={TRUE_EXPRESSION: np.log1p(1e4 * shares).astype(np.float32)},
        obsm={keys.SPATIAL: tissue.positions[:, ::-1] * params.pitch_um},
    )
    section.uns["simulation"] = _provenance(params)
    section.uns[keys.SPATIAL] = {"simulated": {"images": {}, "scalefactors": {"microns_per_pixel": 1.0}}}
    return section


def _panel(params: TissueParameters, rng: np.random.Generator) -> GenePanel:
    program = np.repeat(np.arange(len(PROGRAMS)), [len(p.symbols) for p in PROGRAMS])[: params.n_genes]
    symbols = np.concatenate([p.symbols for p in PROGRAMS])[: params.n_genes]
    abundance = np.concatenate([_abundances(len(p.symbols), p.abundance, params.abundance_sd) for p in PROGRAMS])
    follows = rng.random(params.n_genes) < params.gradient_share
    trend = np.where(follows, params.gradient_strength * rng.uniform(0.5, 1.5, params.n_genes), 0.0)
    return GenePanel(symbols=symbols, program=program, abundance=abundance[: params.n_genes], trend=trend)


def _abundances(n_genes: int, median: float, log10_sd: float) -> Floats:
    """Return falling abundances, (n_genes,): the quantiles of a log-normal distribution."""
    quantile = (np.arange(n_genes, 0, -1) - 0.5) / n_genes
    abundances: Floats = median * 10 ** (log10_sd * ndtri(quantile))
    return abundances


def _layer_activity(tissue: Tissue, marker_strength: float) -> Floats:
    """Return each program's fold in each spot, (S, P), mixed where layers mix."""
    profiles = np.array([p.profile for p in PROGRAMS]).T ** marker_strength
    activity: Floats = tissue.layer_weights @ profiles
    return activity


def _trends(tissue: Tissue, params: TissueParameters, rng: np.random.Generator) -> Floats:
    """Return each program's trend, (S, P): smooth, with mean 0 in every layer, so that layers keep their folds."""
    fields = [smooth_field(tissue.positions, params.gradient_length, rng) for _ in PROGRAMS]
    trends = np.stack(fields, axis=1)
    for layer in np.unique(tissue.layer):
        trends[tissue.layer == layer] -= trends[tissue.layer == layer].mean(axis=0)
    return trends


def _hot_spots(tissue: Tissue, params: TissueParameters, rng: np.random.Generator) -> Floats:
    """Return each program's natural-log fold from hot spots, (S, P), >= 0."""
    log_fold = np.zeros((len(tissue.positions), len(PROGRAMS)))
    able = [k for k, program in enumerate(PROGRAMS) if program.hot_spots]
    for i, centre in enumerate(rng.choice(len(tissue.positions), params.n_hot_spots)):
        distance = np.linalg.norm(tissue.positions - tissue.positions[centre], axis=1)
        bump = params.hot_spot_strength * np.exp(-0.5 * (distance / params.hot_spot_radius) ** 2)
        program = able[i % len(able)]
        log_fold[:, program] = np.maximum(log_fold[:, program], bump)
    return log_fold


def _shares(panel: GenePanel, *, activity: Floats, trends: Floats, hot_spots: Floats) -> Floats:
    """Return each gene's expected share of a spot's counts, (S, G), each row summing to 1."""
    log_fold = trends[:, panel.program] * panel.trend + hot_spots[:, panel.program]
    expected = panel.abundance * activity[:, panel.program] * np.exp(log_fold)
    shares: Floats = expected / expected.sum(axis=1, keepdims=True)
    return shares


def _library_sizes(tissue: Tissue, params: TissueParameters, rng: np.random.Generator) -> Floats:
    """Return expected counts of each spot, (S,): log-normal inside a layer, partly smooth over the tissue."""
    smooth = smooth_field(tissue.positions, DEPTH_LENGTH, rng)
    rough = rng.standard_normal(tissue.layer.size)
    share = params.depth_smoothness
    log_depth = params.depth_sd * (np.sqrt(share) * smooth + np.sqrt(1 - share) * rough)
    log_depth += np.log(tissue.layer_weights @ np.array(DEPTH_OF_LAYER) ** params.depth_contrast)
    depth: Floats = params.median_depth * np.exp(log_depth - np.median(log_depth))
    return depth


def _draw_counts(shares: Floats, depth: Floats, params: TissueParameters, rng: np.random.Generator) -> sp.csr_matrix:
    """Return gamma-Poisson counts, (S, G) CSR float32, a bounded number of spots at a time."""
    blocks = []
    for start in range(0, depth.size, ROWS_AT_ONCE):
        rows = slice(start, start + ROWS_AT_ONCE)
        mean = depth[rows, None] * shares[rows]
        if params.dispersion > 0:
            mean = mean * rng.gamma(1 / params.dispersion, params.dispersion, mean.shape)
        counts = rng.poisson(mean).astype(np.float32)
        counts[rng.random(counts.shape) < params.extra_dropout] = 0
        blocks.append(sp.csr_matrix(counts))
    return sp.csr_matrix(sp.vstack(blocks))


def _spot_table(tissue: Tissue, depth: Floats, hot_spots: Floats) -> pd.DataFrame:
    row, col = tissue.array_indices.T
    half_of_highest = 0.5 * max(hot_spots.max(), np.finfo(float).tiny)
    gathered = [PROGRAMS[fold.argmax()].name if fold.max() > half_of_highest else None for fold in hot_spots]
    present: list[str] = [layer for k, layer in enumerate(LAYERS) if (tissue.layer == k).any()]
    return pd.DataFrame(
        {
            keys.ARRAY_ROW: row,
            keys.ARRAY_COL: col,
            "layer": pd.Categorical([LAYERS[k] for k in tissue.layer], categories=present),
            "cortical_depth": tissue.cortical_depth,
            "hot_spot": pd.Categorical(gathered),
            "expected_depth": depth,
        },
        index=[f"spot_{r}x{c}" for r, c in tissue.array_indices],
    )


def _provenance(params: TissueParameters) -> dict[str, Any]:
    parameters = asdict(params) | {"layer_shares": list(params.layer_shares)}
    return {
        "what": "simulated layered cortex, not measured; expected_log_expression and layer are the truth",
        "spatial_unit": "micron",
        "parameters": parameters,
    }
