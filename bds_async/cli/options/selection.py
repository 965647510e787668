"""Options that several commands share: the folder, the choice of data sets, how to fetch, and how to report."""

from __future__ import annotations

import functools
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeVar

import click

from ...errors import ConfigError
from ...options import ATTEMPTS, DEFAULT_FOLDER, STALL_TIMEOUT, WORKERS, PublishAs, RunOptions, Verify
from ...workspace import workspace_of
from ..completion import data_set_names
from ..output.report_files import ReportFiles
from .settings import settings
from .values import DestinationPlace, FolderPath, Rate, ReportPath, Seconds, WholeNumber

Function = TypeVar("Function", bound=Callable[..., Any])
Kind = TypeVar("Kind", bound=StrEnum)

DEFAULTS = RunOptions()


def glob(pattern: str) -> str:
    """Check a pattern for paths below the folder; bytes that are not text match nothing, so they are a usage error."""
    if any("\ud800" <= character <= "\udfff" for character in pattern):
        raise click.BadParameter("is not text; ? stands for any character.")
    return pattern


def choice_option(*names: str, kind: type[Kind], default: Kind, help: str) -> Callable[[Function], Function]:  # noqa: A002
    """Create an option whose values are the members of `kind`; the command gets a member."""

    def member(ctx: click.Context, param: click.Parameter, value: str) -> Kind:  # noqa: ARG001
        """Return the member of the enumeration with that value."""
        return kind(value)

    values = click.Choice([each.value for each in kind])
    return click.option(*names, type=values, default=default.value, show_default=True, callback=member, help=help)


to_option = click.option(
    "--to",
    type=DestinationPlace(),
    default=DEFAULT_FOLDER,
    show_default=True,
    metavar="DIR",
    help="Folder, s3://…, gs://… or az://….",
)

state_option = click.option(
    "--state",
    type=FolderPath(),
    metavar="DIR",
    help="Folder of the ledger [default: .bds-async in --to].",
)

verify_option = choice_option(
    "--verify",
    kind=Verify,
    default=DEFAULTS.verify,
    help="Check all, or all but the CRC-32s.",
)

cluster_option = click.option("--cluster", metavar="ADDRESS", help="Fetch on a Dask cluster: tcp://host:port.")

exclude_option = click.option(
    "--exclude",
    shell_complete=data_set_names,
    multiple=True,
    metavar="PATTERN",
    help="Leave these out; may be repeated.",
)


def workspace_options(function: Function) -> Function:
    """Add `--to` and `--state`; the command gets a Workspace."""

    @to_option
    @state_option
    @functools.wraps(function)
    def with_workspace(to: Path | str, state: Path | None, **arguments: Any) -> Any:
        """Pass the command a Workspace instead of its options."""
        settings().folder = (
            *(("--to", str(to)) if str(to) != DEFAULT_FOLDER else ()),
            *(("--state", str(state)) if state is not None else ()),
        )
        return function(workspace=workspace_of(to, state), **arguments)

    return with_workspace  # type: ignore[return-value]


def data_set_option(name: str = "data_set") -> Callable[[Function], Function]:
    """Create `--data-set`; the command gets the patterns as `name`."""
    return click.option(
        "--data-set",
        name,
        multiple=True,
        metavar="PATTERN",
        shell_complete=data_set_names,
        help="Only these: name (* ?), schema or plugin id; repeatable.",
    )


def choosing_options(function: Function) -> Function:
    """Add `--data-set` and `--exclude`."""
    return data_set_option()(exclude_option(function))


def fetching_options(function: Function) -> Function:
    """Add the options of fetching and checking; the command gets them as one dict, `run`, for RunOptions."""

    @click.option(
        "--workers",
        type=WholeNumber(*WORKERS),
        default=DEFAULTS.workers,
        show_default=True,
        metavar="N",
        help="Parallel downloads, 1 to 64.",
    )
    @click.option(
        "--attempts",
        type=WholeNumber(*ATTEMPTS),
        default=DEFAULTS.attempts,
        show_default=True,
        metavar="N",
        help="Tries for each extract.",
    )
    @click.option(
        "--stall-timeout",
        type=Seconds(*STALL_TIMEOUT),
        default=DEFAULTS.stall_timeout,
        show_default=True,
        metavar="SECONDS",
        help="Drop a silent connection.",
    )
    @verify_option
    @click.option(
        "--max-time",
        type=Seconds(0, min_open=True),
        metavar="SECONDS",
        help="End the run after so long, with exit code 3.",
    )
    @click.option(
        "--limit-rate",
        type=Rate(),
        metavar="RATE",
        help="Bytes a second of all downloads: 500K, 50M.",
    )
    @functools.wraps(function)
    def with_fetching_options(**arguments: Any) -> Any:
        """Pass the command the options of fetching as one mapping, `run`."""
        names = ("workers", "attempts", "stall_timeout", "verify", "max_time", "limit_rate")
        run = {name: arguments.pop(name) for name in names}
        return function(run=run, **arguments)

    return with_fetching_options  # type: ignore[return-value]


def run_options(function: Function) -> Function:
    """Add the options of choosing, publishing and fetching; the command gets them as `run`, for RunOptions."""

    @choosing_options
    @choice_option(
        "--as",
        "publish_as",
        kind=PublishAs,
        default=DEFAULTS.publish_as,
        help="The zip, its CSV, or typed Parquet.",
    )
    @click.option(
        "--pin-columns",
        is_flag=True,
        help="With csv: keep the columns first seen, in order.",
    )
    @cluster_option
    @fetching_options
    @functools.wraps(function)
    def with_run_options(run: dict[str, Any], **arguments: Any) -> Any:
        """Pass the command `run` with the options of a run added."""
        names = ("data_set", "exclude", "publish_as", "pin_columns", "cluster")
        run = {**run, **{name: arguments.pop(name) for name in names}}
        if run["pin_columns"] and run["publish_as"] is not PublishAs.CSV:
            raise ConfigError(f"--pin-columns needs --as csv; with --as {run['publish_as']} all columns are published.")
        return function(run=run, **arguments)

    return with_run_options  # type: ignore[return-value]


progress_option = click.option("--no-progress", is_flag=True, help="No live view, even where stderr is a terminal.")


def report_options(function: Function) -> Function:
    """Add `--report` and `--html`; the command gets the files as `files`."""

    @click.option("--report", type=ReportPath(), metavar="FILE", help="Write the run report (JSON).")
    @click.option("--html", type=ReportPath(), metavar="FILE", help="Write the run report as one HTML page.")
    @functools.wraps(function)
    def with_files(report: Path | None, html: Path | None, **arguments: Any) -> Any:
        """Pass the command ReportFiles instead of its options."""
        return function(files=ReportFiles(report, html), **arguments)

    return with_files  # type: ignore[return-value]


def watching_options(function: Function) -> Function:
    """Add `--report`, `--html` and `--no-progress`; the command gets the files as `files`."""
    return report_options(progress_option(function))
