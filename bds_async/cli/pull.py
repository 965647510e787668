"""`bds-async pull`: make a folder hold the chosen extracts."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import click

from ..api import preview_pull, pull
from ..config import Config
from ..errors import ConfigError
from ..options import PullOptions, Wanted
from ..report import RunReport
from ..support.running import Stop
from ..workspace import Workspace
from .allocator import keep_large_blocks
from .help import GroupedCommand
from .moments import moment
from .report_files import ReportFiles
from .running import run as run_job
from .selection import choice_option, run_options, watching_options, workspace_options
from .settings import common_options, settings
from .watching import all_of, displaying, observing, savers, warn_of_no_report


@click.command("pull", cls=GroupedCommand)
@workspace_options
@choice_option(
    "--type",
    "wanted",
    kind=Wanted,
    default=PullOptions().wanted,
    help="Newest fulls, every differential, or both.",
)
@click.option(
    "--since",
    type=moment,
    metavar="DATE",
    help="Only those queued since, in ISO 8601 (UTC).",
)
@click.option("--force", is_flag=True, help="Fetch again and replace what is there.")
@click.option("--dry-run", is_flag=True, help="Print the plan with sizes, download nothing.")
@click.option("--json", "as_json", is_flag=True, help="With --dry-run: print lines of JSON.")
@run_options
@watching_options
@common_options
def command(
    workspace: Workspace,
    wanted: Wanted,
    since: datetime | None,
    *,
    force: bool,
    dry_run: bool,
    as_json: bool,
    run: dict[str, Any],
    files: ReportFiles,
    no_progress: bool,
) -> int:
    """Make a folder hold the chosen extracts: by default the newest full of every data set.

    What is already there is not fetched again. The next run finishes a run that was killed.
    """
    options = PullOptions(wanted=wanted, since=since, force=force, **run)
    config = Config.load(settings().config)
    if dry_run:
        warn_of_no_report(files)
        return _print_plan(config, workspace, options, as_json=as_json, no_progress=no_progress)
    if as_json:
        raise ConfigError("--json needs --dry-run; --report FILE writes the result of a run.")

    async def job(stop: Stop) -> RunReport:
        save = all_of(savers(workspace, stop, files))
        with observing(workspace, no_progress=no_progress) as observer:
            return await pull(
                config, workspace.to, options, state=workspace.state, observer=observer, stop=stop, save=save
            )

    keep_large_blocks()
    return run_job(job).exit_code


def _print_plan(config: Config, workspace: Workspace, options: PullOptions, *, as_json: bool, no_progress: bool) -> int:
    with displaying(no_progress=no_progress) as observer:
        found = run_job(
            lambda stop: preview_pull(
                config, workspace.to, options, state=workspace.state, observer=observer, stop=stop
            )
        )
    # A run prints no tables, and does without their import.
    from .tables import log_failed_lists, print_plan

    print_plan(found, as_json)
    return log_failed_lists(found.failed_lists)
