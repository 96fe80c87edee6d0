"""The folder of a run: its settings and genes, its log, its states."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from napari_stimg.checkpoint import Checkpoint
from napari_stimg.errors import InputError
from trainer.config import Config, check_same_run, read_config, write_config
from trainer.data import Data
from trainer.files import write_text

CONFIG, GENES, LOG, CURVES = "config.yaml", "vocabulary.json", "log.jsonl", "curves"
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

    def begin(self, config: Config, data: Data, start: Checkpoint | None) -> None:
        """Write settings and genes, or check that the genes are still those.

        Raises
        ------
        InputError
            If a run goes on with a corpus that gives it other sections or genes.
        """
        found: dict[str, Any] = {
            "from": None if start is None else start.sha256,
            "from_sections": [] if start is None else list(start.card.get("sections", [])),
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
        if self._writes:
            write_config(config, self.path / CONFIG)
            write_text(self.path / GENES, json.dumps(found))

    def read_genes(self) -> dict[str, Any]:
        """Return what the run was begun with: ``sections``, ``validation``, ``symbols``, ``aliases``, ``from``, ...."""
        genes: dict[str, Any] = json.loads((self.path / GENES).read_text(encoding="utf-8"))
        return genes

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
        """End the curves."""
        if self._curves is not None:
            self._curves.close()


def read_log(path: Path) -> list[dict[str, Any]]:
    """Return the entries of a log; a last line that was cut off is left out."""
    return [json.loads(line) for line in _whole_lines(path)]


def _whole_lines(path: Path) -> list[str]:
    lines = path.read_text(encoding="utf-8").split("\n")
    return lines[:-1]  # what follows the last line's end was cut off, or is empty


def _open_curves(path: Path, step: int) -> Any:
    """Return a writer of TensorBoard's files, None where TensorBoard is not installed."""
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        return None
    return SummaryWriter(str(path), purge_step=step + 1)


def _named(sha256: str | None) -> str:
    return "the corpus' loadings" if sha256 is None else f"the checkpoint {sha256[:12]}"
