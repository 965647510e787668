"""`bds-async verify`: the published files against the ledger and their own CRCs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from ..config.settings import Config
from ..errors import ConfigError
from ..events import Observer
from ..ledger import Delivery
from ..models import utc_text
from ..options import RunOptions
from ..runs.discrepancies import Discrepancy, Fault, Remedy, Verification
from ..runs.verification import verify
from ..support.running import beside, time_limits
from ..support.text import counted, printable
from .running import run as run_job
from .selection import fetching_options, to_option, watching_options
from .settings import common_options, settings
from .watching import all_of, observers


@click.command("verify", short_help="Check the published files.")
@to_option
@click.option("--json", "as_json", is_flag=True, help="One JSON document in place of lines.")
@click.option("--repair", is_flag=True, help="Fetch again what is bad or missing and still listed.")
@fetching_options
@watching_options
@common_options
def command(
    to: Path, *, as_json: bool, repair: bool, run: dict[str, Any], report: Path | None, no_progress: bool
) -> int:
    """Check every published file against the ledger and its own CRCs.

    Lists the files that are missing, changed, corrupt, or unknown to the ledger. Exit code 3 for changed or corrupt
    ones; a loader may have taken the missing. The options of a run count with --repair.
    """
    if report is not None and not repair:
        raise ConfigError("--report goes with --repair; what is found goes to stdout, with --json as JSON.")
    observer = all_of(observers(to, report=report, no_progress=no_progress))
    options = RunOptions(**run)
    found = _repaired(to, options, observer) if repair else _verified(to, options, observer)
    click.echo(json.dumps(_document(found, to), indent=1) if as_json else "\n".join(_lines(found)))
    return found.exit_code


def _verified(to: Path, options: RunOptions, observer: Observer) -> Verification:
    return run_job(
        lambda stop: beside(verify(to, options.verify, observer), stop.obey(), *time_limits(options.max_time))
    )


def _repaired(to: Path, options: RunOptions, observer: Observer) -> Verification:
    from ..runs.repair import repair

    config = Config.load(settings().config)
    return run_job(lambda stop: repair(config, to, options, observer=observer, stop=stop))


def _lines(found: Verification) -> Iterator[str]:
    for each in found.discrepancies:
        remedy = f" [{each.remedy}{f': {each.error}' if each.error else ''}]" if each.remedy else ""
        yield printable(f"{each.fault:<7}  {each.path}: {each.detail}{remedy}")
    totals = _totals(found)
    parts = [f"{count} {what}" for what, count in totals.items() if what != "files" and (count or what == "right")]
    yield f"{counted(found.files, 'file')} in the ledger: {', '.join(parts)}."


def _document(found: Verification, to: Path) -> dict[str, object]:
    return {
        "folder": str(to),
        "exit_code": found.exit_code,
        "totals": _totals(found),
        "files": [_entry(each) for each in found.discrepancies],
    }


def _totals(found: Verification) -> dict[str, int]:
    counts = {kind.value: found.count(kind) for kind in (*Fault, *Remedy)}
    wrong = len(found.discrepancies) - found.count(Fault.UNKNOWN)
    return {"files": found.files, "right": found.files - wrong, **counts}


def _entry(each: Discrepancy) -> dict[str, object]:
    return {
        "path": each.path,
        "fault": each.fault.value,
        "detail": each.detail,
        "remedy": each.remedy and each.remedy.value,
        "error": each.error,
        "delivered": each.delivery and _delivered(each.delivery),
    }


def _delivered(delivery: Delivery) -> dict[str, object]:
    identity = delivery.identity
    return {
        "data_set": delivery.data_set,
        "schema_id": delivery.schema_id,
        "plugin_id": identity.plugin_id,
        "bds_type": identity.bds_type.value,
        "queued_for_processing_date": utc_text(identity.queued_for_processing_date),
        "created_date": utc_text(identity.created_date),
        "version": identity.version,
        "bytes": delivery.bytes,
        "sha256": delivery.sha256,
    }
