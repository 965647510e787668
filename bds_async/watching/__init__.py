"""Observers of a run (live view, log, summary), and the output at its end: report, metrics, health check.

The live view, which needs rich, is imported from `view` only if there is a terminal.
"""

from __future__ import annotations

from .files import demand_writable, write
from .fleet_notices import fleet_finished, fleet_planned
from .lines import Lines, Summary
from .metrics_file import MetricsFile
from .mirror_notices import MirrorSoFar, mirror_finished, mirror_note, mirror_text, mirror_warnings
from .notice import Notice
from .notices import failures, gaps_open, list_failed, notice_of, plan_text
from .ping import Ping
from .tally import Tally

__all__ = [
    "Lines",
    "MetricsFile",
    "MirrorSoFar",
    "Notice",
    "Ping",
    "Summary",
    "Tally",
    "demand_writable",
    "failures",
    "fleet_finished",
    "fleet_planned",
    "gaps_open",
    "list_failed",
    "mirror_finished",
    "mirror_note",
    "mirror_text",
    "mirror_warnings",
    "notice_of",
    "plan_text",
    "write",
]
