"""The command ``stimg-train``. What a command needs is imported when it runs."""

import argparse
import sys
from collections.abc import Sequence

from napari_stimg import __version__
from napari_stimg.console import Parser, exit_code_of
from trainer.commands import ablate, corpus, evaluate, export, fit

COMMANDS = (corpus, fit, evaluate, ablate, export)
"""One module a command, in the order of the help."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run ``stimg-train`` and return its exit code: 0, or 2 after one sentence on bad input, or 130 when interrupted.

    Parameters
    ----------
    arguments : sequence of str, optional
        What follows ``stimg-train``; by default those that the process was started with.
    """
    options = parse(arguments)
    return exit_code_of(lambda: options.run(options), program=f"stimg-train {options.command}")


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Return the options of a command; settings ``section.key=value`` may stand among them anywhere."""
    parser = build_parser()
    options, left_over = parser.parse_known_args(arguments)
    settings = [text for text in left_over if "=" in text and not text.startswith("-")]
    if settings != left_over or (settings and "overrides" not in options):
        parser.error(f"unrecognized arguments: {' '.join(left_over)}")
    if settings:
        options.overrides += settings
    return options


def build_parser() -> Parser:
    """Return the options of all commands."""
    parser = Parser(
        prog="stimg-train",
        description="Pretrains the masked autoencoder of napari-stimg.",
        epilog="example:\n  stimg-train fit small data.corpus=corpus run.folder=runs/first",
    )
    parser.add_argument("--version", action="version", version=f"stimg-train {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for command in COMMANDS:
        command.add_parser(commands)
    return parser


if __name__ == "__main__":
    sys.exit(main())
