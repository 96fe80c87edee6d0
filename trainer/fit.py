"""Pretraining, from sections to a checkpoint, on one page."""

import json
import math
import os
import time
from collections.abc import Generator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from pickle import UnpicklingError
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from napari_stimg.checkpoint import save_checkpoint
from napari_stimg.errors import InputError
from napari_stimg.model import MAEConfig, MaskedAutoencoder
from napari_stimg.progress import Progress
from napari_stimg.slide import Slide
from napari_stimg.vocabulary import build_vocabulary
from trainer.batches import Batch, SamplingParameters, batches
from trainer.corpus import load_sections, token_tables
from trainer.loadings import LoadingsParameters, fit_loadings


@dataclass(frozen=True, kw_only=True)
class FitParameters:
    """How a model is pretrained.

    Parameters
    ----------
    steps : int
        Optimiser steps.
    learning_rate, gene_learning_rate : float
        Peak rates of the layers and of the gene embeddings, reached after ``warmup`` steps, then a cosine to zero.
    warmup : int
        Steps of linear warm-up.
    weight_decay : float
        On matrices of the layers, not on embeddings, norms and biases.
    ema_decay : float
        Of the exponential average of weights that is saved.
    clip : float
        Largest gradient norm.
    seed : int
        Of initial weights, crops, channels and masks.
    device : str
        ``cpu``, ``cuda`` or ``mps``.
    save_every : int
        Steps between checkpoints.
    """

    steps: int = 4000
    learning_rate: float = 1e-3
    gene_learning_rate: float = 1e-4
    warmup: int = 200
    weight_decay: float = 0.05
    ema_decay: float = 0.998
    clip: float = 1.0
    seed: int = 0
    device: str = "cpu"
    save_every: int = 250


def fit(
    slides: Sequence[Slide],
    target: Path,
    *,
    params: FitParameters,
    sampling: SamplingParameters,
    loadings: LoadingsParameters,
) -> Generator[Progress, None, None]:
    """Yield progress while pretraining on the slides, and write the checkpoint ``target``.

    Goes on from ``target``'s ``.state`` if it is there. Beside the checkpoint, ``.log.jsonl`` gets a line for every 20
    steps: the loss, and that of predicting each gene's mean.

    Parameters
    ----------
    slides : sequence of Slide
        The training sections; labels are not looked at.
    target : Path
        The ``.safetensors`` file to write.
    params : FitParameters
        Steps, rates, seed, device.
    sampling : SamplingParameters
        What a crop is.
    loadings : LoadingsParameters
        What the model starts from.

    Raises
    ------
    InputError
        If ``.state`` is that of other sections or sizes, or has come further than ``params.steps``.
    """
    yield Progress(done=0, total=params.steps, message="Indexing sections")
    torch.manual_seed(params.seed)
    vocabulary = build_vocabulary(slides)
    sections = load_sections(slides, vocabulary, seed=params.seed)
    model = MaskedAutoencoder(MAEConfig(n_genes=len(vocabulary), width=loadings.width))
    state_path = target.with_suffix(".state")
    state = _read_state(state_path, model, params) if state_path.exists() else None
    if state is None:
        yield Progress(done=0, total=params.steps, message="Fitting gene loadings")
        start_from_loadings(model, fit_loadings(token_tables(slides, vocabulary), len(vocabulary), params=loadings))
    model.to(params.device)
    optimiser = make_optimiser(model, params)
    ema = get_ema_multi_avg_fn(params.ema_decay)  # type: ignore[no-untyped-call]
    average = AveragedModel(model, multi_avg_fn=ema)
    first_step = 0
    if state is not None:
        model.load_state_dict(state["model"])
        average.load_state_dict(state["average"])
        optimiser.load_state_dict(state["optimiser"])
        first_step = state["step"]
    stream = batches(sections, sampling, seed=params.seed + first_step)
    losses: list[tuple[float, float]] = []
    started_at = time.monotonic()
    message = "Training"
    for step in range(first_step, params.steps):
        yield Progress(done=step, total=params.steps, message=message)
        for group in optimiser.param_groups:
            group["lr"] = group["peak"] * schedule(step, params)
        batch = Batch(*(tensor.to(params.device) for tensor in next(stream)))
        loss = masked_loss(model, batch)
        optimiser.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        nn.utils.clip_grad_norm_(model.parameters(), params.clip)
        optimiser.step()
        average.update_parameters(model)
        losses.append((loss.item(), mean_loss(batch).item()))
        if (step + 1) % 20 == 0:
            entry = {"step": step + 1, "elapsed_s": round(time.monotonic() - started_at, 1)}
            entry |= dict(zip(("loss", "mean_loss"), np.mean(losses, axis=0).round(5).tolist(), strict=True))
            with target.with_suffix(".log.jsonl").open("a") as log:
                log.write(json.dumps(entry) + "\n")
            message = f"Training, loss {entry['loss']:.4f} (gene means {entry['mean_loss']:.4f})"
            losses.clear()
        if (step + 1) % params.save_every == 0 or step + 1 == params.steps:
            card = {
                "sections": sorted(slide.name for slide in slides),
                "steps": step + 1,
                "fit": asdict(params),
                "sampling": asdict(sampling),
                "loadings": asdict(loadings),
            }
            save_checkpoint(cast(MaskedAutoencoder, average.module), vocabulary, card, target)
            _save_state(
                {
                    "model": model.state_dict(),
                    "average": average.state_dict(),
                    "optimiser": optimiser.state_dict(),
                    "step": step + 1,
                },
                state_path,
            )
    yield Progress(done=params.steps, total=params.steps, message=message)


def masked_loss(model: MaskedAutoencoder, batch: Batch) -> Tensor:
    """Return the squared error of hidden values in units of each gene's variance, averaged by weight over the batch."""
    tokens = model.tokens(batch.values, batch.genes, batch.shown_precision)
    latents = model.encode(tokens, batch.positions, batch.present)
    states = model.decode(latents, batch.positions, batch.present, batch.queries)
    error = model.read_out(states, batch.genes) - batch.targets  # B, Q, M
    return (batch.weight * error.square()).sum() / (batch.weight > 0).sum()


def mean_loss(batch: Batch) -> Tensor:
    """Return the loss of predicting every gene's mean over its section."""
    return (batch.weight * batch.targets.square()).sum() / (batch.weight > 0).sum()


def start_from_loadings(model: MaskedAutoencoder, loadings: np.ndarray[Any, np.dtype[np.float32]]) -> None:
    """Set both gene embeddings to (V, D) loadings."""
    with torch.no_grad():
        model.gene_in.weight.copy_(torch.from_numpy(loadings))
        model.gene_out.weight.copy_(torch.from_numpy(loadings))


def make_optimiser(model: MaskedAutoencoder, params: FitParameters) -> torch.optim.Optimizer:
    """Return AdamW with one group of gene embeddings, one of matrices (decayed), one of the rest."""
    genes = [model.gene_in.weight, model.gene_out.weight]
    others = [p for name, p in model.named_parameters() if not name.startswith("gene_")]
    matrices, vectors = [p for p in others if p.ndim > 1], [p for p in others if p.ndim <= 1]
    groups: list[dict[str, Any]] = [
        {"params": genes, "peak": params.gene_learning_rate, "weight_decay": 0.0},
        {"params": matrices, "peak": params.learning_rate, "weight_decay": params.weight_decay},
        {"params": vectors, "peak": params.learning_rate, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=params.learning_rate, betas=(0.9, 0.98))


def schedule(step: int, params: FitParameters) -> float:
    """Return the share of the peak learning rate at a step: linear warm-up, then a cosine to zero."""
    if step < params.warmup:
        return (step + 1) / params.warmup
    done = (step - params.warmup) / max(1, params.steps - params.warmup)
    return 0.5 * (1 + math.cos(math.pi * done))


def _read_state(path: Path, model: MaskedAutoencoder, params: FitParameters) -> dict[str, Any]:
    """Return the state of an interrupted run, on the run's device."""
    try:
        state: dict[str, Any] = torch.load(path, weights_only=True, map_location=params.device)
    except (RuntimeError, UnpicklingError, EOFError) as error:
        raise InputError(
            f"expected the state of an interrupted run, found {path.name}, which cannot be read; "
            "remove it to start anew."
        ) from error
    sizes = {name: tensor.shape for name, tensor in model.state_dict().items()}
    if {name: tensor.shape for name, tensor in state["model"].items()} != sizes:
        raise InputError(
            f"expected {path.name} to be of a model of these sections and sizes, found one of others; "
            "give the options it was started with, or remove it to start anew."
        )
    if state["step"] >= params.steps:
        raise InputError(
            f"expected more steps than the {state['step']:,} that {path.name} has behind it, found {params.steps:,}; "
            "ask for more, or remove it to start anew."
        )
    return state


def _save_state(state: dict[str, Any], path: Path) -> None:
    """Write the state beside its place, then rename it there."""
    beside = path.with_name(path.name + ".part")
    torch.save(state, beside)
    os.replace(beside, path)
