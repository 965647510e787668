"""Everything that a run has done is reported, no matter how far it got."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC
from typing import cast

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from yarl import URL

from bds_async.brightspace.connection import Connection
from bds_async.errors import AuthorisationError, BdsError, DestinationError, LedgerBusy, Stopped
from bds_async.ledger import Delivery
from bds_async.options import PullOptions
from bds_async.planning import RunPlan, Step
from bds_async.report import Arrival, Completeness, FailedList, Gap, Hold, HoldKind, Outcome, RunReport, Status
from bds_async.runs.job import pull_job
from bds_async.runs.measure import Survey
from bds_async.runs.record import Record
from bds_async.support.clock import now
from bds_async.transfer import Download, Partial
from bds_async.workspace import workspace_of
from tests.support.builders import a_step, an_extract, an_outcome

ONE, OTHER = an_extract(), an_extract(plugin_id="other")
LOST = FailedList("Tools", "schema-9", "t answered 500.")


@dataclass
class Parts:
    """The parts of a connection that a report uses."""

    refreshes: int = 2
    waits: int = 3
    retries: int = 1

    origin = URL("https://school.example")

    def holds_since(self, start: float) -> list[Hold]:
        return [Hold(HoldKind.RATE_LIMIT, 1.0, 2.0)]

    @property
    def tenant(self) -> Parts:
        return self

    refresher = gate = tenant


def report_of(record: Record, connection: Parts | None = None) -> RunReport:
    return record.report(cast(Connection, connection or Parts()))


def planned(*steps: Step, lost: tuple[FailedList, ...] = (), outcomes: tuple[Outcome, ...] = ()) -> Record:
    """A record with these steps in its plan, some of them with an outcome."""
    by_extract = {outcome.extract: outcome for outcome in outcomes}
    downloads = [settled(step, by_extract[step.extract]) for step in steps if step.extract in by_extract]
    return Record(pull_job(PullOptions()), plan=RunPlan(steps, lost, None), downloads=downloads)


def settled(step: Step, outcome: Outcome) -> Download:
    download = Download(step, Partial(workspace_of("nowhere"), step.extract.identity), 1)
    download.settle(outcome)
    return download


def statuses(report: RunReport) -> list[Status]:
    return [outcome.status for outcome in report.outcomes]


async def test_an_extract_without_an_outcome_is_pending() -> None:
    record = planned(a_step(ONE), a_step(OTHER), outcomes=(an_outcome(extract=OTHER),))
    assert statuses(report_of(record)) == [Status.PENDING, Status.DOWNLOADED]


def test_an_extract_that_is_there_already_is_skipped() -> None:
    known = Delivery.of(ONE, "X", path="X/full/x.zip", bytes=7, sha256="ab", columns=("Id",))
    (outcome,) = report_of(planned(a_step(ONE, delivered=known))).outcomes
    assert (outcome.status, outcome.path, outcome.bytes) == (Status.SKIPPED, "X/full/x.zip", 7)


def test_an_empty_plan_is_done() -> None:
    report = report_of(planned())
    assert (report.outcomes, report.exit_code) == ([], 0)


async def test_an_extract_that_was_recovered_and_then_fetched_again_has_one_outcome() -> None:
    """The later one; a recovered one is not overwritten by *skipped* or *pending*."""
    fetched = planned(a_step(ONE), outcomes=(an_outcome(Status.FAILED, extract=ONE),))
    skipped = planned(a_step(ONE, delivered=Delivery.of(ONE, "X")))
    for record in (fetched, skipped):
        record.recovered = [an_outcome(extract=ONE)]
    assert statuses(report_of(fetched)) == [Status.FAILED]
    assert statuses(report_of(skipped)) == [Status.DOWNLOADED]


@settings(deadline=None, suppress_health_check=[HealthCheck.differing_executors])
@given(st.lists(st.sampled_from([Status.DOWNLOADED, Status.FAILED]), max_size=5), st.booleans())
async def test_the_exit_code_is_3_if_anything_failed(some: list[Status], is_lost: bool) -> None:
    extracts = [an_extract(plugin_id=str(number)) for number in range(len(some))]
    outcomes = tuple(an_outcome(status, extract=each) for status, each in zip(some, extracts, strict=True))
    record = planned(*map(a_step, extracts), lost=(LOST,) if is_lost else (), outcomes=outcomes)
    report = report_of(record)
    assert report.exit_code == (3 if is_lost or Status.FAILED in some else 0)
    assert list(report.failed_lists) == ([LOST] if is_lost else [])


@pytest.mark.parametrize(
    ("errors", "code"),
    [
        ([DestinationError("full")], 6),
        ([DestinationError("full"), AuthorisationError("no")], 4),
        ([AuthorisationError("no"), DestinationError("full")], 4),
        ([DestinationError("full"), ZeroDivisionError()], 1),
        ([ZeroDivisionError(), Stopped("Stopped by SIGTERM.", 143)], 143),
    ],
)
def test_of_several_errors_the_one_whose_exit_code_wins_is_kept(errors: list[Exception], code: int) -> None:
    record = planned(a_step(ONE), lost=(LOST,))
    for error in errors:
        record.end_with(error)
    assert report_of(record).exit_code == code
    assert record.error in errors


def test_later_counts_do_not_change_a_report() -> None:
    parts = Parts()
    report = report_of(planned(), parts)
    parts.retries = 7
    assert report.document()["totals"]["retries"] == 1
    assert (report.counters.token_refreshes, report.counters.rate_limit_waits) == (2, 3)


async def test_the_arrival_kind_is_reported_whatever_becomes_of_an_extract() -> None:
    outcome = an_outcome(extract=OTHER, arrival=Arrival.LATE)
    record = planned(a_step(ONE, arrival=Arrival.BASELINE), a_step(OTHER, arrival=Arrival.LATE), outcomes=(outcome,))
    assert [each.arrival for each in report_of(record).outcomes] == [Arrival.BASELINE, Arrival.LATE]


def test_completeness_and_gaps_are_those_that_were_measured() -> None:
    record = planned()
    assert report_of(record).data_sets == ()
    record.survey = Survey([Completeness("Users", None, None)], [Gap("Users", None, None, None)])
    report = report_of(record)
    assert (report.data_sets, report.gaps, report.lacks) == (record.survey.data_sets, record.survey.gaps, None)


@pytest.mark.parametrize("error", [LedgerBusy("Another program holds the ledger."), DestinationError("It is gone.")])
def test_a_report_without_completeness_says_what_it_lacks_and_why(error: BdsError) -> None:
    """Its exit code is that of the error."""
    record = planned(a_step(ONE))
    record.survey = Survey(error=error)
    report = report_of(record)
    assert (report.data_sets, report.gaps, report.exit_code) == ((), (), error.exit_code)
    assert report.document()["lacks"] == f"data_sets and gaps: {error}"


def test_its_moments_are_in_utc() -> None:
    before = now()
    report = report_of(planned())
    assert before <= report.started <= report.finished <= now()
    assert report.started.tzinfo is UTC


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (None, None),
        (Stopped("Stopped by SIGTERM; run again to continue.", 143), "Stopped by SIGTERM; run again to continue."),
        (ValueError("a secret"), "A defect in bds-async: ValueError."),
        (MemoryError(), "This machine has no memory left for bds-async"),
    ],
)
def test_the_report_says_what_ended_the_run_and_quotes_no_defect(error: Exception | None, text: str | None) -> None:
    record = planned()
    record.end_with(error)
    report = report_of(record)
    assert (report.ended_by or "").startswith(text or "")
    assert (report.ended_by is None) == (text is None)
    assert "secret" not in report.to_json()


async def test_the_attempts_of_an_extract_that_is_pending_are_reported() -> None:
    download = Download(a_step(ONE), Partial(workspace_of("nowhere"), ONE.identity), 1)
    with download.made.under_way(7):
        pass
    record = Record(pull_job(PullOptions(workers=7)), plan=RunPlan((a_step(ONE),), (), None), downloads=[download])
    report = report_of(record)
    assert [each.worker for each in report.outcomes[0].attempt_times] == [7]
    assert (report.workers, report.holds) == (7, [Hold(HoldKind.RATE_LIMIT, 1.0, 2.0)])
