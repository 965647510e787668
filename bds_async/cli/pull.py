"""`bds-async pull`: fetch chosen extracts to a folder."""

from __future__ import annotations

import functools
from typing import Any

import click

from ..config import Config
from ..errors import ConfigError
from ..options import PullOptions, Wanted
from ..workspace import Workspace
from .help import GroupedCommand
from .options.request import Request
from .options.selection import Function, choice_option, progress_option, report_options, run_options, workspace_options
from .options.settings import common_options, settings
from .options.values import moment
from .output.report_files import ReportFiles
from .output.watching import displaying, observing, warn_of_no_report
from .process.memory import prepare_for_bodies
from .process.running import run as run_job


def pull_options(function: Function) -> Function:
    """Add the options of a run of `pull`; the command gets them as one Request."""

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
    @run_options
    @report_options
    @functools.wraps(function)
    def with_request(workspace: Workspace, run: dict[str, Any], files: ReportFiles, **arguments: Any) -> Any:
        """Pass the command a Request instead of its options."""
        given = {name: arguments.pop(name) for name in ("wanted", "since", "force")}
        request = Request(workspace=workspace, options=PullOptions(**given, **run), files=files)
        return function(request=request, **arguments)

    return with_request  # type: ignore[return-value]


@click.command("pull", cls=GroupedCommand)
@pull_options
@click.option("--dry-run", is_flag=True, help="Print the plan with sizes, download nothing.")
@click.option("--json", "as_json", is_flag=True, help="With --dry-run: print lines of JSON.")
@progress_option
@common_options
def command(request: Request[PullOptions], *, dry_run: bool, as_json: bool, no_progress: bool) -> int:
    """Make a folder hold the chosen extracts: by default the newest full of every data set.

    What is already there is not fetched again. The next run finishes a run that was killed.
    """
    if dry_run:
        warn_of_no_report(request.files)
        return _print_plan(request, as_json=as_json, no_progress=no_progress)
    if as_json:
        raise ConfigError("--json needs --dry-run; --report FILE writes the result of a run.")
    prepare_for_bodies()
    with observing(request.workspace, no_progress=no_progress) as observer:
        return run_job(lambda stop: request.carried_out(observer, stop)).exit_code


def _print_plan(request: Request[PullOptions], *, as_json: bool, no_progress: bool) -> int:
    # A run does without these imports.
    from ..api import preview_pull
    from .output.listings import log_failed_lists, print_plan

    config, workspace = Config.load(settings().config), request.workspace
    with displaying(no_progress=no_progress) as observer:
        found = run_job(
            lambda stop: preview_pull(
                config, workspace.to, request.options, state=workspace.state, observer=observer, stop=stop
            )
        )
    print_plan(found, as_json)
    return log_failed_lists(found.failed_lists)
