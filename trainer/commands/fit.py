"""``stimg-train fit``: pretrains a model, or trains one further."""

import argparse
from typing import TYPE_CHECKING

from napari_stimg.console import follow
from napari_stimg.progress import run
from trainer.commands import recipes
from trainer.commands.options import Commands

if TYPE_CHECKING:
    from napari_stimg.checkpoint import Checkpoint
    from trainer.config import Config


def add_parser(commands: Commands) -> None:
    """Add the command and its options."""
    parser = commands.add_parser(
        "fit",
        help="pretrain a model on a corpus",
        description="Pretrains a model on a corpus, as a YAML file says, and keeps log, curves and states in the\n"
        "run's folder. Started again with the same settings it goes on where it stopped, however it was stopped.\n"
        f"CONFIG is a file, or one of those that come along: {', '.join(recipes.names())}.",
        epilog="examples:\n"
        "  stimg-train fit small data.corpus=corpus run.folder=runs/first\n"
        "  stimg-train fit base run.folder=runs/second optimiser.steps=4000 'data.validation=[dlpfc__151674]'\n"
        "  stimg-train fit small --from model.safetensors run.folder=runs/further\n"
        "  torchrun --nproc-per-node 8 -m trainer fit gpu",
    )
    parser.add_argument("config", metavar="CONFIG", help="a YAML file, or the name of a recipe that comes along")
    parser.add_argument(
        "overrides", metavar="section.key=value", nargs="*", help="a setting in the place of the file's"
    )
    parser.add_argument(
        "--from",
        dest="start",
        metavar="MODEL",
        help="a model to train further, by its path or its name; it brings its sizes, new genes get embeddings",
    )
    parser.add_argument(
        "--dry-run", action="store_true", help="say what the run takes in memory and time, and train nothing"
    )
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> None:
    from trainer.config import read_config
    from trainer.dry_run import estimate
    from trainer.fit import fit
    from trainer.processes import is_first, stop

    config = read_config(recipes.path_of(options.config), options.overrides)
    start = None if options.start is None else _checkpoint(options.start)
    if start is not None:
        config = _with_sizes_of(config, start)
    show = follow if is_first() else run
    try:
        if options.dry_run:
            facts = show(estimate(config, start=start))
            if is_first():
                print(facts)
            return
        show(fit(config, start=start))
    finally:
        stop()
    if is_first():
        print(
            f"{config.run.folder}: trained for {config.optimiser.steps:,} steps; "
            f"`stimg-train export {config.run.folder} -o model.safetensors` makes a checkpoint of it"
        )


def _checkpoint(given: str) -> "Checkpoint":
    from napari_stimg.checkpoint import load_checkpoint
    from napari_stimg.models import find_model

    return load_checkpoint(find_model(given))


def _with_sizes_of(config: "Config", start: "Checkpoint") -> "Config":
    """Return the configuration with the sizes of the model that is trained further."""
    from dataclasses import asdict, replace

    from trainer.config import ModelConfig

    sizes = asdict(start.model.config)
    del sizes["n_genes"]
    return replace(config, model=ModelConfig(**sizes))
