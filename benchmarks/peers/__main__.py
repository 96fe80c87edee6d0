"""Embed sections by a method of other people: ``python -m benchmarks.peers METHOD SECTIONS -o FOLDER``."""

import sys

try:
    from benchmarks.peers.command import main
except ModuleNotFoundError as error:
    print(
        f"benchmarks.peers: expected the package {error.name}, found none in {sys.prefix}; make an environment for the "
        "method as benchmarks/peers/README.md says, and run its python.",
        file=sys.stderr,
    )
    sys.exit(2)

if __name__ == "__main__":
    sys.exit(main())
