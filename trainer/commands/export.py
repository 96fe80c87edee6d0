"""``stimg-train export``: a run as a checkpoint that `stimg` and the viewer load."""

import argparse
import os
from pathlib import Path

from napari_stimg.console import Parser
from napari_stimg.errors import InputError
from trainer.commands.options import Commands

MODEL_SUFFIX = ".safetensors"


def add_parser(commands: Commands) -> None:
    """Add the command and its options."""
    parser: Parser = commands.add_parser(
        "export",
        help="write a run as a checkpoint, with its model card",
        description="Writes the averaged weights of a run as a checksummed checkpoint that `stimg` and the viewer\n"
        "load, and its card beside it: data, splits, settings, seeds, compute, scores, use and limits.",
        epilog="examples:\n"
        "  stimg-train export runs/first -o model.safetensors\n"
        "  stimg-train export runs/first -o first.safetensors --install\n"
        "  stimg-train export runs/first -o model.safetensors --note 'licence=CC BY 4.0' --note data=https://...",
    )
    parser.add_argument("folder", metavar="RUN", type=Path, help="the folder of a run, `run.folder` of its settings")
    parser.add_argument("-o", "--output", metavar="MODEL", type=Path, required=True, help="the .safetensors to write")
    parser.add_argument(
        "--state", choices=("best", "last"), help="which state; by default the best, where the run was validated"
    )
    parser.add_argument(
        "--note", metavar="KEY=TEXT", action="append", default=[], help="a line of the card, such as licence=MIT"
    )
    parser.add_argument(
        "--install",
        action="store_true",
        help="also copy it into your folder of models, which the viewer lists and --checkpoint knows by name",
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Write checkpoint and card, and install the checkpoint where that is wanted."""
    from napari_stimg.models import install_model, install_target
    from trainer.export import export

    check_model_target(options.output)
    if options.install:
        install_target(options.output)
    card = export(options.folder, options.output, state=options.state, notes=_notes(options.note))
    print(f"{options.output}: the {card['state']} state after {card['steps']:,} steps; its card is beside it")
    if options.install:
        installed = install_model(options.output)
        print(f"{installed}: installed; the viewer lists it, and --checkpoint {installed.stem} means it")


def check_model_target(target: Path) -> None:
    """Check, before long work, that a checkpoint can be written to a target.

    Raises
    ------
    InputError
        If it is not called ``.safetensors``, or its folder is missing or may not be written to.
    """
    if target.suffix != MODEL_SUFFIX:
        raise InputError(f"expected a file name that ends in {MODEL_SUFFIX}, found {target.name}; add the ending.")
    if not target.parent.is_dir() or not os.access(target.parent, os.W_OK):
        raise InputError(
            f"{target}: expected a folder that can be written to, found none at {target.parent}; make it first."
        )


def _notes(texts: list[str]) -> dict[str, str]:
    pairs = [text.partition("=") for text in texts]
    for key, equals, value in pairs:
        if not (key and equals and value):
            raise InputError(f"--note: expected KEY=TEXT, such as licence=MIT, found {key + equals + value!r}.")
    return {key: value for key, _, value in pairs}
