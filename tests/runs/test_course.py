"""However a run ends, its report is told once, and the weightiest reason is what comes out."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, cast

import pytest
from bds_async.runs.course import Course
from yarl import URL

from bds_async.brightspace.connection import Connection
from bds_async.errors import AuthorisationError, BdsError, DestinationError, Stopped, UnreachableError
from bds_async.events import Ended, Event, Finished
from bds_async.report import RunReport, Status
from bds_async.support.running import Stop
from tests.support.builders import an_extract, an_outcome

SCHOOL = URL("https://school.example")
NO_REPORT = DestinationError("The report can't be written.")
SIGINT = Stopped("Stopped by SIGINT.", 130)


@dataclass
class Parts:
    """As much of a connection as a course asks for."""

    origin: URL = SCHOOL
    refreshes: int = 2
    waits: int = 3
    retries: int = 1

    @property
    def tenant(self) -> Parts:
        return self

    refresher = gate = tenant

    async def stay_signed_in(self) -> None:
        await asyncio.Event().wait()


class Watcher:
    """Hears everything, and fails at the end if it is told to."""

    def __init__(self, failure: BdsError | None = None) -> None:
        self.heard: list[Event] = []
        self._failure = failure

    def __call__(self, event: Event) -> None:
        self.heard.append(event)
        if isinstance(event, Finished) and self._failure is not None:
            raise self._failure

    @property
    def report(self) -> RunReport:
        (finished,) = [event for event in self.heard if isinstance(event, Finished)]
        return finished.report


def a_course(watcher: Watcher, max_time: float | None = None, *, planned: bool = True) -> Course:
    course = Course("pull", cast(Connection, Parts()), watcher, max_time)
    if planned:
        course.log.plan([an_extract()], [])
    return course


async def ends_with(outcome: int | BaseException | None) -> int:
    """A run's work: it gives an exit code, fails, or never ends."""
    if isinstance(outcome, BaseException):
        raise outcome
    if outcome is None:
        await asyncio.Event().wait()
    return cast(int, outcome)


@pytest.mark.parametrize("code", [0, 3])
async def test_the_report_is_told_and_given(code: int) -> None:
    watcher = Watcher()
    report = await a_course(watcher).run(ends_with(code), Stop())
    assert report == watcher.report
    assert (report.command, report.tenant, report.exit_code) == ("pull", "https://school.example", code)
    assert (report.counters.token_refreshes, report.counters.rate_limit_waits) == (2, 3)


@pytest.mark.parametrize(
    "error", [DestinationError("full"), AuthorisationError("no"), UnreachableError("gone"), SIGINT]
)
async def test_an_error_comes_out_and_the_report_has_its_code(error: BdsError) -> None:
    watcher = Watcher()
    with pytest.raises(type(error)):
        await a_course(watcher).run(ends_with(error), Stop())
    assert watcher.report.exit_code == error.exit_code
    assert watcher.report.count(Status.PENDING) == 1


async def test_a_defect_is_exit_code_1_in_the_report() -> None:
    watcher = Watcher()
    with pytest.raises(ZeroDivisionError):
        await a_course(watcher).run(ends_with(ZeroDivisionError()), Stop())
    assert watcher.report.exit_code == 1


async def test_a_stop_and_the_clock_end_it() -> None:
    stop, asked, late = Stop(), Watcher(), Watcher()
    stop.request(SIGINT)
    with pytest.raises(Stopped):
        await a_course(asked).run(ends_with(None), stop)
    with pytest.raises(Stopped):
        await a_course(late, max_time=0.01).run(ends_with(None), Stop())
    assert (asked.report.exit_code, late.report.exit_code) == (130, 3)


@pytest.mark.parametrize(("outcome", "requested", "hurried"), [(None, True, 1), (0, False, 0), (NO_REPORT, False, 0)])
async def test_what_a_stop_has_to_wait_for_is_hurried_before_the_work_is_cancelled(
    outcome: int | BdsError | None, requested: bool, hurried: int
) -> None:
    """A run that comes to its end by itself takes the time that it needs."""
    seen: list[str] = []
    stop = Stop()

    async def work() -> int:
        try:
            return await ends_with(outcome)
        finally:
            seen.append("ended")

    course = Course("pull", cast(Connection, Parts()), Watcher(), None, lambda: seen.append("hurried"))
    if requested:
        asyncio.get_running_loop().call_later(0.01, stop.request, SIGINT)
    with suppress(BdsError):
        await course.run(work(), stop)
    assert seen == ["hurried"] * hurried + ["ended"]


async def test_without_a_plan_there_is_nothing_to_tell() -> None:
    watcher = Watcher()
    with pytest.raises(UnreachableError):
        await a_course(watcher, planned=False).run(ends_with(UnreachableError("gone")), Stop())
    assert watcher.heard == []


async def test_outcomes_are_noted_and_their_tries_counted() -> None:
    watcher = Watcher()
    course = a_course(watcher)
    course.watch(Ended(an_outcome(attempts=4)))
    report = await course.run(ends_with(0), Stop())
    assert report.count(Status.DOWNLOADED) == 1
    assert report.counters.retries == 3 + 1
    assert isinstance(watcher.heard[0], Ended)


@pytest.mark.parametrize(
    ("outcome", "code"), [(0, 6), (3, 6), (UnreachableError("gone"), 6), (AuthorisationError("no"), 4), (SIGINT, 130)]
)
async def test_a_report_that_cannot_be_written_does_not_hide_what_weighs_more(
    outcome: int | BdsError, code: int, caplog: pytest.LogCaptureFixture
) -> None:
    """A signal, then 2, 4, 6, 5, 3: a scheduler that stopped the run has to see that it did."""
    caplog.set_level(logging.ERROR)
    work: Any = ends_with(outcome)
    with pytest.raises(BdsError) as caught:
        await a_course(Watcher(NO_REPORT)).run(work, Stop())
    assert caught.value.exit_code == code
    assert caplog.messages == ([] if code == 6 else ["The report can't be written."])
