"""Crops drawn in a second on one core, against the plain way: slice AnnData, densify, draw with numpy."""

from pathlib import Path

import anndata as ad
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks.row import Row, median_s
from napari_stimg.channels import draw_channels
from napari_stimg.crops import MIN_TISSUE, random_crop
from napari_stimg.slide import Slide
from trainer.config import DataConfig
from trainer.data import load_data
from trainer.sampling import Entries
from trainer.store import open_corpus, pack_slides

SIDE, CHANNELS = 16, 512


def measure(slide: Slide, folder: Path) -> list[Row]:
    """Return one row for a section: 16 x 16 crops of 512 genes drawn by their variance in the crop."""
    pack_slides([slide], folder / slide.name)
    data = load_data(open_corpus(folder / slide.name), DataConfig(corpus="", min_spots=1))
    training, rng = data.training[0], np.random.default_rng(0)
    section = training.section

    def ours() -> NDArray[np.float32]:
        crop = random_crop(section.lattice, (SIDE, SIDE), rng=rng)
        entries = Entries.of(section, crop.tokens)
        channels = draw_channels(entries.variance(section)[training.columns], CHANNELS, rng=rng)
        return entries.dense(training.columns[channels], section.n_genes)

    table = ad.AnnData(slide.counts, obs=pd.DataFrame(index=slide.spot_names))
    rows, cols = section.lattice.cell_of_spot.T

    def plain() -> NDArray[np.float32]:
        while True:
            row = rng.integers(max(1, section.lattice.shape[0] - SIDE))
            col = rng.integers(max(1, section.lattice.shape[1] - SIDE))
            inside = (rows >= row) & (rows < row + SIDE) & (cols >= col) & (cols < col + SIDE)
            if inside.sum() >= MIN_TISSUE * SIDE**2:
                break
        counts = table[inside].X.toarray()
        expression = np.log1p(1e4 * counts / np.maximum(counts.sum(axis=1, keepdims=True), 1))
        variance = expression.var(axis=0)
        chosen = rng.choice(variance.size, CHANNELS, replace=False, p=variance / variance.sum())
        crop: NDArray[np.float32] = expression[:, chosen]
        return crop

    fast, slow = 1 / median_s(ours), 1 / median_s(plain)
    what = f"crops/s and core, {slide.n_spots:,} spots x {slide.n_genes:,} genes"
    return [Row(what=what, ours=fast, other=slow, against="AnnData and numpy", ratio=fast / slow, goal=">= 20")]
