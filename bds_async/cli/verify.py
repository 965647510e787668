"""`bds-async verify`: check the published files against the ledger and their own CRCs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from functools import partial
from typing import Any

import click

from ..api import repair as run_repair
from ..api import verify
from ..config import Config
from ..errors import ConfigError
from ..events import Observer
from ..options import RunOptions
from ..report import fields_of
from ..runs.discrepancies import Fault, Remedy, Verification
from ..support.running import Stop, beside, time_limits
from ..support.text import counted, printable
from ..workspace import Workspace
from .help import GroupedCommand
from .options.selection import fetching_options, watching_options, workspace_options
from .options.settings import common_options, settings
from .output.documents import VerifiedFile, VerifyDocument, VerifyTotals
from .output.report_files import ReportFiles
from .output.watching import all_of, observing, savers
from .process.running import run as run_job

#: The faults of files in the ledger, and the wording of the remedies.
_OF_THE_LEDGER = (Fault.MISSING, Fault.CHANGED, Fault.CORRUPT)
_REMEDIES = {"repaired": "fetched again", "failed": "failed", "unlisted": "no longer listed"}


@click.command("verify", cls=GroupedCommand)
@workspace_options
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document instead of lines.")
@click.option("--repair", is_flag=True, help="Fetch again what is bad or missing, if it is still listed.")
@click.option("--full", is_flag=True, help="Read each object of a store; files are always read.")
@fetching_options
@watching_options
@common_options
def command(
    workspace: Workspace,
    *,
    as_json: bool,
    repair: bool,
    full: bool,
    run: dict[str, Any],
    files: ReportFiles,
    no_progress: bool,
) -> int:
    """Check every published file against the ledger and its own CRCs.

    Lists the files that are missing, changed, corrupt, or unknown to the ledger. Changed or corrupt files are exit
    code 3; missing files are not, since a loader may have taken them. Fetching options apply to --repair. In an object
    store, sizes and checksums are compared, and only --full reads the objects.
    """
    if files.options and not repair:
        option = files.options[0]
        raise ConfigError(f"{option} needs --repair; the result of a check goes to stdout, with --json as JSON.")
    options = RunOptions(**run)
    check = partial(_repaired, files=files) if repair else _verified
    with observing(workspace, no_progress=no_progress) as observer:
        found = check(workspace, options, observer, full=full)
    click.echo(json.dumps(fields_of(_document(found, workspace.to)), indent=1) if as_json else "\n".join(_lines(found)))
    return found.exit_code


def _verified(workspace: Workspace, options: RunOptions, observer: Observer, *, full: bool) -> Verification:
    return run_job(
        lambda stop: beside(
            verify(workspace.to, options.verify, full=full, state=workspace.state, observer=observer, stop=stop),
            *time_limits(options.max_time, stop),
        )
    )


def _repaired(
    workspace: Workspace, options: RunOptions, observer: Observer, *, full: bool, files: ReportFiles
) -> Verification:
    config = Config.load(settings().config)

    async def job(stop: Stop) -> Verification:
        """Repair, and write the report files."""
        save = all_of(savers(workspace, stop, files))
        return await run_repair(
            config, workspace.to, options, full=full, state=workspace.state, observer=observer, stop=stop, save=save
        )

    return run_job(job)


def _lines(found: Verification) -> Iterator[str]:
    for each in found.discrepancies:
        remedy = f" [{each.remedy}{f': {each.error}' if each.error else ''}]" if each.remedy else ""
        remedy = settings().in_use.complete(remedy)
        yield printable(f"{each.fault:<7}  {each.path}: {each.detail}{remedy}")
    totals = asdict(VerifyTotals.of(found))
    yield f"{counted(found.files, 'file')} in the ledger: {', '.join(_counts(found))}."
    if totals["unknown"]:
        yield f"{counted(totals['unknown'], 'file')} in the folder that the ledger does not know."
    if remedies := [f"{totals[each]} {_REMEDIES[each]}" for each in _REMEDIES if totals[each]]:
        yield f"Repair: {', '.join(remedies)}."


def _counts(found: Verification) -> Iterator[str]:
    """The numbers of right and wrong files of the ledger now, after a repair."""
    wrong = [each.fault for each in found.discrepancies if each.remedy is not Remedy.REPAIRED]
    counts = {kind: wrong.count(kind) for kind in _OF_THE_LEDGER}
    yield f"{found.files - sum(counts.values())} right"
    yield from (f"{count} {kind}" for kind, count in counts.items() if count)


def _document(found: Verification, to: str) -> VerifyDocument:
    return VerifyDocument(
        folder=to,
        exit_code=found.exit_code,
        totals=VerifyTotals.of(found),
        files=tuple(map(VerifiedFile.about, found.discrepancies)),
    )
