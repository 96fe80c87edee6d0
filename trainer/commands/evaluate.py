"""``stimg-train evaluate``: a checkpoint on sections, beside simple methods."""

import argparse
from pathlib import Path

from napari_stimg.console import follow, whole_number
from trainer.commands.options import Commands, add_device, add_seed


def add_parser(commands: Commands) -> None:
    """Add the command and its options."""
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
    add_seed(parser, "of the places of squares")
    add_device(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Evaluate, write the report, and print it."""
    from napari_stimg.checkpoint import load_checkpoint
    from napari_stimg.devices import device_named
    from trainer.commands.options import read_slides
    from trainer.evaluate import EvaluateParameters, evaluate, shared_genes
    from trainer.report import check_report_target, write_report

    check_report_target(options.output)
    checkpoint = load_checkpoint(options.checkpoint, device=device_named(options.device))
    slides = follow(read_slides(options.slides))
    params = EvaluateParameters(n_squares=options.squares, seed=options.seed)
    reference = None if options.genes_of is None else follow(read_slides([options.genes_of]))[0]
    genes = None if reference is None else shared_genes(reference, slides, params.n_genes)
    report = follow(evaluate(slides, checkpoint, params=params, genes=genes))
    print(write_report(report, checkpoint, params, options.output))
