"""What all commands that write results share: what they are told, what they open, what they note of themselves."""

from collections.abc import Generator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import napari_stimg
from napari_stimg.checkpoint import Checkpoint, load_checkpoint
from napari_stimg.devices import AUTOMATIC, device_named
from napari_stimg.inference import InferenceParameters, embed
from napari_stimg.io import Results, check_target, read_slide, write_results
from napari_stimg.lattice import Lattice, find_lattice
from napari_stimg.progress import Progress
from napari_stimg.slide import Slide


@dataclass(frozen=True, kw_only=True)
class Job:
    """Where from, where to, and by which model.

    Parameters
    ----------
    file : Path
        A section in any format that ``read_slide`` knows.
    section : str or None
        Which section, where the file holds several.
    target : Path
        The ``.h5ad`` to write.
    checkpoint : Path or None
        The model; None for the bundled one.
    device : str
        Where it runs, see ``device_named``.
    """

    file: Path
    section: str | None = None
    target: Path
    checkpoint: Path | None = None
    device: str = AUTOMATIC


@dataclass(frozen=True, kw_only=True, eq=False)
class Opened:
    """A job's section, its lattice, its model, and the device that this runs on."""

    slide: Slide
    lattice: Lattice
    checkpoint: Checkpoint
    device: str

    def made_by(self, parameters: Mapping[str, Any], **more: Any) -> dict[str, Any]:
        """Return the record of one result: version, checkpoint, device, parameters, and more (seed, scores)."""
        return {
            "version": napari_stimg.__version__,
            "checkpoint": self.checkpoint.path.name,
            "checkpoint_sha256": self.checkpoint.sha256,
            "device": self.device,
            "parameters": dict(parameters),
            **more,
        }


def open_job(job: Job) -> Generator[Progress, None, Opened]:
    """Yield progress, and return what a job works on; whatever can be checked before long work is checked here.

    Raises
    ------
    InputError
        If the section, the target, the checkpoint or the device cannot be used.
    """
    device = device_named(job.device)
    yield step(f"Reading {job.file.name}")
    slide = read_slide(job.file, section=job.section)
    check_target(slide, job.target)
    lattice = find_lattice(slide)
    yield step("Loading the model")
    checkpoint = load_checkpoint(job.checkpoint, device=device)
    return Opened(slide=slide, lattice=lattice, checkpoint=checkpoint, device=device)


def embed_opened(
    opened: Opened, *, params: InferenceParameters = InferenceParameters()
) -> Generator[Progress, None, tuple[NDArray[np.float32], Results]]:
    """Yield progress, and return the (S, D) embedding, and it with its record as results to write."""
    embedding = yield from embed(opened.slide, opened.checkpoint, params=params)
    record = opened.made_by(asdict(params))
    return embedding, Results(embedding=embedding, provenance={"embedding": record})


def write_job(job: Job, opened: Opened, results: Results) -> Generator[Progress, None, None]:
    """Yield progress, and write a job's results.

    Raises
    ------
    InputError
        If they cannot be written.
    """
    yield step(f"Writing {job.target.name}")
    write_results(opened.slide, job.target, lattice=opened.lattice, results=results)


def step(message: str) -> Progress:
    """Return the beginning of work whose steps are not counted."""
    return Progress(done=0, total=0, message=message)
