"""The run report, as a value and as the JSON that `--report` writes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, Literal

from .. import __version__
from ..columns import SchemaChange
from .entries import Count, ExtractEntry, Moment, Seconds, fields_of, json_text
from .mirror import MirrorSummary
from .outcomes import Arrival, Completeness, Counters, FailedList, Gap, Outcome, Status
from .times import AttemptTimes, Hold

REPORT_VERSION: Literal[1] = 1


@dataclass(frozen=True, slots=True, repr=False)
class RunReport:
    """The result of a run.

    `started` and `finished` are by the wall clock, `finished` not before `started`; `seconds` is the duration by the
    monotonic clock. `lacks` says what is missing and why, None if the report is complete. `newest_delivered`
    is the newest delivered queued date of each data set of the ledger by its name; it is for metrics, not for the JSON.
    `mirror` is None for a run without a mirror. `workers` and `limit_rate` (bytes a second, None without a limit) are
    options of the run, `ended_by` is the error that ended it early, None for a run that came to its end. `holds` are
    the times in which no new request was sent.
    """

    command: str
    tenant: str
    started: datetime
    finished: datetime
    seconds: float
    exit_code: int
    outcomes: Sequence[Outcome]
    failed_lists: Sequence[FailedList] = ()
    counters: Counters = field(default_factory=Counters)
    data_sets: Sequence[Completeness] = ()
    gaps: Sequence[Gap] = ()
    lacks: str | None = None
    newest_delivered: Mapping[str, datetime] = field(default_factory=dict)
    mirror: MirrorSummary | None = None
    workers: int = 0
    limit_rate: int | None = None
    ended_by: str | None = None
    holds: Sequence[Hold] = ()

    def __repr__(self) -> str:
        counts = ", ".join(f"{self.count(status)} {status}" for status in Status if self.count(status))
        return f"<RunReport {self.command}: {counts or 'no extracts'}; exit code {self.exit_code}>"

    def count(self, status: Status) -> int:
        """Return the number of extracts with this status."""
        return sum(outcome.status is status for outcome in self.outcomes)

    @property
    def published_bytes(self) -> int:
        """Bytes of the files that this run published."""
        return sum(outcome.bytes or 0 for outcome in self.outcomes if outcome.status is Status.DOWNLOADED)

    def document(self) -> dict[str, Any]:
        """Return the report as JSON has it."""
        return fields_of(RunReportDocument.of(self))

    def to_json(self) -> str:
        """Return the text that `--report` writes; bytes of file names that are not text become JSON escapes."""
        return json_text(RunReportDocument.of(self))


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """The sums of a run.

    `planned` counts every extract of the report, those with status `pending` too. `bytes` are those of the files that
    this run published.
    """

    planned: Count
    downloaded: Count
    skipped: Count
    failed: Count
    bytes: Count
    seconds: Seconds
    retries: Count
    token_refreshes: Count
    rate_limit_waits: Count

    @classmethod
    def of(cls, report: RunReport) -> Totals:
        """Sum up a run."""
        return cls(
            planned=len(report.outcomes),
            downloaded=report.count(Status.DOWNLOADED),
            skipped=report.count(Status.SKIPPED),
            failed=report.count(Status.FAILED),
            bytes=report.published_bytes,
            seconds=report.seconds,
            **asdict(report.counters),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportedExtract(ExtractEntry):
    """What became of one extract.

    `path` is relative to the folder, with `/`. `bytes` and `sha256` are those of the published file. `attempts` counts
    the requests that failed plus the last one, `resumed_bytes` the bytes that an earlier run had left. `columns` is
    the header of the CSV. `text_columns` are the columns of a new Parquet file that are text, since a value does not
    fit the documented type. `worker` is the machine of a cluster that fetched the extract. `attempt_times` are the
    attempts of this run, at most 1,000. What is not known is null.
    """

    status: Status
    path: str | None
    bytes: Count | None
    sha256: str | None
    attempts: Count
    resumed_bytes: Count
    seconds: Seconds
    error: str | None
    columns: tuple[str, ...] | None
    schema_change: SchemaChange | None
    text_columns: tuple[str, ...] | None
    arrival: Arrival | None
    worker: str | None
    attempt_times: tuple[AttemptTimes, ...]

    @classmethod
    def about(cls, outcome: Outcome) -> ReportedExtract:
        """Create the entry of an outcome."""
        extract = outcome.extract
        return cls.of(
            extract,
            extract.data_set,
            extract.schema_id,
            status=outcome.status,
            path=outcome.path,
            bytes=outcome.bytes,
            sha256=outcome.sha256,
            attempts=outcome.attempts,
            resumed_bytes=outcome.resumed_bytes,
            seconds=outcome.seconds,
            error=outcome.error,
            columns=outcome.columns,
            schema_change=outcome.schema_change,
            text_columns=outcome.text_columns,
            arrival=outcome.arrival,
            worker=outcome.worker,
            attempt_times=tuple(outcome.attempt_times),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class RunReportDocument:
    """The run report, as `pull`, `sync` and `verify --repair` write it with `--report FILE`.

    `lacks` says what is missing and why, null if the report is complete. `mirror` is null for a run without a
    mirror. `program_version` is that of bds-async, `workers` the number of parallel downloads, `limit_rate` the limit
    in bytes a second, null without one. `ended_by` says what ended the run early, null for a run that came to its end.
    `holds` are the times in which no new request was sent to the tenant, at most 1,000. A report of an older version
    has no times.
    """

    report_version: Literal[1]
    command: str
    tenant: str
    started: Moment
    finished: Moment
    exit_code: int
    totals: Totals
    extracts: tuple[ReportedExtract, ...]
    data_sets: tuple[Completeness, ...]
    gaps: tuple[Gap, ...]
    failed_lists: tuple[FailedList, ...]
    lacks: str | None
    mirror: MirrorSummary | None
    program_version: str | None
    workers: Count | None
    limit_rate: Count | None
    ended_by: str | None
    holds: tuple[Hold, ...]

    @classmethod
    def of(cls, report: RunReport) -> RunReportDocument:
        """Create the document of a report."""
        return cls(
            report_version=REPORT_VERSION,
            command=report.command,
            tenant=report.tenant,
            started=report.started,
            finished=report.finished,
            exit_code=report.exit_code,
            totals=Totals.of(report),
            extracts=tuple(map(ReportedExtract.about, report.outcomes)),
            data_sets=tuple(report.data_sets),
            gaps=tuple(report.gaps),
            failed_lists=tuple(report.failed_lists),
            lacks=report.lacks,
            mirror=report.mirror,
            program_version=__version__,
            workers=report.workers,
            limit_rate=report.limit_rate,
            ended_by=report.ended_by,
            holds=tuple(report.holds),
        )
