"""The result of a run: the outcome of each extract, gaps, completeness, and the run report as JSON."""

from __future__ import annotations

from .entries import ExtractEntry, Moment, Seconds, fields_of, json_line, json_schema_of
from .fleet_report import FleetReport, FleetReportDocument, TenantResult
from .mirror import AppliedExtract, MirrorSummary, MirrorTableSummary, Problem, ProblemKind
from .outcomes import (
    Arrival,
    Completeness,
    Counters,
    FailedList,
    Gap,
    Outcome,
    Status,
)
from .reading import LONGEST, NoRunReport, read_run_report
from .run_report import REPORT_VERSION, ReportedExtract, RunReport, RunReportDocument, Totals
from .times import AttemptTimes, Hold, HoldKind

__all__ = [
    "LONGEST",
    "REPORT_VERSION",
    "AppliedExtract",
    "Arrival",
    "AttemptTimes",
    "Completeness",
    "Counters",
    "ExtractEntry",
    "FailedList",
    "FleetReport",
    "FleetReportDocument",
    "Gap",
    "Hold",
    "HoldKind",
    "MirrorSummary",
    "MirrorTableSummary",
    "Moment",
    "NoRunReport",
    "Outcome",
    "Problem",
    "ProblemKind",
    "ReportedExtract",
    "RunReport",
    "RunReportDocument",
    "Seconds",
    "Status",
    "TenantResult",
    "Totals",
    "fields_of",
    "json_line",
    "json_schema_of",
    "read_run_report",
]
