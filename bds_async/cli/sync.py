"""`bds-async sync`: deliver everything new since the last sync; the scheduled job."""

from __future__ import annotations

import logging
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import click

from ..api import preview_sync, sync
from ..config import Config
from ..errors import ConfigError
from ..options import SyncOptions
from ..report import RunReport
from ..runs.exit_code import breaks_columns
from ..support.log import event
from ..support.running import Stop
from ..watching import MetricsFile, Ping
from ..workspace import Workspace
from .allocator import keep_large_blocks
from .help import GroupedCommand
from .mirror import mirror_options
from .own_files import demand_apart
from .report_files import ReportFiles
from .running import run as run_job
from .selection import run_options, watching_options, workspace_options
from .settings import common_options, settings
from .watching import all_of, displaying, observing, savers, warn_of_no_report

logger = logging.getLogger(__name__)


@click.command("sync", cls=GroupedCommand)
@workspace_options
@click.option(
    "--with-fulls",
    is_flag=True,
    help="Every new full; for data sets without differentials.",
)
@click.option("--strict-schema", is_flag=True, help="Exit with code 3 after a breaking change of columns.")
@mirror_options
@click.option("--dry-run", is_flag=True, help="Print the plan with sizes, download nothing.")
@click.option("--json", "as_json", is_flag=True, help="With --dry-run: print lines of JSON.")
@click.option(
    "--metrics", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE", help="Write a Prometheus textfile."
)
@click.option(
    "--ping",
    "address",
    metavar="URL",
    envvar="BDS_PING_URL",
    help="Report each run to this health check (or BDS_PING_URL).",
)
@run_options
@watching_options
@common_options
def command(
    workspace: Workspace,
    *,
    with_fulls: bool,
    strict_schema: bool,
    mirror: dict[str, Any],
    dry_run: bool,
    as_json: bool,
    metrics: Path | None,
    address: str | None,
    run: dict[str, Any],
    files: ReportFiles,
    no_progress: bool,
) -> int:
    """Deliver everything new since the last sync, each extract once and in order.

    The first sync delivers the newest full of each data set and the differentials queued after it, later ones deliver
    each new differential. The ledger decides what is new: a loader may move files.
    """
    options = SyncOptions(with_fulls=with_fulls, strict_schema=strict_schema, **mirror, **run)
    ping = Ping(address) if address is not None else None
    if dry_run:
        warn_of_no_report(files)
        return _print_plan(workspace, options, as_json=as_json, no_progress=no_progress)
    if as_json:
        raise ConfigError("--json needs --dry-run; --report FILE writes the result of a run.")

    async def job(stop: Stop) -> RunReport:
        file = _metrics_file(metrics, workspace, files)
        with file.around() if file is not None else nullcontext():
            config = Config.load(settings().config)
            save = all_of(savers(workspace, stop, files, file))
            with observing(workspace, no_progress=no_progress) as observer:
                return await sync(
                    config, workspace.to, options, state=workspace.state, observer=observer, stop=stop, save=save
                )

    # The health check reports a run that finds no config, too.
    keep_large_blocks()
    done = run_job(lambda stop: job(stop) if ping is None else ping.around(job(stop), stop))
    if strict_schema and breaks_columns(done.outcomes):
        text = "The columns changed as logged above: exit code 3, by --strict-schema. See `bds-async schema`."
        logger.error(text, extra=event("columns.strict"))
    return done.exit_code


def _metrics_file(path: Path | None, workspace: Workspace, files: ReportFiles) -> MetricsFile | None:
    if path is None:
        return None
    demand_apart(path, "metrics file", workspace, files.named)
    return MetricsFile(path)


def _print_plan(workspace: Workspace, options: SyncOptions, *, as_json: bool, no_progress: bool) -> int:
    config = Config.load(settings().config)
    with displaying(no_progress=no_progress) as observer:
        found = run_job(
            lambda stop: preview_sync(
                config, workspace.to, options, state=workspace.state, observer=observer, stop=stop
            )
        )
    # A run prints no tables, and does without their import.
    from .tables import log_failed_lists, log_gaps, print_plan

    print_plan(found, as_json)
    log_gaps(found.gaps)
    return log_failed_lists(found.failed_lists)
