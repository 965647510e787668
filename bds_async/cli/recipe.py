"""`bds-async recipe`: print a ready-made unit, manifest or script for a scheduler."""

from __future__ import annotations

import io
import sys

import click

from ..recipes import RECIPES, recipe
from .help import GroupedCommand
from .options.settings import common_options


@click.command(
    "recipe",
    cls=GroupedCommand,
    epilog="Recipes: " + "; ".join(f"{name}, {purpose}" for name, purpose in RECIPES.items()) + ".",
)
@click.argument("name", type=click.Choice(list(RECIPES)), metavar="NAME")
@common_options
def command(name: str) -> None:
    """Print a recipe to run sync under a scheduler."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        # The same bytes on Windows too: a unit needs UTF-8 and its own line ends.
        sys.stdout.reconfigure(encoding="utf-8", newline="\n")
    click.echo(recipe(name), nl=False)
