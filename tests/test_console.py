"""A command on a terminal, and without one: progress, interruption, exit codes."""

import argparse
import io
import re
import signal
import sys
from collections.abc import Generator
from pathlib import Path

import pytest

from napari_stimg.cli import main
from napari_stimg.console import Bars, Lines, Parser, exit_code_of, follow, whole_number
from napari_stimg.errors import InputError
from napari_stimg.progress import Progress
from tests.small_sections import write_small_model, write_small_section


class Terminal(io.StringIO):
    """A text stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


class Interrupted(Terminal):
    """A terminal on which the user presses Ctrl-C once a text appears."""

    def __init__(self, at: str) -> None:
        super().__init__()
        self._at = at

    def write(self, text: str) -> int:
        written = super().write(text)
        if self._at in text:
            self._at = "\0"
            signal.raise_signal(signal.SIGINT)
        return written


def steps(total: int) -> Generator[Progress, None, str]:
    yield Progress(done=0, total=0, message="Opening")
    for done in range(total + 1):
        yield Progress(done=done, total=total, message="First half" if 2 * done < total else "Second half")
    return "result"


def test_lines_say_each_beginning_and_each_tenth() -> None:
    stream = io.StringIO()
    lines = Lines(stream)
    for progress in steps(1000):
        lines(progress)
    said = stream.getvalue().splitlines()
    assert said[:3] == ["Opening", "First half: 0 of 1000", "First half: 100 of 1000"]
    assert said[6] == "Second half: 500 of 1000"
    assert said[-1] == "Second half: 1000 of 1000"
    assert len(said) == 12


def test_bars_of_one_count_are_one_bar_and_fill_up() -> None:
    stream = Terminal()
    with Bars(stream) as bars:
        for progress in steps(4):
            bars(progress)
    opening, counted, end = stream.getvalue().split("\n")
    assert "Opening" in opening
    assert "First half:   0%|" in counted
    assert "| 4/4 [" in counted.split("\r")[-1]
    assert "Second half: 100%" in counted.split("\r")[-1]
    assert end == ""


@pytest.mark.parametrize(("stream", "has_bars"), [(Terminal(), True), (io.StringIO(), False)])
def test_a_terminal_gets_bars_and_a_file_lines(
    stream: io.StringIO, has_bars: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stderr", stream)
    assert follow(steps(4)) == "result"
    assert ("\r" in stream.getvalue()) is has_bars


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (InputError("expected a, found b;\n do c."), r"stimg: expected a, found b; do c\.\n$"),
        (
            FileNotFoundError(2, "No such file", "x"),
            "stimg: expected to read and write files, found .* 'x'; make room or choose another place",
        ),
        (MemoryError("1 TiB"), r"stimg: expected enough memory, found too little \(1 TiB\); crop the section"),
        (MemoryError(), r"stimg: expected enough memory, found too little \(MemoryError\); crop the section"),
    ],
)
def test_what_the_user_can_mend_is_one_line_and_code_2(
    error: Exception, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail() -> None:
        raise error

    assert exit_code_of(fail, program="stimg") == 2
    printed = capsys.readouterr().err
    assert printed.count("\n") == 1
    assert re.match(said, printed)


def test_work_that_is_done_is_code_0(capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code_of(lambda: print("done"), program="stimg") == 0
    assert capsys.readouterr() == ("done\n", "")


def test_an_error_of_ours_is_not_hidden() -> None:
    with pytest.raises(ZeroDivisionError):
        exit_code_of(lambda: 1 / 0, program="stimg")


@pytest.mark.parametrize("moment", ["Reading", "Embedding", "Writing"])
def test_interruption_is_quiet_code_130_and_leaves_nothing(
    moment: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    section, model = write_small_section(tmp_path / "small.h5ad"), write_small_model(tmp_path / "small.safetensors")
    before, there = section.read_bytes(), sorted(tmp_path.iterdir())
    terminal = Interrupted(moment)
    monkeypatch.setattr(sys, "stderr", terminal)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # background jobs of a shell are started without it
    assert main(["embed", str(section), "-o", str(tmp_path / "out.h5ad"), "--checkpoint", str(model)]) == 130
    assert "Traceback" not in terminal.getvalue()
    assert capsys.readouterr().out == ""
    assert sorted(tmp_path.iterdir()) == there
    assert section.read_bytes() == before


@pytest.mark.parametrize(("least", "most", "text"), [(2, None, "2"), (2, None, "4000"), (0, 9, "9")])
def test_whole_numbers_in_the_range_are_taken(least: int, most: int | None, text: str) -> None:
    assert whole_number(least, most)(text) == int(text)


@pytest.mark.parametrize(
    ("least", "most", "text", "limits"),
    [
        (2, None, "1", "a whole number >= 2"),
        (0, 9, "10", "a whole number from 0 to 9"),
        (0, 9, "-1", "a whole number from 0 to 9"),
        (0, 9, "1.5", "a whole number from 0 to 9"),
        (0, 9, "", "a whole number from 0 to 9"),
    ],
)
def test_other_numbers_are_refused(least: int, most: int | None, text: str, limits: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match=f"expected {limits}, found '{text}'"):
        whole_number(least, most)(text)


def test_abbreviated_options_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    parser = Parser(prog="program")
    parser.add_argument("--seed")
    with pytest.raises(SystemExit, match="2"):
        parser.parse_args(["--see", "1"])
    assert capsys.readouterr().err == "program: unrecognized arguments: --see 1; see `program --help`.\n"
