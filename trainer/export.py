"""From a run to a checkpoint that the viewer loads, with a card that says where it comes from."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import napari_stimg
from napari_stimg.checkpoint import save_checkpoint
from napari_stimg.errors import InputError
from napari_stimg.model import MaskedAutoencoder
from napari_stimg.vocabulary import Vocabulary
from trainer.config import Config, as_tree, read_config
from trainer.files import write_text
from trainer.run_folder import CONFIG, LOG, RunFolder, read_log
from trainer.state import average_weights

USE = (
    "For exploring: what a hidden or torn region would express, judged from its surroundings and from other tissue; "
    "domains from few labels.",
    "Not for diagnosis, and not as a measurement: a reconstruction is an expectation, smoother than any section.",
    "On tissues and platforms far from the sections it was trained on, expect less.",
)
"""What every model card says of use and limits."""


def export(
    folder: Path, target: Path, *, state: str | None = None, notes: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """Write a run's averaged weights as a checkpoint, and its card as Markdown beside it; return the card.

    Parameters
    ----------
    folder : Path
        The run's.
    target : Path
        The ``.safetensors`` file to write; the card is called ``.md``.
    state : {"best", "last"}, optional
        Which state; by default the best, where sections to validate on gave one.
    notes : dict of str to str, optional
        What the author adds: licence, data terms, contact, ...

    Raises
    ------
    InputError
        If the folder holds no run, or none that has saved a state.
    """
    if not (folder / CONFIG).is_file():
        raise InputError(f"expected the folder of a run, found no {CONFIG} in {folder}; give run.folder of `fit`.")
    run = RunFolder(folder, writes=False)
    if state is None:
        state = "best" if run.best.exists() else "last"
    path = run.best if state == "best" else run.last
    weights, step = average_weights(path)
    config, genes = read_config(folder / CONFIG), run.read_genes()
    vocabulary = Vocabulary(symbols=tuple(genes["symbols"]), aliases=genes["aliases"])
    model = MaskedAutoencoder(config.model.sized(len(vocabulary)))
    try:
        model.load_state_dict(weights)
    except RuntimeError as error:
        raise InputError(
            f"expected the weights of the run in {folder}, found those of another in {path.name}; remove that file."
        ) from error
    log = read_log(folder / LOG) if (folder / LOG).exists() else []
    card = _card(config, genes, state, step, log, dict(notes or {}))
    card["sha256_of_state"] = hashlib.sha256(path.read_bytes()).hexdigest()
    sha256 = save_checkpoint(model, vocabulary, card, target)
    text = card_as_markdown(card, target.name, sha256, sum(weight.numel() for weight in weights.values()))
    write_text(target.with_suffix(".md"), text)
    return card


def _card(
    config: Config,
    genes: Mapping[str, Any],
    state: str,
    step: int,
    log: list[dict[str, Any]],
    notes: dict[str, str],
) -> dict[str, Any]:
    """Return what a checkpoint says of itself."""
    training = [entry for entry in log if "loss" in entry and entry["step"] <= step]
    validation = [entry for entry in log if "validation" in entry and entry["step"] <= step]
    settings = as_tree(config)
    for section, key in (("data", "corpus"), ("data", "unpacked"), ("run", "folder")):
        settings[section][key] = Path(
            settings[section][key]
        ).name  # where things lay on one machine is nobody's concern
    return {
        "version": napari_stimg.__version__,
        "sections": sorted({*genes["sections"], *genes["from_sections"]}),
        "trained_further_from": genes["from"],
        "validated_on": genes["validation"],
        "state": state,
        "steps": step,
        "seed": config.run.seed,
        "config": settings,
        "compute": {
            "crops_per_s": training[-1]["crops_per_s"] if training else None,
            "devices": training[-1]["devices"] if training else None,
            "hours": round(training[-1]["elapsed_s"] / 3600, 3) if training else 0.0,
        },
        "scores": validation[-1]["validation"] if validation else {},
        "use_and_limits": list(USE),
        "notes": notes,
    }


def card_as_markdown(card: Mapping[str, Any], name: str, sha256: str, n_weights: int) -> str:
    """Return a card as a page for people."""
    scores = card["scores"]
    rows = {
        "file": f"`{name}`, sha256 of tensors and texts `{sha256}`",
        "made by": f"napari-stimg {card['version']}, `stimg-train fit` and `export`, the {card['state']} state",
        "sizes": f"{n_weights:,} weights; "
        + ", ".join(f"{key} {value}" for key, value in card["config"]["model"].items()),
        "trained on": f"{len(card['sections']):,} sections, without labels (listed below)",
        "further from": card["trained_further_from"] or "nothing: started from the loadings of its corpus",
        "steps": f"{card['steps']:,} of {card['config']['optimiser']['steps']:,}, seed {card['seed']}",
        "compute": f"{card['compute']['hours']} hours on {card['compute']['devices']}, "
        f"{card['config']['run']['precision']}, {card['compute']['crops_per_s']} crops/s",
        "validated on": ", ".join(card["validated_on"]) or "nothing",
        "scores there": ", ".join(f"{key} {value:.4g}" for key, value in scores.items()) or "none",
        **card["notes"],
    }
    settings = "\n".join(
        f"    {section}.{key} = {value}" for section, values in card["config"].items() for key, value in values.items()
    )
    return "\n".join(
        [
            f"# {Path(name).stem}",
            "",
            "| | |",
            "|---|---|",
            *(f"| {key} | {value} |" for key, value in rows.items()),
            "",
            "## Use and limits",
            "",
            *(f"* {sentence}" for sentence in card["use_and_limits"]),
            "",
            "Scores above are of sections that were not trained on; `stimg-train evaluate` gives more of them.",
            "",
            "## Sections trained on",
            "",
            ", ".join(card["sections"]),
            "",
            "## Settings",
            "",
            settings,
            "",
        ]
    )
