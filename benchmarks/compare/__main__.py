"""All methods on the same sections, as one page: ``make compare``."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.compare.embed import embed_all, write_failures
from benchmarks.compare.page import write_page
from benchmarks.compare.provenance import TEST, read_comparison
from napari_stimg.checkpoint_file import bundled_path
from napari_stimg.console import exit_code_of
from napari_stimg.errors import InputError
from trainer.cli import main as stimg_train
from trainer.commands.evaluate import names
from trainer.evaluation.parameters import PARTS

STEPS = ("embed", "evaluate", "page")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the steps, and return the exit code: 2 where the input is at fault."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.compare", description=__doc__)
    parser.add_argument("folder", metavar="FOLDER", type=Path, help="that holds the sections, SECTION.h5ad")
    parser.add_argument("--sections", metavar="A,B", type=names, default=TEST, help="which (the test sections)")
    parser.add_argument(
        "--peers", metavar="FOLDER", type=Path, default=Path("build/peers"), help="environments, embeddings, report"
    )
    parser.add_argument("--python", default="python3.11", help="what environments are made of (python3.11)")
    parser.add_argument("--model", metavar="CHECKPOINT", default=str(bundled_path()), help="(the bundled one)")
    parser.add_argument("--steps", metavar="A,B", type=names, default=STEPS, help=f"of {', '.join(STEPS)} (all)")
    parser.add_argument("--what", metavar="A,B", default=",".join(PARTS), help=f"of {', '.join(PARTS)} (all)")
    parser.add_argument("-o", "--output", metavar="PAGE.md", type=Path, default=Path("docs/comparison.md"))
    options = parser.parse_args(arguments)
    return exit_code_of(lambda: run(options), program="benchmarks.compare")


def run(options: argparse.Namespace) -> None:
    """Run the steps.

    Raises
    ------
    InputError
        If a step is unknown, a section is not there, or the evaluation fails.
    """
    if unknown := [step for step in options.steps if step not in STEPS]:
        raise InputError(f"expected steps ({', '.join(STEPS)}), found {', '.join(unknown)}; name some of these.")
    paths = [options.folder / f"{name}.h5ad" for name in options.sections]
    if absent := [str(path) for path in paths if not path.is_file()]:
        raise InputError(f"expected sections, found no file {', '.join(absent)}; give the folder that holds them.")
    peers = options.peers.absolute()
    report = peers / "report"
    if "embed" in options.steps:
        write_failures(peers, embed_all(paths, peers, python=options.python))
    if "evaluate" in options.steps:
        command = ["evaluate", options.model, *map(str, paths), "-o", str(report), "--what", options.what]
        if any(peers.glob("embeddings/*/*.npy")):
            command += ["--embeddings", str(peers / "embeddings")]
        if stimg_train(command) != 0:
            raise InputError("expected an evaluation, found that it failed as said above; mend that first.")
    if "page" in options.steps:
        write_page(read_comparison(report.with_suffix(".json"), peers, options.model), report, options.output)


if __name__ == "__main__":
    sys.exit(main())
