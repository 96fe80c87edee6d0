"""An ablation from a recipe to one table and one picture."""

import json
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from napari_stimg.checkpoint import load_checkpoint
from napari_stimg.errors import InputError
from napari_stimg.progress import Progress
from napari_stimg.slide import Slide
from trainer.ablation.picture import ablation_figure
from trainer.ablation.scoring import score
from trainer.ablation.table import markdown, summarise
from trainer.ablation.variants import Variant
from trainer.config import Config, check_same_run, read_config
from trainer.data import choose_names
from trainer.evaluation.pictures import write_figure
from trainer.export import export
from trainer.files import write_text
from trainer.fit import fit
from trainer.run_folder import CONFIG
from trainer.store import open_corpus

MODEL, SCORES = "model.safetensors", "scores.json"
TABLE = "ablation"


def ablate(variants: Sequence[Variant], folder: Path) -> Generator[Progress, None, str]:
    """Yield progress, and return the table as Markdown, having trained and scored every variant.

    What is done stays: started again, it goes on at the very step. After each variant ``ablation.json``, ``.md`` and
    ``.png`` in the folder are written anew.

    Parameters
    ----------
    variants : sequence of Variant
        From ``trainer.ablation.variants``; the base comes first.
    folder : Path
        Where they and the tables go.

    Raises
    ------
    InputError
        If there are no sections to score on, a variant cannot be trained, or was trained with other settings.
    """
    n_devices = variants[0].config.run.devices
    if n_devices > 1:
        raise InputError(f"run.devices: expected 1 for an ablation, found {n_devices}; leave it out.")
    slides = yield from _validation_slides(variants[0].config)
    rows: list[dict[str, Any]] = []
    text = ""
    for number, variant in enumerate(variants, start=1):
        prefix = f"{number} of {len(variants)}, {variant.name}: "
        for progress in (task := _Task(_train_and_score(variant, slides))):
            yield Progress(done=progress.done, total=progress.total, message=prefix + progress.message)
        rows.append({"variant": variant.name, "axis": variant.axis, "value": variant.value} | task.result)
        text = _write(pd.DataFrame(rows), variants[0].config, folder)
    return text


class _Task:
    """A generator whose result is kept, so that its progress can be changed on the way."""

    def __init__(self, task: Generator[Progress, None, dict[str, Any]]) -> None:
        self._task = task
        self.result: dict[str, Any] = {}

    def __iter__(self) -> Generator[Progress, None, None]:
        self.result = yield from self._task


def _validation_slides(config: Config) -> Generator[Progress, None, list[Slide]]:
    corpus = open_corpus(Path(config.data.corpus))
    _, names = choose_names(corpus, config.data)
    if not names:
        raise InputError("data.validation: expected sections to score variants on, found none; name some.")
    slides = []
    for done, name in enumerate(names):
        yield Progress(done=done, total=len(names), message="Reading sections to score on")
        slides.append(corpus.slide(name))
    return slides


def _train_and_score(variant: Variant, slides: Sequence[Slide]) -> Generator[Progress, None, dict[str, Any]]:
    """Yield progress, and return a variant's row; nothing is done that was done before."""
    folder = Path(variant.config.run.folder)
    scores = folder / SCORES
    names = [slide.name for slide in slides]
    if scores.exists():
        check_same_run(variant.config, read_config(folder / CONFIG))
        found = json.loads(scores.read_text(encoding="utf-8"))
    steps = variant.config.optimiser.steps
    if not scores.exists() or (found["sections"], found["steps"]) != (names, steps):
        yield from fit(variant.config)
        card = export(folder, folder / MODEL, state="last")
        rows = yield from score(load_checkpoint(folder / MODEL), slides)
        hours = card["compute"]["hours"]
        found = {"sections": names, "steps": steps, "rows": rows, "validation": card["scores"], "hours": hours}
        write_text(scores, json.dumps(found, indent=1))
    return summarise(found)


def _write(table: pd.DataFrame, config: Config, folder: Path) -> str:
    text = markdown(table, config)
    write_text(folder / f"{TABLE}.json", table.to_json(orient="records", indent=1))
    write_text(folder / f"{TABLE}.md", text)
    write_figure(ablation_figure(table), folder / f"{TABLE}.png")
    return text
