"""The outcomes of extracts, lists and data sets in a run."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from ..columns import SchemaChange
from ..models import Extract, utc_text
from .entries import Moment
from .times import AttemptTimes

_OPEN = (
    "no full that covers it is there yet. The next one closes it; to accept the loss, run "
    "`bds-async ledger accept --data-set {}`"
)


class Arrival(StrEnum):
    """How an extract follows what was delivered of its data set before.

    BASELINE: a full that starts the data set, or restarts it after a gap. NEW: it is newer than all that was delivered.
    LATE: its queued date is older than one that was delivered before. REISSUED: its queued date was delivered before,
    with another created date or version.
    """

    BASELINE = "baseline"
    NEW = "new"
    LATE = "late"
    REISSUED = "reissued"


@dataclass(frozen=True, slots=True)
class Gap:
    """Differentials of a data set that may have expired between two queued dates before they were delivered.

    `after` is None if nothing was delivered before the gap, `before` if nothing is known after it. `closed_by` is the
    path of the file that holds what was missed: a full, or the missing differential if it was delivered after all.
    None means that the gap is open.
    """

    data_set: str
    schema_id: str | None
    after: Moment | None
    before: Moment | None
    closed_by: str | None = None

    def __str__(self) -> str:
        between = [f"after {utc_text(self.after)}"] if self.after is not None else []
        between += [f"before {utc_text(self.before)}"] if self.before is not None else []
        queued = f" queued {' and '.join(between)}" if between else ""
        end = f"closed by {self.closed_by}" if self.closed_by is not None else _OPEN.format(shlex.quote(self.data_set))
        return f"Differentials of {self.data_set}{queued} may have been missed: {end}."


@dataclass(frozen=True, slots=True)
class Completeness:
    """The queued date up to which a data set is delivered without a gap; None if that is not known."""

    data_set: str
    schema_id: str | None
    complete_through: Moment | None


class Status(StrEnum):
    """What became of an extract of the plan; PENDING means that the run ended before its turn."""

    DOWNLOADED = "downloaded"
    SKIPPED = "skipped"
    FAILED = "failed"
    PENDING = "pending"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one extract.

    `path` is relative to the folder, with `/`; `bytes` and `sha256` are those of the published file; `seconds` is the
    time from its first request to its publication. `text_columns` are those of a Parquet file that are text although
    another type is documented. `worker` is the machine of a cluster that fetched it. `attempt_times` are the attempts
    of this run. What is not known is None.
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
    text_columns: tuple[str, ...] | None = None
    arrival: Arrival | None = None
    worker: str | None = None
    attempt_times: Sequence[AttemptTimes] = ()


@dataclass(frozen=True, slots=True)
class FailedList:
    """A data set whose extract list could not be fetched, and the error."""

    data_set: str
    schema_id: str | None
    error: str


@dataclass(slots=True)
class Counters:
    """Numbers that the parts of a run count while they work."""

    retries: int = 0
    token_refreshes: int = 0
    rate_limit_waits: int = 0
