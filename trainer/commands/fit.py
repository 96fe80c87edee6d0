"""``stimg-train fit``: pretrains a model."""

import argparse
import os
from pathlib import Path

from napari_stimg.console import follow, whole_number
from napari_stimg.errors import InputError
from trainer.commands.options import Commands, add_device, add_seed

MODEL_SUFFIX = ".safetensors"


def add_parser(commands: Commands) -> None:
    """Add the command and its options."""
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
    add_seed(parser, "of initial weights, crops, channels and masks")
    add_device(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Pretrain."""
    from napari_stimg.devices import device_named
    from trainer.batches import SamplingParameters
    from trainer.commands.options import read_slides
    from trainer.fit import FitParameters, fit
    from trainer.loadings import LoadingsParameters

    check_model_target(options.output)
    check_width(options.width)
    device = device_named(options.device)
    slides = follow(read_slides(options.slides))
    training = fit(
        slides,
        options.output,
        params=FitParameters(steps=options.steps, seed=options.seed, device=device, save_every=options.save_every),
        sampling=SamplingParameters(),
        loadings=LoadingsParameters(width=options.width, seed=options.seed),
    )
    follow(training)
    print(f"{options.output}: trained for {options.steps:,} steps; sections: {len(options.slides):,}")


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
