"""The run report as a Prometheus textfile, for the node exporter's textfile collector."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path

from .report import RunReport, Status

#: Name, type and help of each metric.
METRICS = {
    "bds_async_last_run_timestamp_seconds": ("gauge", "When the last run ended (Unix time)."),
    "bds_async_last_success_timestamp_seconds": ("gauge", "When the last run ended that left with 0 (Unix time)."),
    "bds_async_last_exit_code": ("gauge", "Exit code of the last run."),
    "bds_async_last_run_seconds": ("gauge", "How long the last run took."),
    "bds_async_last_run_bytes": ("gauge", "Bytes that the last run published."),
    "bds_async_last_run_extracts": ("gauge", "Extracts of the last run by how they ended."),
    "bds_async_last_run_failed_lists": ("gauge", "Extract lists that the last run could not have."),
    "bds_async_last_run_open_gaps": ("gauge", "Gaps in the differentials that the last run could not close."),
    "bds_async_last_run_retries": ("gauge", "Requests of the last run that were tried again."),
    "bds_async_last_run_token_refreshes": ("gauge", "Access tokens that the last run asked for."),
    "bds_async_last_run_rate_limit_waits": ("gauge", "How often the last run waited because the tenant asked."),
    "bds_async_newest_delivered_timestamp_seconds": (
        "gauge",
        "Queued date of the newest extract delivered (Unix time).",
    ),
}
_LAST_SUCCESS = "bds_async_last_success_timestamp_seconds"


def textfile(report: RunReport, newest_delivered: Mapping[str, datetime], former: str = "") -> str:
    """The metrics of a run; `former` is the file of the run before, which remembers the last success.

    `newest_delivered` is the newest delivered queued date for each data set's folder.
    """
    success = report.finished.timestamp() if report.exit_code == 0 else _last_success(former)
    samples: dict[str, Iterable[tuple[str, float]]] = {
        "bds_async_last_run_timestamp_seconds": [("", report.finished.timestamp())],
        _LAST_SUCCESS: [("", success)] if success is not None else [],
        "bds_async_last_exit_code": [("", report.exit_code)],
        "bds_async_last_run_seconds": [("", report.seconds)],
        "bds_async_last_run_bytes": [("", report.published_bytes)],
        "bds_async_last_run_extracts": [(_label("status", status.value), report.count(status)) for status in Status],
        "bds_async_last_run_failed_lists": [("", len(report.failed_lists))],
        "bds_async_last_run_open_gaps": [("", sum(gap.closed_by is None for gap in report.gaps))],
        "bds_async_last_run_retries": [("", report.counters.retries)],
        "bds_async_last_run_token_refreshes": [("", report.counters.token_refreshes)],
        "bds_async_last_run_rate_limit_waits": [("", report.counters.rate_limit_waits)],
        "bds_async_newest_delivered_timestamp_seconds": [
            (_label("data_set", folder), moment.timestamp()) for folder, moment in sorted(newest_delivered.items())
        ],
    }
    return "".join(_family(name, samples[name]) for name in METRICS)


def read_former(path: Path) -> str:
    """The textfile of the run before; empty if there is none that can be read."""
    try:
        return path.read_text("utf-8", errors="replace")
    except OSError:
        return ""


def _family(name: str, samples: Iterable[tuple[str, float]]) -> str:
    kind, purpose = METRICS[name]
    lines = "".join(f"{name}{labels} {value:.17g}\n" for labels, value in samples)
    return f"# HELP {name} {purpose}\n# TYPE {name} {kind}\n{lines}" if lines else ""


def _label(name: str, value: str) -> str:
    escaped = value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
    return f'{{{name}="{escaped}"}}'


def _last_success(former: str) -> float | None:
    found = re.search(rf"^{_LAST_SUCCESS} (\d+(?:\.\d+)?)$", former, re.MULTILINE)
    return float(found[1]) if found else None
