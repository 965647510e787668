"""`bds-async list`: show what the tenant lists."""

from __future__ import annotations

from pathlib import Path

import click

from ..api import read_listing
from ..config import Config
from ..options import RunOptions
from .help import GroupedCommand
from .options.selection import choosing_options
from .options.settings import common_options, settings
from .options.values import FolderPath
from .output.listings import SortBy, log_failed_lists, print_listing
from .output.watching import displaying
from .process.running import run_simple


@click.command("list", cls=GroupedCommand)
@choosing_options
@click.option("--json", "as_json", is_flag=True, help="Print a line of JSON for each data set, with all its extracts.")
@click.option(
    "--sort",
    "sort_by",
    type=click.Choice([each.value for each in SortBy]),
    help="Sort by name, by size or by age of the newest full.",
)
@click.option("--state", type=FolderPath(), metavar="DIR", help="Accepted as in other commands; list reads no state.")
@common_options
def command(
    data_set: tuple[str, ...],
    exclude: tuple[str, ...],
    *,
    as_json: bool,
    sort_by: str | None,
    state: Path | None,  # noqa: ARG001
) -> int:
    """Show what the tenant lists: each data set, its newest full, its differentials."""
    options = RunOptions(data_set=data_set, exclude=exclude)
    config = Config.load(settings().config)
    with displaying() as observer:
        listing = run_simple(read_listing(config, options, observer=observer))
    print_listing(listing, as_json, SortBy(sort_by) if sort_by else None)
    return log_failed_lists(listing.failed)
