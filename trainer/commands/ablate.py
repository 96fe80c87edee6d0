"""``stimg-train ablate``: a recipe with one setting changed at a time, trained and scored alike."""

import argparse
from pathlib import Path

from napari_stimg.console import follow
from trainer.commands import recipes
from trainer.commands.options import Commands


def add_parser(commands: Commands) -> None:
    """Add the command and its options."""
    parser = commands.add_parser(
        "ablate",
        help="train and score a recipe with one setting changed at a time",
        description="Trains CONFIG, and it with every value of every setting in AXES, one change at a time, with the\n"
        "same data and compute, and scores all of them on the sections of data.validation. Writes one table and one\n"
        "picture. Started again it goes on where it stopped.\n"
        "AXES is a YAML file of `section.key: [values]`, or one that comes along: "
        f"{', '.join(recipes.names(recipes.AXES))}.",
        epilog="example:\n  stimg-train ablate small 'data.validation=[dlpfc__151674]' --axes schemes -o runs/schemes",
    )
    parser.add_argument("config", metavar="CONFIG", help="the recipe, as for `fit`")
    parser.add_argument(
        "overrides", metavar="section.key=value", nargs="*", help="a setting in the place of the file's"
    )
    parser.add_argument("--axes", metavar="AXES", default="paper", help="what is changed (default: paper)")
    parser.add_argument("-o", "--output", metavar="FOLDER", type=Path, required=True, help="for runs and tables")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Train, score, write and print the table."""
    from trainer.ablation.run import ablate
    from trainer.ablation.variants import read_axes, variants
    from trainer.config import read_config

    axes = read_axes(recipes.path_of(options.axes, recipes.AXES))
    base = read_config(recipes.path_of(options.config), options.overrides)
    options.output.mkdir(parents=True, exist_ok=True)
    print(follow(ablate(variants(base, axes, options.output), options.output)))
