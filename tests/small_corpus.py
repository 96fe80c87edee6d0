"""A corpus of three small simulated sections, and configurations of runs that take seconds."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from napari_stimg.slide import Slide
from tests.known_slides import simulated_slide
from trainer.config import Config, config_from
from trainer.data import Data, load_data
from trainer.store import open_corpus, pack_slides

SMALL: dict[str, dict[str, Any]] = {
    "model": {"width": 8, "n_heads": 2, "n_encoder_layers": 1, "n_decoder_layers": 1},
    "crops": {"sides": [5, 7], "tokens": 150, "channels": 11},
    "optimiser": {"steps": 4, "warmup": 2, "learning_rate": 0.01, "gene_learning_rate": 0.01},
    "run": {"accelerator": "cpu", "log_every": 1, "validation_batches": 2},
    "loadings": {"n_iterations": 2},
}
"""What makes a run small, in the place of the defaults."""


def small_slides() -> list[Slide]:
    """Return sections of 40 genes each, 46 in all; the last one has labels (seven layers)."""
    sizes = ((20, 17), (13, 18), (22, 19))
    slides = []
    for number, (n_rows, n_cols) in enumerate(sizes):
        slide = simulated_slide(n_rows=n_rows, n_cols=n_cols, n_genes=47, seed=number)
        labels = pd.DataFrame(index=slide.obs.index) if number < 2 else slide.obs
        genes = np.roll(np.arange(47), -3 * number)[:40]
        slides.append(
            replace(slide, counts=slide.counts[:, genes], gene_names=slide.gene_names[genes], gene_ids=None, obs=labels)
        )
    return slides


def pack_small_corpus(path: Path) -> Path:
    """Pack the sections and return the corpus' folder."""
    pack_slides(small_slides(), path)
    return path


def small_config(corpus: Path, folder: Path, **sections: dict[str, Any]) -> Config:
    """Return a small run on a corpus, with the settings given in the place of its own.

    Parameters
    ----------
    corpus, folder : Path
        Of the corpus, of the run.
    **sections : dict
        ``optimiser={"steps": 9}`` and the like.
    """
    given = SMALL | {"data": {"corpus": str(corpus)}, "run": SMALL["run"] | {"folder": str(folder)}}
    return config_from({name: given.get(name, {}) | sections.get(name, {}) for name in given.keys() | sections.keys()})


def load_small_data(corpus: Path, **settings: Any) -> Data:
    """Return the sections and genes of a run with these settings of ``data``."""
    config = small_config(corpus, Path("unused"), data={"corpus": str(corpus), **settings})
    return load_data(open_corpus(corpus), config.data)
