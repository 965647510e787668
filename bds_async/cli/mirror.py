"""`bds-async mirror`: keep a database at the current state of each data set."""

from __future__ import annotations

import functools
import json
import logging
import os
from pathlib import Path
from typing import Any

import click

from ..api import mirror
from ..errors import BdsError, ConfigError
from ..events import Observer
from ..mirrors import MirrorReport, Preview, TableResult, Target, preview
from ..options import DELETE_LIMIT, MIRROR_SCHEMA, MirrorOptions
from ..report import fields_of, json_line
from ..support.text import counted, printable
from ..watching import MirrorSoFar, mirror_note, mirror_text, mirror_warnings
from ..workspace import Workspace
from .help import GroupedCommand
from .options.selection import Function, choosing_options, workspace_options
from .options.settings import common_options
from .options.values import Number
from .output.documents import MirrorDocument, MirrorPlanned
from .output.table import Cell, print_rows
from .output.watching import all_of, displaying
from .process.running import run_simple

logger = logging.getLogger(__name__)

LIMIT_HELP = "Share of rows that a full may delete"


class Percent(Number):
    """A share between 0 and 100."""

    def __init__(self) -> None:
        super().__init__(0, 100)


schema_option = click.option(
    "--schema", default=MIRROR_SCHEMA, show_default=True, metavar="NAME", help="The schema of the tables."
)
limit_option = click.option(
    "--delete-limit",
    type=Percent(),
    default=DELETE_LIMIT,
    show_default=True,
    metavar="PERCENT",
    help=LIMIT_HELP,
)


def mirror_options(function: Function) -> Function:
    """Add `--mirror` and its options; the command gets them as one dict, `mirror`, for SyncOptions."""

    @click.option(
        "--mirror",
        metavar="TARGET",
        help="Then apply all to duckdb:PATH or postgresql://….",
    )
    @click.option("--mirror-schema", metavar="NAME", help=f"The schema of its tables [default: {MIRROR_SCHEMA}].")
    @click.option("--delete-limit", type=Percent(), metavar="PERCENT", help=f"{LIMIT_HELP} [default: {DELETE_LIMIT:g}]")
    @functools.wraps(function)
    def with_mirror_options(mirror: str | None, **arguments: Any) -> Any:
        """Pass the command MirrorOptions instead of the options, None without `--mirror`."""
        given = {name: arguments.pop(name) for name in ("mirror_schema", "delete_limit")}
        given = {name: value for name, value in given.items() if value is not None}
        if mirror is None and given:
            raise ConfigError(f"--{next(iter(given)).replace('_', '-')} needs --mirror TARGET.")
        return function(mirror={"mirror": mirror, **given}, **arguments)

    return with_mirror_options  # type: ignore[return-value]


@click.command("mirror", cls=GroupedCommand)
@click.option(
    "--into",
    metavar="TARGET",
    help="duckdb:PATH or postgresql://user@host:port/database [default: BDS_MIRROR, else DIR/mirror.duckdb].",
)
@workspace_options
@choosing_options
@schema_option
@click.option("--rebuild", is_flag=True, help="Drop the tables and apply everything again.")
@click.option(
    "--keys",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="JSON: data set name to list of key columns, to correct what is known.",
)
@limit_option
@click.option("--keep-deleted", is_flag=True, help="Mark deleted rows in _bds_deleted and keep them.")
@click.option("--dry-run", is_flag=True, help="Print what would be applied, change nothing.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document in place of a table.")
@common_options
def command(
    into: str | None, workspace: Workspace, keys: Path | None, *, dry_run: bool, as_json: bool, **options: Any
) -> int:
    """Apply what was delivered to the folder and has not been applied yet.

    Leaves each data set as one table that holds its current state. Asks the tenant nothing. Exit code 3 where rows were
    rejected, a full was held back, or files are missing or changed.
    """
    target = Target.find(into, workspace.to if workspace.store is None else None, os.environ)
    chosen = MirrorOptions(keys=None if keys is None else read_keys(keys), **options)
    if dry_run:
        _print_preview(run_simple(preview(target, workspace, chosen)), target, as_json=as_json)
        return 0
    report = _mirrored(target, workspace, chosen)
    if as_json:
        click.echo(json.dumps(fields_of(MirrorDocument.about(report)), indent=1, ensure_ascii=False))
    else:
        print_mirror(report)
    for notice in mirror_warnings(report.summary):
        notice.log(logger)
    return report.exit_code


def read_keys(path: Path) -> dict[str, tuple[str, ...]]:
    """Read the corrected keys from a file; raises ConfigError."""
    try:
        found = json.loads(path.read_text("utf-8"))
        if not isinstance(found, dict) or not all(_is_names(names) for names in found.values()):
            raise ValueError
    except OSError as error:
        raise ConfigError(f"--keys {path} cannot be read: {error.strerror}.") from None
    except ValueError:
        raise ConfigError(f'--keys {path} is not JSON like {{"Users": ["UserId"]}}.') from None
    return {name: tuple(names) for name, names in found.items()}


def _is_names(names: object) -> bool:
    return isinstance(names, list) and bool(names) and all(isinstance(name, str) for name in names)


def _mirrored(target: Target, workspace: Workspace, options: MirrorOptions) -> MirrorReport:
    so_far = MirrorSoFar()
    try:
        with displaying() as display:
            observer: Observer = all_of([display, so_far])
            return run_simple(mirror(target, workspace.to, options, state=workspace.state, observer=observer))
    except BdsError:
        for notice in so_far.notices():
            notice.log(logger)
        raise


def print_mirror(report: MirrorReport) -> None:
    """Print a line for each table of a mirror, and the totals."""
    if shown := [_cells(each) for each in report.tables if each.applied]:
        print_rows(("table", "applied", "inserted", "updated", "deleted", "rejected", "complete through"), shown)
    click.echo(mirror_text(report.summary))


def _cells(each: TableResult) -> list[Cell]:
    counts = (each.applied, each.inserted, each.updated, each.deleted, each.rejected)
    return [printable(each.table), *map(str, counts), each.complete_through]


def _print_preview(found: Preview, target: Target, *, as_json: bool) -> None:
    for each in found.pending:
        click.echo(json_line(MirrorPlanned.about(each)) if as_json else printable(f"{each.table}: {each.path}"))
    if not as_json:
        click.echo(f"{counted(len(found.pending), 'extract')} to apply to {target}.")
    for table, text in found.notes:
        mirror_note(table, text).log(logger)
