"""`bds-async sync`: deliver everything new since the last sync; the scheduled job."""

from __future__ import annotations

import functools
import logging
from pathlib import Path
from typing import Any

import click

from ..config import Config
from ..errors import ConfigError
from ..options import SyncOptions
from ..report import RunReport
from ..runs.exit_code import breaks_columns
from ..support.log import event
from ..watching import Ping
from ..workspace import Workspace
from .help import GroupedCommand
from .mirror import mirror_options
from .options.request import Request
from .options.selection import Function, progress_option, report_options, run_options, workspace_options
from .options.settings import common_options, settings
from .output.report_files import ReportFiles
from .output.watching import displaying, observing, warn_of_no_report
from .process.memory import prepare_for_bodies
from .process.running import run as run_job

logger = logging.getLogger(__name__)


def sync_options(function: Function) -> Function:
    """Add the options of a run of `sync`; the command gets them as one Request."""

    @workspace_options
    @click.option(
        "--with-fulls",
        is_flag=True,
        help="Every new full; for data sets without differentials.",
    )
    @click.option("--strict-schema", is_flag=True, help="Exit with code 3 after a breaking change of columns.")
    @mirror_options
    @click.option(
        "--metrics",
        type=click.Path(dir_okay=False, path_type=Path),
        metavar="FILE",
        help="Write a Prometheus textfile.",
    )
    @click.option(
        "--ping",
        "address",
        metavar="URL",
        envvar="BDS_PING_URL",
        help="Report each run to this health check (or BDS_PING_URL).",
    )
    @run_options
    @report_options
    @functools.wraps(function)
    def with_request(
        workspace: Workspace,
        *,
        mirror: dict[str, Any],
        run: dict[str, Any],
        address: str | None,
        files: ReportFiles,
        metrics: Path | None,
        **arguments: Any,
    ) -> Any:
        """Pass the command a Request instead of its options."""
        given = {name: arguments.pop(name) for name in ("with_fulls", "strict_schema")}
        options = SyncOptions(**given, **mirror, **run)
        ping = Ping(address) if address is not None else None
        request = Request(workspace=workspace, options=options, files=files, metrics=metrics, ping=ping)
        return function(request=request, **arguments)

    return with_request  # type: ignore[return-value]


@click.command("sync", cls=GroupedCommand)
@sync_options
@click.option("--dry-run", is_flag=True, help="Print the plan with sizes, download nothing.")
@click.option("--json", "as_json", is_flag=True, help="With --dry-run: print lines of JSON.")
@progress_option
@common_options
def command(request: Request[SyncOptions], *, dry_run: bool, as_json: bool, no_progress: bool) -> int:
    """Deliver everything new since the last sync, each extract once and in order.

    At first the newest full of each data set and the differentials after it, later each new differential. A loader may
    move files.
    """
    if dry_run:
        warn_of_no_report(request.files)
        return _print_plan(request, as_json=as_json, no_progress=no_progress)
    if as_json:
        raise ConfigError("--json needs --dry-run; --report FILE writes the result of a run.")
    prepare_for_bodies()
    with observing(request.workspace, no_progress=no_progress) as observer:
        done = run_job(lambda stop: request.carried_out(observer, stop))
    log_strict_schema(request.options, done)
    return done.exit_code


def log_strict_schema(options: SyncOptions, report: RunReport) -> None:
    """Log why the exit code is 3 if --strict-schema is the cause."""
    if options.strict_schema and breaks_columns(report.outcomes):
        text = "The columns changed as logged above: exit code 3, by --strict-schema. See `bds-async schema`."
        logger.error(text, extra=event("columns.strict"))


def _print_plan(request: Request[SyncOptions], *, as_json: bool, no_progress: bool) -> int:
    # A run does without these imports.
    from ..api import preview_sync
    from .output.listings import log_failed_lists, log_gaps, print_plan

    config, workspace = Config.load(settings().config), request.workspace
    with displaying(no_progress=no_progress) as observer:
        found = run_job(
            lambda stop: preview_sync(
                config, workspace.to, request.options, state=workspace.state, observer=observer, stop=stop
            )
        )
    print_plan(found, as_json)
    log_gaps(found.gaps_left)
    return log_failed_lists(found.failed_lists)
