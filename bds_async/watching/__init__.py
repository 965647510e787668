"""Observers of a run (bars, log lines, summary) and what is written at its end: report file, metrics, health check."""

from __future__ import annotations

from .bars import Bars
from .files import demand_writable, write
from .lines import Lines, Summary
from .metrics_file import MetricsFile
from .mirror_notices import mirror_finished, mirror_text, mirror_warnings
from .notice import Notice
from .notices import failures, gap_open, list_failed, notice_of, plan_text
from .ping import Ping
from .tally import Tally, size_text

__all__ = [
    "Bars",
    "Lines",
    "MetricsFile",
    "Notice",
    "Ping",
    "Summary",
    "Tally",
    "demand_writable",
    "failures",
    "gap_open",
    "list_failed",
    "mirror_finished",
    "mirror_text",
    "mirror_warnings",
    "notice_of",
    "plan_text",
    "size_text",
    "write",
]
