"""Outcomes, totals, and the run report that is made of them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from .columns import SchemaChange
from .models import Extract, utc_text

REPORT_VERSION = 1

_OPEN = (
    "no full that covers it is there yet. The next one closes it; to live with what was lost, `bds-async ledger accept`"
)


class Arrival(StrEnum):
    """How an extract comes in its data set's course, as the plan of a sync sees it.

    BASELINE: a full to begin with, or to begin anew after a gap. NEW: it follows all that was delivered. LATE: its
    queued date is older than that of something delivered before. REISSUED: the same queued date has been delivered
    already, with another created date or version.
    """

    BASELINE = "baseline"
    NEW = "new"
    LATE = "late"
    REISSUED = "reissued"


@dataclass(frozen=True, slots=True)
class Gap:
    """Differentials of a data set that were, or may have been, made and dropped unseen between two queued dates.

    `after` is None where nothing was delivered before, `before` where nothing is known behind the gap. `closed_by` is
    the path of the full that holds what was missed, or of the lost differential, delivered at last; None while the gap
    is open.
    """

    data_set: str
    schema_id: str | None
    after: datetime | None
    before: datetime | None
    closed_by: str | None = None

    def __str__(self) -> str:
        between = [f"after {utc_text(self.after)}"] if self.after is not None else []
        between += [f"before {utc_text(self.before)}"] if self.before is not None else []
        queued = f" queued {' and '.join(between)}" if between else ""
        end = f"closed by {self.closed_by}" if self.closed_by is not None else _OPEN
        return f"Differentials of {self.data_set}{queued} may have been missed: {end}."


@dataclass(frozen=True, slots=True)
class Completeness:
    """The queued date up to which everything of a data set is delivered; None if that is not known of any."""

    data_set: str
    schema_id: str | None
    complete_through: datetime | None


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
    schema_change: SchemaChange | None = None
    arrival: Arrival | None = None


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
    """The whole of a run, as `--report` writes it.

    `lacks` says why `data_sets` and `gaps` are missing, None where they are complete. `newest_delivered` is the newest
    delivered queued date of each data set of the ledger by its name; it is for metrics, and not in the JSON.
    """

    command: str
    tenant: str
    started: datetime
    finished: datetime
    exit_code: int
    outcomes: Sequence[Outcome]
    failed_lists: Sequence[FailedList] = ()
    counters: Counters = field(default_factory=Counters)
    data_sets: Sequence[Completeness] = ()
    gaps: Sequence[Gap] = ()
    lacks: str | None = None
    newest_delivered: Mapping[str, datetime] = field(default_factory=dict)

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
            "data_sets": [_with_texts(asdict(each)) for each in self.data_sets],
            "gaps": [_with_texts(asdict(gap)) for gap in self.gaps],
            "failed_lists": [asdict(failed) for failed in self.failed_lists],
            "lacks": self.lacks,
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
        "schema_change": _change(outcome.schema_change),
        "arrival": outcome.arrival and outcome.arrival.value,
    }


def _change(change: SchemaChange | None) -> dict[str, Any] | None:
    if change is None:
        return None
    return {"kind": change.kind.value, "added": list(change.added), "removed": list(change.removed)}


def _with_texts(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: utc_text(value) if isinstance(value, datetime) else value for name, value in fields.items()}


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
