"""Work on many things at once, whose results come in the order of the things."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, TypeVar

from napari_stimg.errors import InputError

if TYPE_CHECKING:
    from distributed import Client

Task = TypeVar("Task")
Result = TypeVar("Result")

AHEAD = 2
"""Tasks a worker, at most, that are in work or done and not yet taken; more would only take memory."""

CONNECT_S = 10
"""How long a scheduler may take to answer."""

PACKAGE = "napari-stimg"
"""What workers need, in the version that hands them the work."""


def in_order(
    work: Callable[[Task], Result],
    tasks: Sequence[Task],
    *,
    n_workers: int = 1,
    scheduler: str | None = None,
    died: Callable[[Task], Result],
) -> Iterator[Result]:
    """Yield the result of each task, in their order.

    Parameters
    ----------
    work : callable
        What is done; other processes must be able to import it.
    tasks : sequence
        What it is done to.
    n_workers : int
        Local processes, >= 1; one is this process itself.
    scheduler : str or None
        Address of a running Dask cluster (``tcp://host:port``), which then does the work.
    died : callable
        The result of a task of which workers died again and again.

    Raises
    ------
    InputError
        If Dask is needed and not installed, no scheduler answers, or its workers have not this version of the package.
    """
    if scheduler is None and n_workers == 1:
        yield from map(work, tasks)
        return
    with ExitStack() as stack:
        yield from _on_cluster(_client(stack, n_workers, scheduler), work, tasks, died)


def _client(stack: ExitStack, n_workers: int, scheduler: str | None) -> "Client":
    """Return a client of the cluster at an address, or of one made of local processes; the stack closes both."""
    try:
        from distributed import Client, LocalCluster
    except ImportError as error:
        raise InputError(
            "expected Dask to share the work, found it missing; "
            "install it with `pip install 'napari-stimg[train]'`, or leave --workers and --dask out."
        ) from error
    if scheduler is None:
        cluster = LocalCluster(
            n_workers=n_workers,
            threads_per_worker=1,
            memory_limit=None,  # at a limit, Dask kills a worker on a large section that might have fitted
            dashboard_address="127.0.0.1:0",  # of any other it warns where another program listens there
        )
        return stack.enter_context(Client(stack.enter_context(cluster)))
    try:
        client = stack.enter_context(Client(scheduler, timeout=CONNECT_S))
    except (OSError, ValueError) as error:
        raise InputError(
            f"expected a Dask scheduler at {scheduler}, found none that answers; "
            "check the address (tcp://host:port), and that it runs."
        ) from error
    _check_workers(client)
    return client


def _check_workers(client: "Client") -> None:
    """Check that all workers have what they are asked to run; else they would fail at it for ever."""
    here = version(PACKAGE)
    there = client.run(version, PACKAGE, on_error="return")
    others = {str(found) for found in there.values() if found != here}
    if others:
        raise InputError(
            f"expected {PACKAGE} {here} on every Dask worker, found {', '.join(sorted(others))}; "
            "install the same version on all of them."
        )


def _on_cluster(
    client: "Client", work: Callable[[Task], Result], tasks: Sequence[Task], died: Callable[[Task], Result]
) -> Iterator[Result]:
    from distributed import KilledWorker

    most = AHEAD * max(1, sum(client.nthreads().values()))
    waiting = deque(tasks)
    running: deque[tuple[Task, Any]] = deque()
    while waiting or running:
        while waiting and len(running) < most:
            task = waiting.popleft()
            running.append((task, client.submit(work, task, pure=False)))
        task, future = running.popleft()
        try:
            result = future.result()
        except KilledWorker:
            result = died(task)
        future.release()
        yield result
