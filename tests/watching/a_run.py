"""Reports and events of runs, for observers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from bds_async.events import (
    Ended,
    Event,
    Examined,
    Finished,
    Held,
    Mirrored,
    Mirroring,
    Planned,
    Read,
    Received,
    Restarted,
    Reviewed,
    Started,
    Surveyed,
    Warned,
)
from bds_async.models import BdsType, Extract
from bds_async.report import (
    AppliedExtract,
    FailedList,
    MirrorSummary,
    MirrorTableSummary,
    Outcome,
    Problem,
    ProblemKind,
    RunReport,
    Status,
)
from tests.support.builders import an_extract, an_outcome

STARTED = datetime(2026, 11, 22, 5, tzinfo=UTC)
SMALL, LARGE = an_extract(plugin_id="small", download_size=500), an_extract(plugin_id="large", download_size=4_000_000)
HELD = Held("school.example asked to wait (429)", 12.0)
HOSTILE = ["[/bold]", "[red]Users", "{task}", "%s %d", "Users\\", "[link=file:///etc/passwd]"]
#: The events of a verification of two files.
A_REVIEW: list[Event] = [Surveyed(2, 3000), Read(1000), Examined("a"), Read(2000), Examined("b"), Reviewed()]


def a_report(*outcomes: Outcome, failed: tuple[FailedList, ...] = (), **changes: Any) -> RunReport:
    """The report of a pull with these outcomes and changes."""
    usual: dict[str, Any] = {
        "command": "pull",
        "tenant": "https://school.example",
        "started": STARTED,
        "finished": STARTED + timedelta(seconds=2),
        "seconds": 2.0,
        "exit_code": 0,
        "outcomes": outcomes,
        "failed_lists": failed,
    }
    return RunReport(**usual | changes)


def outcomes_of(number: int, status: Status = Status.FAILED, **changes: Any) -> list[Outcome]:
    """`number` outcomes of different extracts."""
    return [an_outcome(status, extract=an_extract(plugin_id=str(index)), **changes) for index in range(number)]


def a_run(extract: Extract = LARGE) -> list[Event]:
    """Every event that an extract can cause."""
    outcome = an_outcome(extract=extract)
    return [
        Planned((extract, SMALL), 3),
        Started(extract, 100),
        Received(extract, 2000),
        HELD,
        Restarted(extract, 2100),
        Received(extract, 1000),
        Warned("columns changed"),
        Ended(outcome),
        Started(SMALL, 0),
        Ended(an_outcome(Status.FAILED, extract=SMALL, error="t answered 404.")),
        Finished(a_report(outcome)),
    ]


def a_table(name: str = "users", **changes: Any) -> MirrorTableSummary:
    """The effect of a run on a table of a mirror: three rows, with these changes."""
    usual: dict[str, Any] = {
        "table": name,
        "applied": 1,
        "inserted": 2,
        "updated": 1,
        "deleted": 0,
        "rejected": 0,
        "complete_through": STARTED,
        "data_set": "Users",
        "drift": 0,
        "problems": (),
        "notes": (),
    }
    return MirrorTableSummary(**usual | changes)


def a_mirror(*tables: MirrorTableSummary, error: str | None = None) -> MirrorSummary:
    """The effect of a run on a mirror."""
    return MirrorSummary(target="duckdb:mirror.duckdb", tables=tables, error=error)


HELD_BACK = Problem(ProblemKind.HELD, "Users/full/x.zip", "Users/full/x.zip would delete 30 percent.")
APPLIED = AppliedExtract("Users/full/x.zip", BdsType.FULL, STARTED, 3, 2, 1, 1, 0, 0, 0.5, bytes=700)
#: The events of a mirror of two extracts, one of which is held back.
A_MIRROR: list[Event] = [Mirroring("duckdb:mirror.duckdb", 2, 1500), Mirrored("users", "Users", APPLIED)]
