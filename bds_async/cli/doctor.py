"""`bds-async doctor`: check everything that a run depends on, and say what to do about each."""

from __future__ import annotations

import json
import textwrap
from collections import Counter

import click

from ..doctor import Check, CheckStatus, Examination, examine, unobserved
from ..support.text import counted, printable
from ..workspace import Workspace
from .help import GroupedCommand
from .options.selection import workspace_options
from .options.settings import common_options, settings
from .output.table import terminal_width
from .process.running import run_simple

#: Widths of the status and the name.
_STATUS, _NAME = 9, 15


@click.command("doctor", cls=GroupedCommand)
@workspace_options
@click.option(
    "--json",
    "as_json",
    is_flag=True,
    help="Print one JSON document without secrets, which also records undocumented behaviour of the tenant.",
)
@common_options
def command(workspace: Workspace, *, as_json: bool) -> int:
    """Check config, permissions, token, scopes, routes, downloads and disk, and say what to do about each.

    This exchanges the refresh token once, as every run does, and stores its successor. The smallest full and a
    differential of the same data set are fetched into a temporary folder; the destination is not created or locked.
    The exit code is that of the most serious failure.
    """
    observer = unobserved if as_json else print_check
    examination = run_simple(examine(settings().config, workspace, observer=observer))
    if as_json:
        click.echo(json.dumps(examination.document(), ensure_ascii=False, indent=2))
    else:
        _print_summary(examination)
    return examination.exit_code


def print_check(check: Check) -> None:
    """Print the result of a check; the skipped ones follow later in one line."""
    if check.needs:
        return
    _print_wrapped(f"{check.status.value:<{_STATUS}}{check.name:<{_NAME}}{_in_use(check.found)}")
    if check.to_do is not None:
        _print_wrapped(f"{'':<{_STATUS + _NAME}}-> {_in_use(check.to_do)}")


def _in_use(text: str) -> str:
    return settings().in_use.complete(printable(text))


def _print_wrapped(line: str) -> None:
    """Print a line; on a terminal, wrap it between words and continue below the third column."""
    width, indent = terminal_width(), " " * (_STATUS + _NAME)
    if width is not None and width > 2 * len(indent):
        line = textwrap.fill(line, width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)
    click.echo(line)


def print_results(examination: Examination) -> None:
    """Print the skipped checks, and the number of checks with each result."""
    if waiting := [check for check in examination.checks if check.needs]:
        names = ", ".join(check.name for check in waiting)
        print_check(Check(counted(len(waiting), "check"), CheckStatus.SKIPPED, f"Not checked after that: {names}."))
    count = Counter(check.status for check in examination.checks)
    click.echo(", ".join(f"{count[status]} {status.value}" for status in CheckStatus if count[status]) + ".")


def _print_summary(examination: Examination) -> None:
    print_results(examination)
    if examination.observations:
        click.echo("--json also shows what the tenant does with ranges, validators, links and names.")
