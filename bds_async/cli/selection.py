"""Options that the commands share which fetch extracts: the folder, what to choose, how to fetch it."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from ..errors import ConfigError
from ..options import DEFAULT_FOLDER, PublishAs, Verify
from ..workspace import workspace_of

Function = TypeVar("Function", bound=Callable[..., Any])


class FolderPath(click.Path):
    """A folder, which need not be there yet; empty text, an unset variable in a script, is none."""

    def __init__(self) -> None:
        super().__init__(file_okay=False, path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Refuse empty text, which would mean the current folder."""
        return super().convert(value, param, ctx) if value != "" else self.fail("is empty", param, ctx)


class Seconds(click.FloatRange):
    """A number of seconds; `nan` is none."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Refuse what is neither above nor below anything."""
        seconds = super().convert(value, param, ctx)
        return self.fail(f"{value!r} is not a number of seconds", param, ctx) if math.isnan(seconds) else seconds


def glob(pattern: str) -> str:
    """A pattern for paths below the folder, which are text: bytes that are none would match nothing."""
    if any("\ud800" <= character <= "\udfff" for character in pattern):
        raise click.BadParameter("is not text; ? stands for any character.")
    return pattern


to_option = click.option(
    "--to",
    type=FolderPath(),
    default=DEFAULT_FOLDER,
    show_default=True,
    metavar="DIR",
    help="Where extracts land.",
)


state_option = click.option(
    "--state",
    type=FolderPath(),
    metavar="DIR",
    help="Folder for the ledger, partial files and the lock [default: DIR/.bds-async of --to].",
)


def workspace_options(function: Function) -> Function:
    """`--to` and `--state`; the command gets a Workspace."""

    @to_option
    @state_option
    @functools.wraps(function)
    def with_workspace(to: Path, state: Path | None, **arguments: Any) -> Any:
        return function(workspace=workspace_of(to, state), **arguments)

    return with_workspace  # type: ignore[return-value]


def choosing_options(function: Function) -> Function:
    """`--data-set` and `--exclude`."""
    for option in (
        click.option(
            "--exclude", multiple=True, metavar="PATTERN", help="Leave these out; as --data-set. May be repeated."
        ),
        click.option(
            "--data-set",
            multiple=True,
            metavar="PATTERN",
            help="Only these: a name (case-insensitive, * and ? allowed), a schema id or a plugin id. May be repeated.",
        ),
    ):
        function = option(function)
    return function


def fetching_options(function: Function) -> Function:
    """How a run fetches and checks; the command gets them for RunOptions as one dict, `run`."""

    @click.option(
        "--workers",
        type=click.IntRange(1, 64),
        default=16,
        show_default=True,
        help="Size of the pool: never more bodies in flight.",
    )
    @click.option(
        "--attempts",
        type=click.IntRange(1, 1000),
        default=6,
        show_default=True,
        help="Tries for each extract before it counts as failed.",
    )
    @click.option(
        "--stall-timeout",
        type=Seconds(0.1, 86400),
        default=60,
        show_default=True,
        metavar="SECONDS",
        help="A connection that delivers nothing for this long is dropped and tried again.",
    )
    @click.option(
        "--verify",
        type=click.Choice(["full", "fast"]),
        default="full",
        show_default=True,
        help="full: length, zip directory and every CRC-32; fast: without the CRCs.",
    )
    @click.option(
        "--max-time",
        type=Seconds(0, min_open=True),
        metavar="SECONDS",
        help="End the run in an orderly way after so long, with exit code 3.",
    )
    @functools.wraps(function)
    def with_fetching_options(**arguments: Any) -> Any:
        names = ("workers", "attempts", "stall_timeout", "verify", "max_time")
        run = {name: arguments.pop(name) for name in names}
        return function(run={**run, "verify": Verify(run["verify"])}, **arguments)

    return with_fetching_options  # type: ignore[return-value]


def run_options(function: Function) -> Function:
    """What is chosen, as what it is published, and how it is fetched; the command gets it for RunOptions as `run`."""

    @choosing_options
    @click.option(
        "--as",
        "publish_as",
        type=click.Choice(["zip", "csv"]),
        default="zip",
        show_default=True,
        help="Publish the zip as it came, or the CSV inside it.",
    )
    @click.option(
        "--pin-columns",
        is_flag=True,
        help="With --as csv: write the columns first seen, in that order, and drop appended ones.",
    )
    @fetching_options
    @functools.wraps(function)
    def with_run_options(
        data_set: tuple[str, ...],
        exclude: tuple[str, ...],
        publish_as: str,
        *,
        pin_columns: bool,
        run: dict[str, Any],
        **arguments: Any,
    ) -> Any:
        if pin_columns and publish_as != PublishAs.CSV:
            raise ConfigError("--pin-columns goes with --as csv: a zip is published as it came.")
        chosen = {"data_set": data_set, "exclude": exclude, "publish_as": PublishAs(publish_as)}
        return function(run={**run, **chosen, "pin_columns": pin_columns}, **arguments)

    return with_run_options  # type: ignore[return-value]


def watching_options(function: Function) -> Function:
    """`--report` and `--no-progress`."""
    for option in (
        click.option("--no-progress", is_flag=True, help="No bars, even where stderr is a terminal."),
        click.option(
            "--report",
            type=click.Path(dir_okay=False, path_type=Path),
            metavar="FILE",
            help="Write the run report (JSON).",
        ),
    ):
        function = option(function)
    return function
