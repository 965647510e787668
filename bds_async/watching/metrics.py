"""The run report as a Prometheus textfile, for the node exporter's textfile collector.

A run that ends before it has a plan has no report: its end and its exit code are written; the other metrics are kept.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import TypeAlias

from ..report import MirrorSummary, RunReport, Status

#: Name, type and help of each metric.
METRICS = {
    "bds_async_last_run_timestamp_seconds": ("gauge", "When the last run ended (Unix time)."),
    "bds_async_last_success_timestamp_seconds": ("gauge", "When the last run with exit code 0 ended (Unix time)."),
    "bds_async_last_exit_code": ("gauge", "Exit code of the last run."),
    "bds_async_last_run_seconds": ("gauge", "Duration of the last run with a plan, in seconds."),
    "bds_async_last_run_bytes": ("gauge", "Bytes that the last run with a plan published."),
    "bds_async_last_run_extracts": ("gauge", "Extracts of the last run with a plan, by status."),
    "bds_async_last_run_failed_lists": ("gauge", "Extract lists that the last run with a plan could not fetch."),
    "bds_async_last_run_open_gaps": (
        "gauge",
        "Open gaps in the differentials after the last run with a plan.",
    ),
    "bds_async_last_run_retries": ("gauge", "Requests that the last run with a plan retried."),
    "bds_async_last_run_token_refreshes": ("gauge", "Access tokens that the last run with a plan requested."),
    "bds_async_last_run_rate_limit_waits": (
        "gauge",
        "Waits of the last run with a plan for the tenant's rate limit.",
    ),
    "bds_async_last_run_mirror_extracts": ("gauge", "Extracts that the last run with a mirror applied to it."),
    "bds_async_last_run_mirror_rows": ("gauge", "Rows that the last run with a mirror changed in it, by kind."),
    "bds_async_last_run_mirror_skipped": (
        "gauge",
        "Extracts that the last run with a mirror could not apply: held back, missing or changed.",
    ),
    "bds_async_mirror_complete_through_timestamp_seconds": (
        "gauge",
        "Queued date up to which each table of the mirror has everything (Unix time).",
    ),
    "bds_async_newest_delivered_timestamp_seconds": (
        "gauge",
        "Queued date of the newest delivered extract of each data set (Unix time).",
    ),
}
_LAST_RUN = "bds_async_last_run_timestamp_seconds"
_LAST_SUCCESS = "bds_async_last_success_timestamp_seconds"
_EXIT_CODE = "bds_async_last_exit_code"
_NEWEST = "bds_async_newest_delivered_timestamp_seconds"
_THROUGH = "bds_async_mirror_complete_through_timestamp_seconds"
_SAMPLE = re.compile(
    r'^([a-z_]+)(\{[a-z_]+="(?:[^"\\\n]|\\[\\"n])*"\})? (-?\d+(?:\.\d+)?(?:e[+-]\d+)?)$', re.MULTILINE | re.ASCII
)

#: The samples of each metric: values by labels in their written form.
Samples: TypeAlias = dict[str, dict[str, float]]


def textfile(report: RunReport, former: str = "") -> str:
    """Return the metrics of a run; `former` is the text of the previous run, which has the last success."""
    success = {"": report.finished.timestamp()} if report.exit_code == 0 else _samples_of(former).get(_LAST_SUCCESS, {})
    samples: Samples = {
        **_end(report.exit_code, report.finished),
        _LAST_SUCCESS: success,
        "bds_async_last_run_seconds": {"": report.seconds},
        "bds_async_last_run_bytes": {"": report.published_bytes},
        "bds_async_last_run_extracts": {_label("status", status.value): report.count(status) for status in Status},
        "bds_async_last_run_failed_lists": {"": len(report.failed_lists)},
        "bds_async_last_run_open_gaps": {"": sum(gap.closed_by is None for gap in report.gaps)},
        "bds_async_last_run_retries": {"": report.counters.retries},
        "bds_async_last_run_token_refreshes": {"": report.counters.token_refreshes},
        "bds_async_last_run_rate_limit_waits": {"": report.counters.rate_limit_waits},
        _NEWEST: _newest(report, former),
        **(_mirror(report.mirror, former) if report.mirror is not None else {}),
    }
    return _text(samples)


def _mirror(mirror: MirrorSummary, former: str) -> Samples:
    """Return the metrics of a mirror; a table that this run could not update keeps its former moment."""
    counts = ("inserted", "updated", "deleted", "rejected", "drift")
    moments = {table.table: table.complete_through for table in mirror.tables}
    through = {_label("table", name): moment.timestamp() for name, moment in moments.items() if moment is not None}
    return {
        "bds_async_last_run_mirror_extracts": {"": sum(table.applied for table in mirror.tables)},
        "bds_async_last_run_mirror_rows": {
            _label("kind", name): sum(getattr(table, name) for table in mirror.tables) for name in counts
        },
        "bds_async_last_run_mirror_skipped": {"": sum(len(table.problems) for table in mirror.tables)},
        _THROUGH: through if mirror.error is None else _samples_of(former).get(_THROUGH, {}) | through,
    }


def _newest(report: RunReport, former: str) -> dict[str, float]:
    """Return the newest delivered queued date of each data set; the former ones if the ledger could not be read."""
    if report.lacks is not None:
        return _samples_of(former).get(_NEWEST, {})
    newest = sorted(report.newest_delivered.items())
    return {_label("data_set", name): moment.timestamp() for name, moment in newest}


def without_plan(exit_code: int, finished: datetime, former: str) -> str:
    """Return the metrics of a run that ended before it had a plan; the others are those of `former`."""
    return _text(_samples_of(former) | _end(exit_code, finished))


def _end(exit_code: int, finished: datetime) -> Samples:
    return {_LAST_RUN: {"": finished.timestamp()}, _EXIT_CODE: {"": exit_code}}


def read_former(path: Path) -> str:
    """Return the textfile of the previous run; an empty text if there is no readable one."""
    try:
        return path.read_text("utf-8", errors="replace") if path.is_file() else ""
    except OSError:
        return ""


def _samples_of(former: str) -> Samples:
    found: Samples = {}
    for name, labels, value in _SAMPLE.findall(former):
        found.setdefault(name, {})[labels] = float(value)
    return found


def _text(samples: Samples) -> str:
    return "".join(_family(name, samples.get(name, {})) for name in METRICS)


def _family(name: str, samples: Mapping[str, float]) -> str:
    kind, purpose = METRICS[name]
    lines = "".join(f"{name}{labels} {value:.17g}\n" for labels, value in samples.items())
    return f"# HELP {name} {purpose}\n# TYPE {name} {kind}\n{lines}" if lines else ""


def _label(name: str, value: str) -> str:
    escaped = value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
    return f'{{{name}="{escaped}"}}'
