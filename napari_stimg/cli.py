"""The command ``stimg``: options, and which command they go to. What a command needs is imported when it runs."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from napari_stimg import __version__
from napari_stimg.console import Parser, exit_code_of, follow, whole_number

if TYPE_CHECKING:
    from argparse import _SubParsersAction

    from napari_stimg.commands.job import Job
    from napari_stimg.commands.reconstruct import HiddenBy

    Commands = _SubParsersAction[Parser]

FORMATS = (
    "an .h5ad file, a Space Ranger folder, a 10x .h5 file, a legacy ST table (.tsv, .tsv.gz) or a SpatialData .zarr"
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run ``stimg`` and return its exit code: 0, or 2 after one sentence on bad input, or 130 when interrupted.

    Parameters
    ----------
    arguments : sequence of str, optional
        What follows ``stimg``; by default those that the process was started with.
    """
    options = build_parser().parse_args(arguments)
    return exit_code_of(lambda: options.run(options), program=f"stimg {options.command}")


def build_parser() -> Parser:
    """Return the options of all commands."""
    parser = Parser(
        prog="stimg",
        description="Spatial transcriptomics sections as images: look, embed, hide and reconstruct, find domains.",
        epilog="example:\n  stimg info section.h5ad",
    )
    parser.add_argument("--version", action="version", version=f"stimg {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _add_view(commands)
    _add_info(commands)
    _add_embed(commands)
    _add_reconstruct(commands)
    _add_domains(commands)
    return parser


def _add_view(commands: "Commands") -> None:
    parser = commands.add_parser(
        "view",
        help="open napari with the panel on a section, or on a generated sample",
        description="Opens napari with the panel docked, on a section or on generated layered tissue.",
        epilog="example:\n  stimg view section.h5ad",
    )
    parser.add_argument("file", metavar="FILE", type=Path, nargs="?", help=f"{FORMATS}; by default the sample")
    _add_section(parser)
    parser.set_defaults(run=_view)


def _add_info(commands: "Commands") -> None:
    parser = commands.add_parser(
        "info",
        help="what a file holds: lattice, spots, genes, vocabulary overlap, labels, warnings",
        description="Says what a file holds and what the model can make of it.",
        epilog="example:\n  stimg info section.h5ad --json",
    )
    _add_file(parser)
    parser.add_argument("--json", action="store_true", help="print JSON instead of text")
    _add_checkpoint(parser)
    parser.set_defaults(run=_info)


def _add_embed(commands: "Commands") -> None:
    parser = commands.add_parser(
        "embed",
        help="an embedding of every spot",
        description='Writes the section with an embedding of every spot in obsm["X_stimg"].',
        epilog="example:\n  stimg embed section.h5ad -o embedded.h5ad",
    )
    _add_job(parser)
    parser.add_argument(
        "--n-components",
        metavar="Q",
        type=whole_number(1, 30),
        default=12,
        help="spatial components that it holds (default 12; 30 carry labels of small regions over to other sections "
        "better, and find worse domains)",
    )
    parser.set_defaults(run=_embed)


def _add_reconstruct(commands: "Commands") -> None:
    parser = commands.add_parser(
        "reconstruct",
        help="hide spots, reconstruct them from the others, and score it",
        description="Hides spots and reconstructs them from the others; the model never sees the hidden values.\n"
        'Writes layers["stimg_reconstruction"], layers["stimg_uncertainty"] and obs["stimg_mask"], and prints scores.',
        epilog="examples:\n"
        "  stimg reconstruct section.h5ad -o filled.h5ad --square 20 30 8\n"
        "  stimg reconstruct section.h5ad -o filled.h5ad --geojson region.geojson --genes MBP,SNAP25",
    )
    _add_job(parser)
    hidden = parser.add_mutually_exclusive_group(required=True)
    hidden.add_argument("--mask-key", metavar="KEY", help="hide the spots that are True in this column of obs")
    hidden.add_argument(
        "--square",
        metavar=("ROW", "COL", "SIDE"),
        nargs=3,
        type=int,
        help="hide SIDE x SIDE cells of the lattice's raster, the first of them in row ROW and column COL, from 0",
    )
    hidden.add_argument(
        "--geojson",
        metavar="F",
        type=Path,
        help='hide the spots whose centre lies in the polygons of this file, in (x, y) of obsm["spatial"]',
    )
    parser.add_argument(
        "--genes",
        metavar="A,B",
        type=_genes,
        default=(),
        help="genes to reconstruct, by symbol or Ensembl id, between commas, or `all`; "
        "by default the 2,000 that vary most among the visible spots",
    )
    parser.add_argument(
        "--n-genes",
        metavar="N",
        type=whole_number(1),
        help="reconstruct this many genes that vary most among the visible spots, and those of --genes besides",
    )
    _add_seed(parser, "of what the model rehearses on to fit the section's own read-out and uncertainty")
    parser.set_defaults(run=_reconstruct)


def _add_domains(commands: "Commands") -> None:
    parser = commands.add_parser(
        "domains",
        help="domains of a section, found without labels or painted from a few",
        description='Writes the section with the domain of every spot in obs["stimg_domain"], its embedding besides.',
        epilog="examples:\n"
        "  stimg domains section.h5ad -o domains.h5ad --n-domains 7\n"
        "  stimg domains section.h5ad -o domains.h5ad --labels-key annotation",
    )
    _add_job(parser)
    how = parser.add_mutually_exclusive_group(required=True)
    how.add_argument("--n-domains", metavar="K", type=whole_number(2), help="find this many, without any labels")
    how.add_argument(
        "--labels-key",
        metavar="KEY",
        help="paint the section from the labels that some of its spots have in this column of obs (NaN where none)",
    )
    parser.add_argument(
        "--method",
        choices=("consensus", "gmm", "kmeans", "blend", "knn", "logistic"),
        help="with --n-domains consensus (of 12 mixtures; default), gmm (one mixture) or kmeans; with --labels-key "
        "blend (of a mixture and logistic regression; default), knn or logistic",
    )
    parser.add_argument(
        "--n-neighbours", metavar="N", type=whole_number(1, 100), help="labelled spots that vote, for knn (default 10)"
    )
    parser.add_argument("--no-refine", action="store_true", help="let each spot's neighbours have no say in its domain")
    _add_seed(parser, "of the first centres, or of which labels are hidden to test the painting")
    parser.set_defaults(run=_domains)


def _add_job(parser: Parser) -> None:
    _add_file(parser)
    parser.add_argument("-o", "--output", metavar="OUT", type=Path, required=True, help="the .h5ad file to write")
    _add_checkpoint(parser)
    parser.add_argument(
        "--device",
        default="auto",
        help="where the model runs: cpu, cuda, mps, or auto, which is cuda where there is one, else cpu (default)",
    )


def _add_file(parser: Parser) -> None:
    parser.add_argument("file", metavar="FILE", type=Path, help=FORMATS)
    _add_section(parser)


def _add_section(parser: Parser) -> None:
    parser.add_argument("--section", metavar="NAME", help="which section (or bin size), where the file holds several")


def _add_checkpoint(parser: Parser) -> None:
    parser.add_argument(
        "--checkpoint",
        metavar="MODEL",
        help="a .safetensors file of `stimg-train`, or the name of one that was exported with --install; "
        "by default the bundled one",
    )


def _add_seed(parser: Parser, what: str) -> None:
    parser.add_argument("--seed", metavar="N", type=whole_number(0, 2**31 - 1), default=0, help=f"{what} (default 0)")


def _genes(text: str) -> tuple[str, ...] | None:
    """Return genes named between commas, None for all.

    Raises
    ------
    ArgumentTypeError
        If none is named.
    """
    if text == "all":
        return None
    genes = tuple(dict.fromkeys(gene.strip() for gene in text.split(",") if gene.strip()))
    if not genes:
        raise argparse.ArgumentTypeError(f"expected genes between commas, or `all`, found {text!r}")
    return genes


def _view(options: argparse.Namespace) -> None:
    from napari_stimg.commands.view import view

    follow(view(options.file, section=options.section))


def _info(options: argparse.Namespace) -> None:
    from napari_stimg.commands.info import info

    print(follow(info(options.file, section=options.section, checkpoint=_checkpoint(options), as_json=options.json)))


def _embed(options: argparse.Namespace) -> None:
    from napari_stimg.commands.embed import embed
    from napari_stimg.inference import InferenceParameters

    params = InferenceParameters(n_components=options.n_components)
    print(follow(embed(_job(options), params=params)))


def _reconstruct(options: argparse.Namespace) -> None:
    from napari_stimg.commands.reconstruct import reconstruct_hidden

    hidden_by = _hidden_by(options)
    asked = {"genes": options.genes, "n_genes": options.n_genes}
    print(follow(reconstruct_hidden(_job(options), hidden_by, **asked, seed=options.seed)))


def _domains(options: argparse.Namespace) -> None:
    from napari_stimg.commands.domains import cluster_parameters, find_domains, paint_domains, paint_parameters

    given = {"method": options.method, "n_neighbours": options.n_neighbours, "refine": not options.no_refine}
    given = {name: value for name, value in given.items() if value is not None}
    if options.labels_key is None:
        clustering = cluster_parameters(n_domains=options.n_domains, seed=options.seed, **given)
        print(follow(find_domains(_job(options), clustering)))
    else:
        painting = paint_parameters(**given)
        print(follow(paint_domains(_job(options), options.labels_key, params=painting, seed=options.seed)))


def _job(options: argparse.Namespace) -> "Job":
    from napari_stimg.commands.job import Job

    return Job(
        file=options.file,
        section=options.section,
        target=options.output,
        checkpoint=_checkpoint(options),
        device=options.device,
    )


def _checkpoint(options: argparse.Namespace) -> Path | None:
    """Return the checkpoint that is meant, None for the bundled one."""
    from napari_stimg.models import find_model

    return None if options.checkpoint is None else find_model(options.checkpoint)


def _hidden_by(options: argparse.Namespace) -> "HiddenBy":
    from napari_stimg.commands.reconstruct import GeoJsonMask, KeyMask, SquareMask

    if options.mask_key is not None:
        return KeyMask(key=options.mask_key)
    if options.geojson is not None:
        return GeoJsonMask(path=options.geojson)
    row, col, side = options.square
    return SquareMask(row=row, col=col, side=side)


if __name__ == "__main__":
    sys.exit(main())
