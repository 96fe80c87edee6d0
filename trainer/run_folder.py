"""The folder of a run: its settings and genes, its log, its states."""

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from shutil import rmtree
from typing import Any
from weakref import finalize

from napari_stimg.checkpoint import Checkpoint
from napari_stimg.errors import InputError
from trainer.config import Config, check_same_run, read_config, write_config
from trainer.data import Data
from trainer.files import lock, write_text

CONFIG, GENES, LOG, CURVES, LOCK = "config.yaml", "vocabulary.json", "log.jsonl", "curves", "run.lock"
LAST, BEST = "last.state", "best.state"


class RunFolder:
    """Where a run keeps what it does.

    Parameters
    ----------
    path : Path
        The folder; it is made where it is missing.
    writes : bool
        Whether this process writes to it: one of a run does.
    """

    def __init__(self, path: Path, *, writes: bool) -> None:
        self.path = path
        self.last = path / LAST
        self.best = path / BEST
        self._writes = writes
        self._curves: Any = None
        self._unlock: Callable[[], object] | None = None

    def check(self, config: Config, start: Checkpoint | None) -> None:
        """Check that the folder is new or holds this very run.

        Raises
        ------
        InputError
            If it cannot be made, or holds another run.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(f"run.folder: expected a folder to write to, found {error}; name another.") from error
        others = {path.name for path in self.path.iterdir() if path.name != LOCK and path.suffix != ".part"}
        if others and GENES not in others:
            raise InputError(
                f"run.folder: expected an empty folder or that of a run, found {min(others)} in {self.path}; "
                "name another folder."
            )
        self._lock()
        if not self.last.exists():
            return
        check_same_run(config, read_config(self.path / CONFIG))
        begun_from = self.read_genes()["from"]
        given = None if start is None else start.sha256
        if begun_from != given:
            raise InputError(
                f"expected the run in {self.path} to go on from {_named(begun_from)}, as it was started, "
                f"found {_named(given)}; give that, or name another run.folder."
            )

    def begin(
        self, config: Config, data: Data, start: Checkpoint | None, *, processes: int = 1, loader: str = "workers"
    ) -> None:
        """Write settings and genes, or check that they are still those; what an earlier run left is removed.

        Parameters
        ----------
        config : Config
            The run.
        data : Data
            Its sections and genes.
        start : Checkpoint or None
            What it goes on from.
        processes : int
            Of the run; with ``optimiser.accumulate`` they say how many batches a step has.
        loader : {"workers", "resident"}
            What makes its batches: each draws others.

        Raises
        ------
        InputError
            If a run goes on with other sections, genes, batches a step or loader, or is to be validated on a section
            that the model it goes on from was trained on.
        """
        from_sections = [] if start is None else list(start.card.get("sections", []))
        seen = sorted(set(from_sections) & set(data.validation.names))
        if seen:
            raise InputError(
                f"data.validation: expected sections that the model of --from was not trained on, found {seen[0]}; "
                "validate on others."
            )
        found: dict[str, Any] = {
            "batches_a_step": processes * config.optimiser.accumulate,
            "loader": loader,
            "from": None if start is None else start.sha256,
            "from_sections": from_sections,
            "sections": list(data.training.names),
            "validation": list(data.validation.names),
            "symbols": list(data.vocabulary.symbols),
            "aliases": data.vocabulary.aliases,
        }
        if self.last.exists():
            before = self.read_genes()
            for key in ("sections", "symbols"):
                if before[key] != found[key]:
                    raise InputError(
                        f"{self.path}: expected the {len(before[key]):,} {key} that the run was started with, found "
                        f"{len(found[key]):,}, not the same; give the corpus of then, or name another run.folder."
                    )
            for key, setting in (("batches_a_step", "run.devices x optimiser.accumulate"), ("loader", "run.loader")):
                if before[key] != found[key]:
                    raise InputError(
                        f"{setting}: expected {before[key]}, with which the run in {self.path} was started, found "
                        f"{found[key]}: it would learn from other batches; go on with that, or name another run.folder."
                    )
        elif self._writes:
            for path in (self.best, self.path / LOG):
                path.unlink(missing_ok=True)
            rmtree(self.path / CURVES, ignore_errors=True)
        if self._writes:
            write_text(self.path / GENES, json.dumps(found))  # first: it tells a run's folder from others
            write_config(config, self.path / CONFIG)

    def read_genes(self) -> dict[str, Any]:
        """Return what the run was begun with: ``sections``, ``validation``, ``symbols``, ``aliases``, ``from``, ...."""
        path = self.path / GENES
        try:
            genes: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            genes["from"], genes["sections"], genes["validation"], genes["symbols"], genes["aliases"]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise InputError(
                f"expected the genes of a run in {path}, found {type(error).__name__}; put the file back, or name "
                "another run.folder."
            ) from error
        return genes

    def _lock(self) -> None:
        """Keep other runs out of the folder until this process ends."""
        if not self._writes or self._unlock is not None:
            return
        file = os.open(self.path / LOCK, os.O_RDWR | os.O_CREAT)
        self._unlock = finalize(self, os.close, file)  # also where a run is closed on its way
        lock(
            file,
            busy=f"run.folder: expected no other process to train in {self.path}, found one at work; wait until it is "
            "done, or name another folder.",
        )

    def go_on_from(self, step: int) -> float:
        """Cut off what the log says of steps that will be taken again, open the curves, return the seconds so far."""
        if not self._writes:
            return 0.0
        path = self.path / LOG
        entries = [entry for entry in read_log(path) if entry["step"] <= step] if path.exists() else []
        write_text(path, "".join(json.dumps(entry) + "\n" for entry in entries))
        self._curves = _open_curves(self.path / CURVES, step)
        return float(max((entry.get("elapsed_s", 0.0) for entry in entries), default=0.0))

    def log(self, entry: Mapping[str, Any]) -> None:
        """Append an entry to the log and the curves."""
        if not self._writes:
            return
        with (self.path / LOG).open("a", encoding="utf-8") as log:
            log.write(json.dumps(entry) + "\n")
        if self._curves is not None:
            step = entry["step"]
            prefix, values = ("validation", entry["validation"]) if "validation" in entry else ("training", entry)
            for key, value in values.items():
                if key != "step" and isinstance(value, int | float):
                    self._curves.add_scalar(f"{prefix}/{key}", value, step)
            self._curves.flush()

    def last_good(self) -> str:
        """Return where the last good state is, in words."""
        return f"the last good state is {self.last}" if self.last.exists() else "no state was saved before"

    def close(self) -> None:
        """End the curves, and let others in."""
        if self._curves is not None:
            self._curves.close()
        if self._unlock is not None:
            self._unlock()


def read_log(path: Path) -> list[dict[str, Any]]:
    """Return the entries of a log; a last line that was cut off in the middle is left out.

    Raises
    ------
    InputError
        If another line is no JSON object with a step.
    """
    text = path.read_text(encoding="utf-8")
    lines = text.splitlines()
    entries = []
    for number, line in enumerate(lines, start=1):
        try:
            entry = json.loads(line)
            entry["step"]
            entries.append(entry)
        except (ValueError, KeyError, TypeError) as error:
            if number == len(lines) and not text.endswith("\n"):
                break
            raise InputError(
                f"{path}: expected JSON with a step on every line, found other text on line {number}; remove that line."
            ) from error
    return entries


def _open_curves(path: Path, step: int) -> Any:
    """Return a writer of TensorBoard's files, None where TensorBoard is not installed."""
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        return None
    return SummaryWriter(str(path), purge_step=step + 1)


def _named(sha256: str | None) -> str:
    return "the corpus' loadings" if sha256 is None else f"the checkpoint {sha256[:12]}"
