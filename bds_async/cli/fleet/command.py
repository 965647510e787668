"""`bds-async fleet`: run `sync` or `pull` for a list of tenants, independently."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from difflib import get_close_matches
from functools import partial
from pathlib import Path
from typing import cast, get_args

import click

from ...doctor import Examination
from ...errors import DestinationError, rank
from ...options import WORKERS, RunOptions
from ...report import FleetReport, TenantResult
from ...runs.fleet import Attempt, run_fleet
from ...support.clock import Stopwatch
from ...support.log import event
from ...support.running import Stop
from ...transfer import Bodies
from ...watching import demand_writable, fleet_finished, fleet_planned, write
from ..doctor import print_check, print_results
from ..help import GroupedCommand
from ..options.selection import cluster_option
from ..options.settings import common_options, settings
from ..options.values import ReportPath, WholeNumber
from ..process.memory import prepare_for_bodies
from ..process.running import run as run_job
from .member import Bound, Member, members_of
from .options import FleetCommand

logger = logging.getLogger(__name__)


@click.command("fleet", cls=GroupedCommand)
@click.argument("words", nargs=-1, required=True, metavar="[pull|sync] FILE")
@click.option("--group", "groups", multiple=True, metavar="NAME", help="Only this group. May be repeated.")
@click.option("--check", is_flag=True, help="Make the checks of doctor for each tenant; deliver nothing.")
@click.option(
    "--tenants-at-once",
    type=WholeNumber(min=1),
    default=4,
    show_default=True,
    metavar="N",
    help="Number of tenants under way at a time.",
)
@click.option(
    "--workers",
    type=WholeNumber(*WORKERS),
    default=RunOptions().workers,
    show_default=True,
    metavar="N",
    help="Number of parallel downloads of all tenants together.",
)
@cluster_option
@click.option("--report", type=ReportPath(), metavar="FILE", help="Write the report of the fleet (JSON).")
@common_options
def command(
    words: tuple[str, ...],
    groups: tuple[str, ...],
    *,
    check: bool,
    tenants_at_once: int,
    workers: int,
    cluster: str | None,
    report: Path | None,
) -> int:
    """Run sync, or pull, for each tenant of a fleet file.

    Each tenant has its own token, lock, ledger, report and exit code, and one that fails stops no other. The exit code
    of the fleet is the worst of them. The file is TOML: [[tenant]] with name, config and to for each, and optionally
    state, group and [tenant.options]; [defaults] holds options for all. `recipe fleet` prints an example.
    """
    kind, file = parsed(words)
    if check and cluster is not None:
        raise click.UsageError("--check makes no run, and does not look at a cluster: leave out --cluster.")
    members = members_of(file, kind, settings(), Bound(workers, cluster), groups, report=report)
    if report is not None:
        demand_writable(report, "report")
    prepare_for_bodies()
    fleet_planned(len(members)).log(logger)
    done = run_job(lambda stop: carried_out(members, kind, tenants_at_once, workers, stop, check=check))
    fleet_finished(done).log(logger)
    if report is not None:
        _save(done, report)
    return done.exit_code


def parsed(words: Sequence[str]) -> tuple[FleetCommand, Path]:
    """Return the command and the fleet file."""
    *commands, file = words
    known = get_args(FleetCommand)
    if len(commands) > 1:
        raise click.UsageError("Name pull or sync, or neither, and one fleet file.")
    if commands and commands[0] not in known:
        near = get_close_matches(commands[0], known, n=1)
        advice = f"did you mean {near[0]}?" if near else "name pull or sync, or neither, and one fleet file."
        raise click.UsageError(f"'{commands[0]}' is no command of fleet: {advice}")
    return (cast("FleetCommand", commands[0]) if commands else "sync"), Path(file)


def _save(done: FleetReport, path: Path) -> None:
    """Write the report; raises DestinationError if its exit code wins over those of the tenants."""
    try:
        write(path, done.to_json(), "report")
    except DestinationError as error:
        if rank(error.exit_code) < rank(done.exit_code):
            raise
        logger.error("%s", error, extra=event("report.failed"))


async def carried_out(
    members: Sequence[Member], kind: FleetCommand, at_once: int, workers: int, stop: Stop, *, check: bool = False
) -> FleetReport:
    """Run or check every member, and report the result of each."""
    watch, bodies = Stopwatch(), Bodies(workers)
    attempts: list[Attempt[TenantResult]] = [
        partial(member.check, partial(_show, member.name)) if check else partial(member.run, bodies)
        for member in members
    ]
    results = await run_fleet(attempts, at_once, stop)
    return FleetReport(
        command=f"fleet {'check' if check else kind}",
        started=watch.started,
        finished=watch.finished,
        seconds=watch.seconds,
        exit_code=min((result.exit_code for result in results), key=rank),
        tenants=results,
    )


def _show(name: str, found: Examination) -> None:
    """Print the checks of one tenant."""
    click.echo(f"{name}:")
    for check in found.checks:
        print_check(check)
    print_results(found)
