"""The notices of a fleet: the number of its tenants, and their results."""

from __future__ import annotations

import logging
from itertools import islice

from ..errors import rank
from ..report import FleetReport, Status, TenantResult
from ..support.text import counted, size_text
from .notice import Notice

#: The most tenants with the same exit code that the summary names.
MOST_NAMES = 20


def fleet_planned(tenants: int) -> Notice:
    """Return the notice of the number of tenants in a fleet."""
    return Notice(logging.INFO, f"{counted(tenants, 'tenant')} in the fleet.", "fleet.planned", {"tenants": tenants})


def fleet_finished(report: FleetReport) -> Notice:
    """Return the summary of a fleet; unless all are done, it is an error that names the tenants by exit code."""
    by_code: dict[int, list[TenantResult]] = {}
    for result in report.tenants:
        by_code.setdefault(result.exit_code, []).append(result)
    done = len(by_code.pop(0, ()))
    parts = [f"{done} of {counted(len(report.tenants), 'tenant')} done"]
    parts += [f"exit code {code}: {_names(by_code[code])}" for code in sorted(by_code, key=rank)]
    reports = [result.report for result in report.tenants if result.report is not None]
    downloaded = sum(each.count(Status.DOWNLOADED) for each in reports)
    size = sum(each.published_bytes for each in reports)
    totals = f" {counted(downloaded, 'extract')} downloaded, {size_text(size)} in {report.seconds:.1f} s."
    text = f"{'; '.join(parts)}.{totals if reports else ''}"
    fields = {
        "exit_code": report.exit_code,
        "tenants": len(report.tenants),
        "done": done,
        "failed": {str(code): len(results) for code, results in by_code.items()},
        "downloaded": downloaded,
        "bytes": size,
        "seconds": report.seconds,
    }
    return Notice(logging.ERROR if by_code else logging.INFO, text, "fleet.finished", fields)


def _names(results: list[TenantResult]) -> str:
    names = ", ".join(result.name for result in islice(results, MOST_NAMES))
    more = len(results[MOST_NAMES:])
    return f"{names} and {more} more" if more else names
