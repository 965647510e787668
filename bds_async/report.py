"""Outcomes, totals, and the run report that is made of them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from . import clock
from .models import Extract, Identity, utc_text

REPORT_VERSION = 1


class Status(StrEnum):
    """How an extract of the plan ended; PENDING where the run ended before its turn."""

    DOWNLOADED = "downloaded"
    SKIPPED = "skipped"
    FAILED = "failed"
    PENDING = "pending"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one extract.

    `path` is relative to the folder, with `/`; `bytes` and `sha256` are those of the published file; `seconds` is
    from its first request to its final name. What is not known is None.
    """

    extract: Extract
    status: Status
    path: str | None = None
    bytes: int | None = None
    sha256: str | None = None
    columns: tuple[str, ...] | None = None
    attempts: int = 0
    resumed_bytes: int = 0
    seconds: float = 0.0
    error: str | None = None


@dataclass(frozen=True, slots=True)
class FailedList:
    """A data set whose extract list could not be had, and why."""

    data_set: str
    schema_id: str | None
    error: str


@dataclass(slots=True)
class Counters:
    """What the parts of a run count as they work."""

    retries: int = 0
    token_refreshes: int = 0
    rate_limit_waits: int = 0


@dataclass(frozen=True, slots=True)
class RunReport:
    """The whole of a run, as `--report` writes it."""

    command: str
    tenant: str
    started: datetime
    finished: datetime
    exit_code: int
    outcomes: Sequence[Outcome]
    failed_lists: Sequence[FailedList] = ()
    counters: Counters = field(default_factory=Counters)

    def count(self, status: Status) -> int:
        """How many extracts ended so."""
        return sum(outcome.status is status for outcome in self.outcomes)

    @property
    def published_bytes(self) -> int:
        """Bytes of the files that this run published."""
        return sum(outcome.bytes or 0 for outcome in self.outcomes if outcome.status is Status.DOWNLOADED)

    @property
    def seconds(self) -> float:
        """How long the run took; nothing where the clock was set back meanwhile."""
        return max(0.0, (self.finished - self.started).total_seconds())

    def document(self) -> dict[str, Any]:
        """The report as JSON has it."""
        return {
            "report_version": REPORT_VERSION,
            "command": self.command,
            "tenant": self.tenant,
            "started": utc_text(self.started),
            "finished": utc_text(self.finished),
            "exit_code": self.exit_code,
            "totals": self._totals(),
            "extracts": [_entry(outcome) for outcome in self.outcomes],
            "data_sets": [],
            "gaps": [],
            "failed_lists": [asdict(failed) for failed in self.failed_lists],
        }

    def to_json(self) -> str:
        """The report's text, as `--report` writes it; bytes of file names that are no text stand as JSON's escapes."""
        text = json.dumps(self.document(), ensure_ascii=False, indent=1) + "\n"
        return text.encode("utf-8", "backslashreplace").decode("utf-8")

    def _totals(self) -> dict[str, Any]:
        return {
            "planned": len(self.outcomes),
            **{status.value: self.count(status) for status in (Status.DOWNLOADED, Status.SKIPPED, Status.FAILED)},
            "bytes": self.published_bytes,
            "seconds": round(self.seconds, 3),
            **asdict(self.counters),
        }


class RunLog:
    """Collects what happens in a run, from the moment that there is a plan; `counters` may change until the report."""

    def __init__(self, command: str, tenant: str) -> None:
        self.counters = Counters()
        self._command = command
        self._tenant = tenant
        self._started = clock.now()
        self._planned: list[Extract] | None = None
        self._outcomes: dict[Identity, Outcome] = {}
        self._failed_lists: Sequence[FailedList] = ()

    def plan(self, extracts: Sequence[Extract], failed_lists: Sequence[FailedList]) -> None:
        """Take note of the plan: each of these extracts will stand in the report."""
        self._planned = list(extracts)
        self._failed_lists = failed_lists

    def note(self, outcome: Outcome) -> None:
        """Take note of what became of one extract."""
        self._outcomes[outcome.extract.identity] = outcome

    @property
    def has_plan(self) -> bool:
        """Whether the run got as far as a plan, so that there is something to report."""
        return self._planned is not None

    @property
    def exit_code(self) -> int:
        """Exit code of a run that nothing stopped: 3 if something failed, else 0."""
        failed = any(outcome.status is Status.FAILED for outcome in self._outcomes.values())
        return 3 if failed or self._failed_lists else 0

    def report(self, exit_code: int) -> RunReport:
        """The report as of now; what has no outcome yet is pending."""
        return RunReport(
            command=self._command,
            tenant=self._tenant,
            started=self._started,
            finished=clock.now(),
            exit_code=exit_code,
            outcomes=[
                self._outcomes.get(extract.identity, Outcome(extract, Status.PENDING))
                for extract in self._planned or ()
            ],
            failed_lists=self._failed_lists,
            counters=replace(self.counters),
        )


def _entry(outcome: Outcome) -> dict[str, Any]:
    return {
        **identity_fields(outcome.extract),
        "status": outcome.status.value,
        "path": outcome.path,
        "bytes": outcome.bytes,
        "sha256": outcome.sha256,
        "attempts": outcome.attempts,
        "resumed_bytes": outcome.resumed_bytes,
        "seconds": round(outcome.seconds, 3),
        "error": outcome.error,
        "columns": list(outcome.columns) if outcome.columns is not None else None,
        "schema_change": None,
    }


def identity_fields(extract: Extract) -> dict[str, Any]:
    """The fields by which reports, plans and listings name an extract; never its link, which may be signed."""
    return {
        "data_set": extract.data_set,
        "schema_id": extract.schema_id,
        "plugin_id": extract.plugin_id,
        "bds_type": extract.bds_type.value,
        "queued_for_processing_date": utc_text(extract.queued_for_processing_date),
        "created_date": utc_text(extract.created_date),
        "version": extract.version,
    }
