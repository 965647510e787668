"""The outcome of a run: what became of each extract, gaps, completeness, and the run report as JSON."""

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
from .run_report import REPORT_VERSION, RunReport, RunReportDocument

__all__ = [
    "REPORT_VERSION",
    "AppliedExtract",
    "Arrival",
    "Completeness",
    "Counters",
    "ExtractEntry",
    "FailedList",
    "FleetReport",
    "FleetReportDocument",
    "Gap",
    "MirrorSummary",
    "MirrorTableSummary",
    "Moment",
    "Outcome",
    "Problem",
    "ProblemKind",
    "RunReport",
    "RunReportDocument",
    "Seconds",
    "Status",
    "TenantResult",
    "fields_of",
    "json_line",
    "json_schema_of",
]
