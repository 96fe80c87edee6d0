from collections.abc import Generator

from napari_stimg.progress import Progress, run


def task(n_steps: int) -> Generator[Progress, None, str]:
    for done in range(n_steps):
        yield Progress(done=done, total=n_steps, message="Counting")
    return f"counted to {n_steps}"


def test_running_a_task_returns_its_result() -> None:
    assert run(task(3)) == "counted to 3"
    assert run(task(0)) == "counted to 0"


def test_running_a_task_tells_its_progress() -> None:
    told: list[Progress] = []
    run(task(3), told.append)
    assert [(progress.done, progress.total, progress.message) for progress in told] == [
        (0, 3, "Counting"),
        (1, 3, "Counting"),
        (2, 3, "Counting"),
    ]
