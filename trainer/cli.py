"""The command ``stimg-train``: options, and what they go to. What a command needs is imported when it runs."""

import argparse
import os
import sys
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from napari_stimg import __version__
from napari_stimg.console import Parser, exit_code_of, follow, whole_number
from napari_stimg.errors import InputError
from napari_stimg.progress import Progress

if TYPE_CHECKING:
    from argparse import _SubParsersAction

    from napari_stimg.slide import Slide

    Commands = _SubParsersAction[Parser]

MODEL_SUFFIX = ".safetensors"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run ``stimg-train`` and return its exit code: 0, or 2 after one sentence on bad input, or 130 when interrupted.

    Parameters
    ----------
    arguments : sequence of str, optional
        What follows ``stimg-train``; by default those that the process was started with.
    """
    options = build_parser().parse_args(arguments)
    return exit_code_of(lambda: options.run(options), program=f"stimg-train {options.command}")


def build_parser() -> Parser:
    """Return the options of all commands."""
    parser = Parser(
        prog="stimg-train",
        description="Pretrains the masked autoencoder of napari-stimg.",
        epilog="example:\n  stimg-train fit sections/*.h5ad -o model.safetensors --steps 4000",
    )
    parser.add_argument("--version", action="version", version=f"stimg-train {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _add_fit(commands)
    _add_evaluate(commands)
    return parser


def _add_fit(commands: "Commands") -> None:
    parser = commands.add_parser(
        "fit",
        help="pretrain a model on sections",
        description="Pretrains a model on sections, unlabelled, and writes a checkpoint that `stimg` loads.\n"
        "Started again with the same options it goes on from MODEL's .state file, where there is one.",
        epilog="example:\n  stimg-train fit sections/*.h5ad -o model.safetensors --steps 4000 --seed 1",
    )
    parser.add_argument(
        "slides", metavar="SLIDES", type=Path, nargs="+", help="sections, in any format that `stimg` reads"
    )
    parser.add_argument(
        "-o", "--output", metavar="MODEL", type=Path, required=True, help="the .safetensors file to write"
    )
    parser.add_argument("--steps", metavar="N", type=whole_number(1), default=4000, help="optimiser steps (4000)")
    parser.add_argument(
        "--width", metavar="D", type=whole_number(4), default=128, help="length of a token, a multiple of 4 (128)"
    )
    parser.add_argument(
        "--save-every", metavar="N", type=whole_number(1), default=250, help="steps between checkpoints (250)"
    )
    parser.add_argument(
        "--seed",
        metavar="N",
        type=whole_number(0, 2**31 - 1),
        default=0,
        help="of initial weights, crops, channels and masks (0)",
    )
    parser.add_argument(
        "--device", default="auto", help="cpu, cuda, mps, or auto: cuda where there is one, else cpu (default)"
    )
    parser.set_defaults(run=_fit)


def _fit(options: argparse.Namespace) -> None:
    from napari_stimg.devices import device_named
    from trainer.batches import SamplingParameters
    from trainer.fit import FitParameters, fit
    from trainer.loadings import LoadingsParameters

    check_model_target(options.output)
    check_width(options.width)
    device = device_named(options.device)
    slides = follow(_read(options.slides))
    training = fit(
        slides,
        options.output,
        params=FitParameters(steps=options.steps, seed=options.seed, device=device, save_every=options.save_every),
        sampling=SamplingParameters(),
        loadings=LoadingsParameters(width=options.width, seed=options.seed),
    )
    follow(training)
    print(f"{options.output}: trained for {options.steps:,} steps; sections: {len(options.slides):,}")


def _add_evaluate(commands: "Commands") -> None:
    parser = commands.add_parser(
        "evaluate",
        help="score a model on sections, beside simple methods",
        description="Hides squares of each section and scores what the model makes of them, beside the slide's mean\n"
        "and neighbours' means; compares domains with expert labels (obs: layer or region), beside PCA.\n"
        "Writes REPORT.json and REPORT.md. Say of a model only what it does on sections it was not trained on.",
        epilog="example:\n  stimg-train evaluate model.safetensors sections/dlpfc__151674.h5ad -o report",
    )
    parser.add_argument("checkpoint", metavar="CHECKPOINT", type=Path, help="a .safetensors file that `fit` wrote")
    parser.add_argument("slides", metavar="SLIDES", type=Path, nargs="+", help="sections, as for `fit`")
    parser.add_argument("-o", "--output", metavar="REPORT", type=Path, required=True, help="name without an ending")
    parser.add_argument(
        "--genes-of",
        metavar="SLIDE",
        type=Path,
        help="score the 2,000 most variable genes of this section that all SLIDES have (default: each section's own)",
    )
    parser.add_argument("--squares", metavar="N", type=whole_number(1), default=20, help="squares of each side (20)")
    parser.add_argument(
        "--seed", metavar="N", type=whole_number(0, 2**31 - 1), default=0, help="of the places of squares (0)"
    )
    parser.add_argument("--device", default="auto", help="as for `fit`")
    parser.set_defaults(run=_evaluate)


def _evaluate(options: argparse.Namespace) -> None:
    from napari_stimg.checkpoint import load_checkpoint
    from napari_stimg.devices import device_named
    from trainer.evaluate import EvaluateParameters, evaluate, shared_genes
    from trainer.report import check_report_target, write_report

    check_report_target(options.output)
    checkpoint = load_checkpoint(options.checkpoint, device=device_named(options.device))
    slides = follow(_read(options.slides))
    params = EvaluateParameters(n_squares=options.squares, seed=options.seed)
    reference = None if options.genes_of is None else follow(_read([options.genes_of]))[0]
    genes = None if reference is None else shared_genes(reference, slides, params.n_genes)
    report = follow(evaluate(slides, checkpoint, params=params, genes=genes))
    print(write_report(report, checkpoint, params, options.output))


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


def check_width(width: int) -> None:
    """Check that a token can be split among the model's heads.

    Raises
    ------
    InputError
        If ``width`` is not a multiple of their number.
    """
    from napari_stimg.model import MAEConfig

    n_heads = MAEConfig(n_genes=1).n_heads
    if width % n_heads:
        raise InputError(
            f"expected a width that is a multiple of {n_heads} (the heads), found {width}; choose another."
        )


def _read(paths: Sequence[Path]) -> Generator[Progress, None, "list[Slide]"]:
    """Yield progress, and return the sections in the order given."""
    from napari_stimg.io import read_slide

    slides = []
    for done, path in enumerate(paths):
        yield Progress(done=done, total=len(paths), message="Reading sections")
        slides.append(read_slide(path))
    yield Progress(done=len(paths), total=len(paths), message="Reading sections")
    return slides


if __name__ == "__main__":
    sys.exit(main())
