"""``stimg-train corpus``: packs sections for training, and says what a corpus holds."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from napari_stimg.console import follow, whole_number
from napari_stimg.errors import InputError
from trainer.commands.options import Commands

if TYPE_CHECKING:
    from trainer.store import Packed


def add_parser(commands: Commands) -> None:
    """Add the command and its options."""
    parser = commands.add_parser(
        "corpus",
        help="pack sections for training, or say what a corpus holds",
        description="Packs sections into a corpus, a folder that training reads in place. If there is one already,\n"
        "sections are added to it; those that are in it are passed over, so an interrupted command is just started\n"
        "again. Of a file that holds several sections, all are packed. A section that is broken, or has no counts,\n"
        "is left out and named; if not one is in, the exit code is 2.",
        epilog="examples:\n"
        "  stimg-train corpus sections/*.h5ad -o corpus --workers 4\n"
        "  stimg-train corpus --info corpus --verify",
    )
    parser.add_argument(
        "slides", metavar="SLIDES", type=Path, nargs="*", help="sections, in any format that `stimg` reads"
    )
    target = parser.add_mutually_exclusive_group(required=True)
    target.add_argument("-o", "--output", metavar="CORPUS", type=Path, help="the corpus to make or to add to")
    target.add_argument("--info", metavar="CORPUS", type=Path, help="say what is in this corpus; takes no SLIDES")
    work = parser.add_mutually_exclusive_group()
    work.add_argument("--workers", metavar="N", type=whole_number(1), default=1, help="processes that read (1)")
    work.add_argument("--dask", metavar="ADDRESS", help="a running Dask cluster that reads instead (tcp://host:port)")
    parser.add_argument(
        "--compression",
        choices=("lzma", "deflate"),
        default="lzma",
        help="of new sections: lzma is a fifth smaller (default), deflate ten times faster",
    )
    parser.add_argument("--verify", action="store_true", help="compare every section with its checksum in the end")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Pack and say what was packed, or say what is there; verify all of it, if asked to.

    Raises
    ------
    InputError
        If sections are missing, or given in vain.
    """
    from trainer.store import open_corpus
    from trainer.store.table import notes_of, summary_of, table_of

    if options.info is not None and options.slides:
        raise InputError(
            f"expected no sections beside --info, found {len(options.slides):,}; name the corpus to pack into with -o."
        )
    packed = None if options.output is None else _pack(options)
    corpus = open_corpus(options.info if packed is None else options.output)
    if options.verify:
        follow(corpus.verify())
    entries = corpus.entries if packed is None else packed.added
    if entries:
        print(table_of(entries), *notes_of(entries), sep="\n")
    if packed is not None:
        print(f"packed: {len(packed.added):,}; in already: {len(packed.known):,}; left out: {len(packed.refused):,}")
    print(summary_of(corpus) + ("; all as packed" if options.verify else ""))


def _pack(options: argparse.Namespace) -> "Packed":
    """Pack, and say which sections were left out.

    Raises
    ------
    InputError
        If there is nothing to pack, or nothing of it could be.
    """
    from trainer.store.pack import PackParameters, pack_files

    if not options.slides:
        raise InputError("expected sections to pack, found none; name files, or ask what a corpus holds with --info.")
    params = PackParameters(n_workers=options.workers, scheduler=options.dask, compression=options.compression)
    packed = follow(pack_files(options.slides, options.output, params=params))
    for refused in packed.refused:
        print(f"stimg-train corpus: left out: {refused.reason}", file=sys.stderr)
    if not packed.added and not packed.known:
        raise InputError(
            f"{options.output}: expected at least one section that can be packed, found none; "
            "see what was said of each."
        )
    return packed
