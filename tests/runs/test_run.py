"""Every run has one report, no matter how it ends, and raises the error whose exit code wins."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bds_async.config.settings import Config
from bds_async.destination import Publisher
from bds_async.errors import (
    AuthorisationError,
    BdsError,
    CatalogueError,
    DestinationError,
    Stopped,
    UnreachableError,
    weightiest,
)
from bds_async.events import Event, Finished, ListsRead, Planned
from bds_async.options import PullOptions
from bds_async.report import RunReport, Status
from bds_async.runs.context import open_context
from bds_async.runs.job import pull_job
from bds_async.runs.run import run
from bds_async.sandbox import Fault, Sandbox, SandboxSettings
from bds_async.support.patience import HURRIED, USUAL
from bds_async.support.running import Stop, started
from bds_async.workspace import workspace_of
from tests.support.commands import until

pytestmark = pytest.mark.usefixtures("quick_retries")

UNSAVED = DestinationError("The report can't be written.")
SIGINT = Stopped("Stopped by SIGINT.", 130)
#: The bodies never arrive, so that a run has to be ended.
ENDLESS = Fault.of("hang", on="download")


class Runs:
    """Runs of a job against a sandbox; what its observer and its `save` get."""

    def __init__(self, sandbox: Sandbox, home: Path) -> None:
        self.sandbox = sandbox
        self.home = home
        self.observed: list[Event] = []
        self.saved: list[RunReport] = []
        self.threads: list[threading.Thread] = []

    async def run(self, stop: Stop | None = None, save: Any = None, **changes: Any) -> RunReport:
        """Run a pull that adopts nothing; `changes` are other fields of its Job."""
        options = PullOptions(**changes.pop("options", {}))
        job = replace(pull_job(options), adopts=False, **changes)
        stop = stop or Stop()
        self.sandbox.write_config(self.home / "config.json")
        config, workspace = Config.load(self.home / "config.json", {}), workspace_of(self.home / "to")
        async with open_context(config, workspace, job.options, self.observed.append, stop) as context:
            return await run(job, context, self.observed.append, stop, save or self.save)

    async def run_and_stop(self, stop: Stop) -> RunReport:
        """Run a pull, and request its end once there is a plan."""
        running = asyncio.create_task(self.run(stop))
        await until(lambda: any(isinstance(event, Planned) for event in self.observed))
        stop.request(SIGINT)
        return await running

    def save(self, report: RunReport) -> None:
        self.saved.append(report)
        self.threads.append(threading.current_thread())

    @property
    def report(self) -> RunReport:
        """The one report, which must have been observed and saved."""
        (finished,) = [event for event in self.observed if isinstance(event, Finished)]
        assert self.saved == [finished.report]
        return finished.report


@pytest.fixture
async def runs(tmp_path: Path) -> AsyncIterator[Runs]:
    async with Sandbox(SandboxSettings(data_sets=2, scale=0.01)) as sandbox:
        yield Runs(sandbox, tmp_path)


def raising(error: BaseException) -> Callable[..., Any]:
    def fail(*_: object) -> None:
        raise error

    return fail


@pytest.mark.parametrize("code", [0, 3])
async def test_the_report_is_observed_saved_and_returned(runs: Runs, code: int) -> None:
    """It is saved in a thread: a pipe without a reader must not hold the event loop."""
    report = await runs.run(leaves_with_3=lambda _: code == 3)
    assert report is runs.report
    assert threading.current_thread() not in runs.threads
    assert (report.command, report.tenant, report.exit_code) == ("pull", runs.sandbox.tenant_url.rstrip("/"), code)
    assert (report.counters.token_refreshes, report.counters.rate_limit_waits) == (1, 0)


@pytest.mark.parametrize(
    "error", [DestinationError("full"), AuthorisationError("no"), UnreachableError("gone"), SIGINT]
)
async def test_an_error_after_the_plan_is_raised_and_the_report_has_its_code(runs: Runs, error: BdsError) -> None:
    with pytest.raises(type(error)) as caught:
        await runs.run(formats=raising(error))
    assert caught.value is error
    assert runs.report.exit_code == error.exit_code
    assert [each.status for each in runs.report.outcomes] == [Status.PENDING] * 2


async def test_a_defect_is_exit_code_1_in_the_report(runs: Runs) -> None:
    with pytest.raises(ZeroDivisionError):
        await runs.run(formats=raising(ZeroDivisionError()))
    assert runs.report.exit_code == 1


async def test_a_stop_and_the_time_limit_end_it(runs: Runs) -> None:
    runs.sandbox.play(ENDLESS)
    with pytest.raises(Stopped):
        await runs.run_and_stop(Stop())
    with pytest.raises(Stopped):
        await runs.run(options={"max_time": 5.0})
    assert [report.exit_code for report in runs.saved] == [130, 3]


@pytest.mark.parametrize(
    ("reason", "message", "code"),
    [
        ((), "The run was asked to stop; run again to continue.", 130),
        (("The disk is needed.",), "The disk is needed.", 130),
        ((Stopped("Time is up.", 3),), "Time is up.", 3),
    ],
)
async def test_a_stop_needs_no_reason_and_a_text_is_one(reason: tuple[Any, ...], message: str, code: int) -> None:
    stop = Stop()
    stop.request(*reason)
    with pytest.raises(Stopped) as stopped:
        await stop.obey()
    assert (str(stopped.value), stopped.value.exit_code) == (message, code)


def test_a_stop_refuses_what_is_no_reason_at_once() -> None:
    """Later, it would end the run as a defect."""
    number: Any = 130
    with pytest.raises(TypeError, match="text or a Stopped, not int"):
        Stop().request(number)


@pytest.mark.parametrize("ends", ["by itself", "by an error", "by a stop", "by the time limit"])
async def test_waits_for_other_programs_are_cut_where_the_run_has_to_end(runs: Runs, ends: str) -> None:
    """A run that ends by itself is not hurried."""
    stop = Stop()
    changes: dict[str, dict[str, Any]] = {
        "by an error": {"formats": raising(UNSAVED)},
        "by the time limit": {"options": {"max_time": 0.5}},
    }
    if ends in ("by a stop", "by the time limit"):
        runs.sandbox.play(ENDLESS)
    with suppress(BdsError):
        await (runs.run_and_stop if ends == "by a stop" else runs.run)(stop, **changes.get(ends, {}))
    has_to_end = ends in ("by a stop", "by the time limit")
    assert stop.patience.seconds == (HURRIED if has_to_end else USUAL)


async def test_without_a_plan_there_is_no_report(runs: Runs) -> None:
    runs.sandbox.play(Fault.of("status", status=404, on="catalogue"))
    with pytest.raises(CatalogueError):
        await runs.run()
    assert (runs.observed, runs.saved) == ([ListsRead(0, None)], [])


async def test_what_was_recovered_is_reported_even_if_planning_fails(
    runs: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From then on the ledger has it as delivered, so no later report would include it."""
    with monkeypatch.context() as patched:
        patched.setattr(Publisher, "_finish", raising(UNSAVED))
        with pytest.raises(DestinationError):
            await runs.run()
    runs.observed.clear()
    runs.saved.clear()
    with pytest.raises(DestinationError):
        await runs.run(plan=raising(UNSAVED))
    assert {each.status for each in runs.report.outcomes} == {Status.DOWNLOADED}
    assert (runs.report.exit_code, list(runs.report.data_sets)) == (6, [])
    assert "before it had a plan" in (runs.report.lacks or "")


async def test_tries_again_are_counted(runs: Runs) -> None:
    runs.sandbox.play(
        Fault.of("status", status=503, on="download", data_set="Users", first=3),
        Fault.of("status", status=503, on="extracts", data_set="Users", first=1),
    )
    report = await runs.run()
    assert report.count(Status.DOWNLOADED) == 2
    assert report.counters.retries == 3 + 1


@pytest.mark.parametrize(
    ("outcome", "code"), [(0, 6), (3, 6), (UnreachableError("gone"), 6), (AuthorisationError("no"), 4), (SIGINT, 130)]
)
async def test_a_report_that_cannot_be_saved_does_not_hide_an_error_that_wins(
    runs: Runs, outcome: int | BdsError, code: int, caplog: pytest.LogCaptureFixture
) -> None:
    """A signal, then 2, 4, 6, 5, 3: a scheduler that stopped the run must see that it did."""
    caplog.set_level(logging.ERROR)
    changes: dict[str, Any] = {"leaves_with_3": lambda _: outcome == 3}
    if isinstance(outcome, BdsError):
        changes["formats"] = raising(outcome)
    with pytest.raises(BdsError) as caught:
        await runs.run(save=raising(UNSAVED), **changes)
    assert caught.value.exit_code == code
    assert caplog.messages == ([] if code == 6 else ["The report can't be written."])


async def test_a_group_that_is_ending_begins_nothing_and_keeps_its_error() -> None:
    """A piece that arrives while a full disk ends the run adds no error of its own."""

    async def fails() -> None:
        raise DestinationError("The disk is full.")

    async def never_begun() -> None:
        pytest.fail("nothing is begun")

    async def ending() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(fails())
            with suppress(asyncio.CancelledError):
                await asyncio.sleep(60)
            assert started(group, never_begun()) is None

    with pytest.raises(ExceptionGroup) as caught:
        await ending()
    assert isinstance(weightiest(caught.value), DestinationError)
