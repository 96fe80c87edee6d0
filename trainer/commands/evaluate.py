"""``stimg-train evaluate``: a checkpoint on sections, beside simple methods."""

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from napari_stimg.console import follow, whole_number
from napari_stimg.errors import InputError
from trainer.commands.options import Commands, add_device, add_seed

if TYPE_CHECKING:
    from napari_stimg.slide import Slide

DESCRIPTION = """\
Scores a model on sections, beside what can be had without one:
  reconstruction  hides squares and scattered spots; beside neighbours' means, kriging and others
  domains         compares domains found without labels with expert labels (obs: layer or region)
  probes          learns those labels from scribbles, from random spots, and from other sections of a study
                  (what stands before __ in a section's name)
Writes REPORT.json, REPORT.md and pictures in REPORT_files, anew after each section.
Say of a model only what it does on sections it was not trained on; those it was trained on are marked."""

EXAMPLES = """\
examples:
  stimg-train evaluate model.safetensors sections/dlpfc__151674.h5ad -o report
  stimg-train evaluate model.safetensors corpus --sections dlpfc__151674 -o report --what reconstruction"""


def add_parser(commands: Commands) -> None:
    """Add the command and its options."""
    parser = commands.add_parser(
        "evaluate", help="score a model on sections, beside simple methods", description=DESCRIPTION, epilog=EXAMPLES
    )
    parser.add_argument("checkpoint", metavar="CHECKPOINT", help="a file that `export` wrote, or a listed model's name")
    parser.add_argument(
        "slides", metavar="SLIDES", type=Path, nargs="+", help="sections that `stimg` reads, or folders of a corpus"
    )
    parser.add_argument("-o", "--output", metavar="REPORT", type=Path, required=True, help="name without an ending")
    parser.add_argument("--what", metavar="PARTS", type=names, help="parts, separated by commas (default: all)")
    parser.add_argument("--sections", metavar="NAMES", type=names, help="sections of the corpus (default: all)")
    parser.add_argument(
        "--genes-of",
        metavar="SLIDE",
        type=Path,
        help="score the 2,000 most variable genes of this section that all SLIDES have (default: each section's own)",
    )
    parser.add_argument(
        "--genes", metavar="GENES", type=names, default=(), help="genes to draw (default: the three most variable)"
    )
    parser.add_argument(
        "--fit-on",
        metavar="SLIDE",
        type=Path,
        nargs="+",
        default=[],
        help="labelled sections that probes learn from (default: SLIDES learn from each other)",
    )
    parser.add_argument(
        "--embeddings", metavar="FOLDER", type=Path, help="embeddings of other methods: FOLDER/METHOD/SECTION.npy"
    )
    parser.add_argument(
        "--keep", metavar="FOLDER", type=Path, help="write embeddings and reconstructions here, to compute scores anew"
    )
    parser.add_argument("--log", metavar="FILE", type=Path, help="draw the curves of a run's log.jsonl")
    parser.add_argument(
        "--sides",
        metavar="N,N",
        type=_several(whole_number(1)),
        default=(1, 4, 8, 14),
        help="squares' sides (1,4,8,14)",
    )
    parser.add_argument("--squares", metavar="N", type=whole_number(1), default=20, help="squares of each side (20)")
    add_seed(parser, "of places, noise and scribbles")
    add_device(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Evaluate, write the report, and print it."""
    from napari_stimg.checkpoint import load_checkpoint
    from napari_stimg.devices import device_named
    from napari_stimg.models import find_model
    from trainer.commands.options import read_slides
    from trainer.evaluation.curves import read_log
    from trainer.evaluation.genes import shared_genes
    from trainer.evaluation.keeping import check_embeddings
    from trainer.evaluation.parameters import PARTS, EvaluateParameters
    from trainer.evaluation.report import check_report_target
    from trainer.evaluation.run import Extras, evaluate

    check_report_target(options.output)
    if options.embeddings is not None:
        check_embeddings(options.embeddings)
    if options.log is not None:
        read_log(options.log)
    params = EvaluateParameters(
        what=options.what or PARTS, sides=options.sides, n_squares=options.squares, seed=options.seed
    )
    checkpoint = load_checkpoint(find_model(options.checkpoint), device=device_named(options.device))
    slides = follow(read_slides(options.slides, sections=options.sections))
    check_genes(options.genes, slides)
    reference = None if options.genes_of is None else follow(read_slides([options.genes_of]))[0]
    extras = Extras(
        genes=None if reference is None else shared_genes(reference, slides, params.n_genes),
        drawn=options.genes,
        fit_on=follow(read_slides(options.fit_on)),
        embeddings=options.embeddings,
        keep=options.keep,
        log=options.log,
    )
    print(follow(evaluate(slides, checkpoint, options.output, params=params, extras=extras)))


def check_genes(genes: Sequence[str], slides: "Sequence[Slide]") -> None:
    """Check that every gene that shall be drawn is on some section.

    Raises
    ------
    InputError
        If one is on none.
    """
    for gene in genes:
        if all(slide.find_genes([gene]) == [None] for slide in slides):
            raise InputError(f"--genes: expected genes of the sections, found {gene!r} on none; give another.")


def names(text: str) -> tuple[str, ...]:
    """Return what is between commas."""
    return tuple(name.strip() for name in text.split(",") if name.strip())


def _several(convert: Callable[[str], int]) -> Callable[[str], tuple[int, ...]]:
    """Return a converter of numbers that are separated by commas."""
    return lambda text: tuple(convert(part) for part in text.split(","))
