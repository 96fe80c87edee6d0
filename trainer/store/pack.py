"""Packing sections, from memory or from files, here or on many processes."""

from collections.abc import Generator, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from napari_stimg.progress import Progress
from napari_stimg.slide import Slide
from trainer.store.journal import Source
from trainer.store.order import in_order
from trainer.store.packer import Packed, Packer, Refused
from trainer.store.shard import Compression
from trainer.store.sources import Outcome, Ready, file_name, read_sections, read_slide_in_memory


@dataclass(frozen=True, kw_only=True)
class PackParameters:
    """How sections are packed; the corpus is the same, byte for byte, however many workers there are.

    Parameters
    ----------
    n_workers : int
        Local processes that read sections, >= 1; one is the process itself.
    scheduler : str or None
        Address of a running Dask cluster that reads them instead; its workers must see the same files.
    compression : {"lzma", "deflate"}
        LZMA is a fifth smaller, deflate ten times faster.
    """

    n_workers: int = 1
    scheduler: str | None = None
    compression: Compression = "lzma"


@dataclass(frozen=True, kw_only=True)
class Task:
    """A file that a worker reads; see :func:`read_sections`."""

    path: Path
    known: frozenset[Source]
    compression: Compression


def pack_slides(slides: Iterable[Slide], path: Path | str, *, compression: Compression = "lzma") -> Packed:
    """Pack slides that are in memory into a corpus, new or not, and return what became of them.

    Parameters
    ----------
    slides : iterable of Slide
        Sections; one is held at a time.
    path : Path or str
        The corpus.
    compression : {"lzma", "deflate"}
        LZMA is a fifth smaller, deflate ten times faster.

    Raises
    ------
    InputError
        If ``path`` is no corpus and cannot become one, or another process packs into it.
    """
    with Packer(Path(path)) as packer:
        for slide in slides:
            _commit(packer, read_slide_in_memory(slide, compression))
        return packer.packed


def pack_files(paths: Sequence[Path], corpus: Path, *, params: PackParameters) -> Generator[Progress, None, Packed]:
    """Yield progress, and return what became of the sections of these files, packed into a corpus, new or not.

    Killed at any moment and started again it goes on, and what is packed in the end is the same.

    Parameters
    ----------
    paths : sequence of Path
        Files or folders in any format that ``read_slide`` knows; of those that hold several sections, all are packed.
    corpus : Path
        The corpus.
    params : PackParameters
        How.

    Raises
    ------
    InputError
        If ``corpus`` is no corpus and cannot become one, another process packs into it, or there is no Dask.
    """
    with Packer(corpus) as packer:
        tasks = [
            Task(path=path, known=packer.sources_of(file_name(path)), compression=params.compression) for path in paths
        ]
        yield Progress(done=0, total=len(tasks), message="Packing sections")
        results = in_order(_work, tasks, n_workers=params.n_workers, scheduler=params.scheduler, died=died)
        for done, outcomes in enumerate(results, start=1):
            for outcome in outcomes:
                _commit(packer, outcome)
            yield Progress(done=done, total=len(tasks), message="Packing sections")
        return packer.packed


def _work(task: Task) -> list[Outcome]:
    return read_sections(task.path, task.known, task.compression)


def died(task: Task) -> list[Outcome]:
    """Return what becomes of a file that no worker survived."""
    name = file_name(task.path)
    reason = f"{name}: expected a worker to read it, found that all who tried died; give them more memory."
    return [Refused(name=name, reason=reason)]


def _commit(packer: Packer, outcome: Outcome) -> None:
    if isinstance(outcome, Ready):
        packer.add(outcome.encoded, outcome.source)
    elif isinstance(outcome, Source):
        packer.keep(outcome)
    else:
        packer.refuse(outcome.name, outcome.reason)
