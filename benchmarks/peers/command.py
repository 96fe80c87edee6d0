"""What ``python -m benchmarks.peers`` does: options, one section after another, and what it says when that fails."""

import argparse
import os
import sys
import time
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from benchmarks.peers.files import check_values, read_section, version_of, versions, write_embedding
from benchmarks.peers.methods import METHODS
from benchmarks.peers.peer import Choices, Peer
from napari_stimg.errors import InputError
from trainer.evaluation.memory import Usage

PROGRAM = "benchmarks.peers"
EXIT_BAD_INPUT = 2

DESCRIPTION = """\
Embeds sections by a method of other people and writes FOLDER/METHOD/SECTION.npy, one row a spot, and beside it
SECTION.json: versions, parameters, seed, seconds, memory. `stimg-train evaluate --embeddings FOLDER` scores them.
Run it in the repository's root by the Python of the method's own environment (benchmarks/peers/README.md)."""


class Parser(argparse.ArgumentParser):
    """Options whose errors are one sentence."""

    def error(self, message: str) -> NoReturn:
        """Say what is wrong with the options, and exit with code 2."""
        self.exit(EXIT_BAD_INPUT, f"{self.prog}: {message}; see `python -m {PROGRAM} --help`.\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run, and return the exit code: 2 where the input is at fault.

    Parameters
    ----------
    arguments : sequence of str, optional
        By default those of the process.
    """
    parser = Parser(prog=PROGRAM, description=DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("method", metavar="METHOD", help=", ".join(METHODS))
    parser.add_argument("sections", metavar="SECTIONS", type=Path, nargs="+", help=".h5ad files with counts in X")
    parser.add_argument("-o", "--output", metavar="FOLDER", type=Path, required=True, help="where to write")
    parser.add_argument("--seed", metavar="N", type=int, default=0, help="of all chance (0)")
    parser.add_argument("--epochs", metavar="N", type=int, help="of training (the authors' number)")
    parser.add_argument("--n-domains", metavar="K", type=int, help="domains that the method looks for (7)")
    options = parser.parse_args(arguments)
    try:
        peer = peer_called(options.method)
        choices = choices_of(options, peer)
        for path in options.sections:
            run(options.method, peer, path, options.output, choices)
    except InputError as error:
        print(f"{PROGRAM}: {error}", file=sys.stderr)
        return EXIT_BAD_INPUT
    return 0


def peer_called(method: str) -> Peer:
    """Return a method whose package is installed.

    Raises
    ------
    InputError
        If there is no such method, or its package is missing.
    """
    if method not in METHODS:
        raise InputError(f"expected a method ({', '.join(METHODS)}), found {method}; choose one of these.")
    peer = METHODS[method]
    if version_of(peer.distribution) is None:
        raise InputError(
            f"{method}: expected the package {peer.distribution}, found none in {sys.prefix}; make an environment for "
            "it as benchmarks/peers/README.md says, and run its python."
        )
    return peer


def choices_of(options: argparse.Namespace, peer: Peer) -> Choices:
    """Return what was chosen.

    Raises
    ------
    InputError
        If a method does not read what was chosen, or a number is too small.
    """
    least = {"epochs": 1, "n_domains": 2}
    given = {name: getattr(options, name) for name in least if getattr(options, name) is not None}
    for name, number in given.items():
        if name not in peer.options:
            raise InputError(
                f"{options.method}: expected a method that reads --{name.replace('_', '-')}, found one that does not; "
                "leave it out."
            )
        if number < least[name]:
            raise InputError(f"expected {name} >= {least[name]}, found {number}; give a larger number.")
    if options.seed < 0:
        raise InputError(f"expected a seed >= 0, found {options.seed}; give a larger number.")
    return Choices(seed=options.seed, **given)


def run(method: str, peer: Peer, path: Path, folder: Path, choices: Choices) -> None:
    """Embed one section and write what came of it.

    Raises
    ------
    InputError
        If the section cannot be read or embedded, or the peer needs a package that is missing.
    """
    section = read_section(path)
    n_spots = section.n_obs
    cpu_before_s = time.process_time()
    try:
        with Usage() as usage, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the peers' own code
            embedding = peer.embed(section, choices)
    except ModuleNotFoundError as error:
        raise InputError(
            f"{method}: expected the package {error.name}, which {peer.distribution} needs, found none; install it "
            "as benchmarks/peers/README.md says."
        ) from error
    check_values(embedding.values, n_spots)
    target = folder / method / f"{path.stem}.npy"
    facts: dict[str, object] = {
        "method": method,
        "package": peer.distribution,
        "version": version_of(peer.distribution),
        "section": path.stem,
        "shape": list(embedding.values.shape),
        "seed": choices.seed,
        "parameters": embedding.parameters,
        "seconds": round(usage.seconds, 3),
        "cpu_seconds": round(time.process_time() - cpu_before_s, 2),
        "peak_mb": round(usage.peak_mb),
        "omp_num_threads": os.environ.get("OMP_NUM_THREADS"),
        "versions": versions(),
    }
    write_embedding(target, embedding.values, facts)
    print(f"{target}: {n_spots:,} spots, {usage.seconds:.1f} s, {usage.peak_mb:.0f} MB")
