"""A command on a terminal: its options, its progress, and what it says and returns when something is wrong."""

import argparse
import os
import sys
from collections.abc import Callable, Generator
from types import TracebackType
from typing import Any, NoReturn, Self, TextIO

from tqdm import tqdm

from napari_stimg.errors import InputError
from napari_stimg.progress import Progress, Result, run

EXIT_BAD_INPUT = 2
EXIT_INTERRUPTED = 130
"""128 + SIGINT, as shells have it."""

LINES_PER_STEP = 10
"""Most lines about one piece of work where there is no terminal."""


class Parser(argparse.ArgumentParser):
    """Options of a command; its help keeps the layout of examples, its errors are one sentence."""

    def __init__(self, **options: Any) -> None:
        options.setdefault("formatter_class", argparse.RawDescriptionHelpFormatter)
        super().__init__(**options, allow_abbrev=False)

    def error(self, message: str) -> NoReturn:
        """Say what is wrong with the options, and exit with code 2."""
        self.exit(EXIT_BAD_INPUT, f"{self.prog}: {message}; see `{self.prog} --help`.\n")


def whole_number(least: int, most: int | None = None) -> Callable[[str], int]:
    """Return a converter of options to whole numbers from ``least`` to ``most``.

    Raises
    ------
    ArgumentTypeError
        By the converter, if the text is no such number.
    """
    limits = f"a whole number >= {least}" if most is None else f"a whole number from {least} to {most}"

    def convert(text: str) -> int:
        if not text.isdecimal() or int(text) < least or (most is not None and int(text) > most):
            raise argparse.ArgumentTypeError(f"expected {limits}, found {text!r}")
        return int(text)

    return convert


def exit_code_of(work: Callable[[], object], *, program: str) -> int:
    """Do the work of a command and return its exit code; what the user can mend is said in one sentence on stderr.

    0 if all went well, 2 if the input is bad or a file cannot be read or written, 130 if the user interrupted.

    Parameters
    ----------
    work : callable
        The command.
    program : str
        Its name, which the sentence starts with.
    """
    try:
        work()
        sys.stdout.flush()
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except BrokenPipeError:  # the reader of our output, `head` say, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (InputError, OSError, MemoryError) as error:
        print(f"{program}: {_sentence(error)}", file=sys.stderr)
        return EXIT_BAD_INPUT
    return 0


def follow(task: Generator[Progress, None, Result]) -> Result:
    """Run a task to its end, showing its progress on stderr: as bars on a terminal, as plain lines elsewhere."""
    if not sys.stderr.isatty():
        return run(task, Lines(sys.stderr))
    with Bars(sys.stderr) as bars:
        return run(task, bars)


class Lines:
    """Progress as plain lines: one when a piece of work begins, and one for each tenth of it.

    Parameters
    ----------
    stream : text stream
        Where to.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._last: tuple[str, int] | None = None

    def __call__(self, progress: Progress) -> None:
        """Print a line if there is something to say."""
        tenth = LINES_PER_STEP * progress.done // progress.total if progress.total else 0
        if (progress.message, tenth) != self._last:
            self._last = (progress.message, tenth)
            part = f": {progress.done} of {progress.total}" if progress.total else ""
            print(f"{progress.message}{part}", file=self._stream, flush=True)


class Bars:
    """Progress as bars of tqdm, one for each piece of work.

    Parameters
    ----------
    stream : text stream
        A terminal.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._bar: tqdm[NoReturn] | None = None
        self._shown: int | str | None = None

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Leave the terminal on a new line."""
        if self._bar is not None:
            self._bar.close()

    def __call__(self, progress: Progress) -> None:
        """Move the bar on; messages of one count of steps share a bar."""
        bar = self._bar_of(progress)
        bar.set_description_str(progress.message, refresh=False)
        bar.n = progress.done
        bar.refresh()

    def _bar_of(self, progress: Progress) -> "tqdm[NoReturn]":
        shown = progress.total or progress.message
        if self._bar is None or shown != self._shown:
            if self._bar is not None:
                self._bar.close()
            layout = "{desc}: {percentage:3.0f}%|{bar}| {n_fmt}/{total_fmt} [{elapsed}<{remaining}]"
            self._bar = tqdm(
                total=progress.total or None,
                desc=progress.message,
                file=self._stream,
                bar_format=layout if progress.total else "{desc} [{elapsed}]",
                dynamic_ncols=True,
            )
            self._shown = shown
        return self._bar


def _sentence(error: Exception) -> str:
    """Return what is wrong on one line."""
    if isinstance(error, OSError) and not isinstance(error, InputError):
        return f"expected to read and write files, found {_one_line(error)}; make room or choose another place."
    if isinstance(error, MemoryError):
        return f"expected enough memory, found too little ({_one_line(error)}); crop the section or close programs."
    return _one_line(error)


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
