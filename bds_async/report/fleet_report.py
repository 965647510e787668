"""The report of a fleet: the result of each tenant."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from .entries import Moment, fields_of
from .run_report import REPORT_VERSION, RunReport, RunReportDocument


@dataclass(frozen=True, slots=True, kw_only=True)
class TenantResult:
    """What became of one tenant; `report` is that of its run, None where it got no plan or there was no run."""

    name: str
    group: str | None
    exit_code: int
    error: str | None = None
    report: RunReport | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetReport:
    """The result of a fleet; `exit_code` is the worst of its tenants by the documented order."""

    command: str
    started: datetime
    finished: datetime
    seconds: float
    exit_code: int
    tenants: Sequence[TenantResult]

    def document(self) -> dict[str, Any]:
        """Return the report as JSON has it."""
        return fields_of(FleetReportDocument.of(self))

    def to_json(self) -> str:
        """Return the text that `--report` writes; bytes of file names that are not text become JSON escapes."""
        text = json.dumps(self.document(), ensure_ascii=False, indent=1) + "\n"
        return text.encode("utf-8", "backslashreplace").decode("utf-8")


@dataclass(frozen=True, slots=True, kw_only=True)
class TenantEntry:
    """One tenant of a fleet; `error` says what ended its run early, `report` is null where it got no plan."""

    name: str
    group: str | None
    exit_code: int
    error: str | None
    report: RunReportDocument | None

    @classmethod
    def about(cls, result: TenantResult) -> TenantEntry:
        """Create the entry of a tenant."""
        return cls(
            name=result.name,
            group=result.group,
            exit_code=result.exit_code,
            error=result.error,
            report=RunReportDocument.of(result.report) if result.report is not None else None,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetReportDocument:
    """The report of a fleet, as `fleet --report FILE` writes it; `exit_code` is the worst of its tenants."""

    report_version: Literal[1]
    command: str
    started: Moment
    finished: Moment
    exit_code: int
    tenants: tuple[TenantEntry, ...]

    @classmethod
    def of(cls, report: FleetReport) -> FleetReportDocument:
        """Create the document of a report."""
        return cls(
            report_version=REPORT_VERSION,
            command=report.command,
            started=report.started,
            finished=report.finished,
            exit_code=report.exit_code,
            tenants=tuple(map(TenantEntry.about, report.tenants)),
        )
