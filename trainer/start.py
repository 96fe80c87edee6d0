"""What a run starts from: sections and genes, and a model that is as good as their loadings, or one given."""

from collections.abc import Generator
from pathlib import Path

import numpy as np
import torch
from lightning.fabric import Fabric

from napari_stimg.checkpoint import Checkpoint
from napari_stimg.model import MaskedAutoencoder
from napari_stimg.progress import Progress
from trainer.config import Config
from trainer.data import Data, choose_names, load_data, token_tables
from trainer.loadings import extend_loadings, fit_loadings
from trainer.objective import start_from_loadings
from trainer.processes import process_counts
from trainer.store import open_corpus


def open_data(fabric: Fabric, config: Config, start: Checkpoint | None) -> Generator[Progress, None, Data]:
    """Yield progress, and return the sections and genes of a run; the processes of a machine share the unpacking.

    Raises
    ------
    InputError
        If the corpus cannot be used.
    """
    corpus = open_corpus(Path(config.data.corpus), unpacked=config.data.unpacked or None)
    training, validation = choose_names(corpus, config.data)
    mine = [*training, *validation][fabric.local_rank :: process_counts(config.run)[0]]
    yield from corpus.unpack(mine)
    fabric.barrier()
    return load_data(corpus, config.data, known=None if start is None else start.vocabulary)


def start_model(
    fabric: Fabric, config: Config, data: Data, start: Checkpoint | None, *, from_scratch: bool
) -> Generator[Progress, None, MaskedAutoencoder]:
    """Yield progress, and return the model at its first step.

    Parameters
    ----------
    fabric : Fabric
        The processes; the first one fits the loadings.
    config : Config
        Sizes and seed.
    data : Data
        Sections and genes.
    start : Checkpoint or None
        A model to train further.
    from_scratch : bool
        Whether its weights matter; if a state is loaded over them, nothing is fitted.
    """
    torch.manual_seed(config.run.seed)
    model = MaskedAutoencoder(config.model.sized(len(data.vocabulary)))
    if not from_scratch:
        return model
    yield Progress(done=0, total=0, message="Fitting gene loadings")
    rng = np.random.default_rng(config.run.seed)
    if fabric.is_global_zero:
        tables = token_tables(data.training, max_cells=config.loadings.max_cells, rng=rng)
        n_genes = len(data.vocabulary)
        if start is None:
            loadings = fit_loadings(
                tables, n_genes, width=config.model.width, params=config.loadings, seed=config.run.seed
            )
            start_from_loadings(model, loadings)
        else:
            take_over(model, start.model)
            with torch.no_grad():
                for embedding in (model.gene_in, model.gene_out):
                    known = embedding.weight[: start.model.config.n_genes].numpy()
                    extended = extend_loadings(known, tables, n_genes, params=config.loadings)
                    embedding.weight.copy_(torch.from_numpy(extended))
    for weight in model.state_dict().values():
        weight.copy_(fabric.broadcast(weight))
    return model


def take_over(model: MaskedAutoencoder, other: MaskedAutoencoder) -> None:
    """Copy the weights of another model of the same sizes, whose genes come first among this one's."""
    weights = model.state_dict()
    for name, weight in other.state_dict().items():
        with torch.no_grad():
            weights[name][: len(weight)] = weight.to(weights[name].dtype)
