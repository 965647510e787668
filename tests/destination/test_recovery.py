"""The run that finishes a killed run's publication reports it like any other delivery."""

from __future__ import annotations

from pathlib import Path

import pytest

from bds_async import Arrival, CatalogueError, ChangeKind, RunReport, Status
from bds_async.events import Event, Warned
from bds_async.options import Wanted
from bds_async.sandbox import Fault, LateExtract, Reissue, SchemaChange
from tests.support.kills import MOMENTS, Moment, kill
from tests.support.scheduled import DAY, NOW, of, scheduled, take_away

pytestmark = pytest.mark.usefixtures("quick_retries")
BREAKING = SchemaChange(NOW, "10.0", "Users", remove=("FirstName",))


@pytest.fixture(params=MOMENTS)
def moment(request: pytest.FixtureRequest) -> Moment:
    """Where the run is killed."""
    return MOMENTS[request.param]


def published(folder: Path) -> set[str]:
    return {file.relative_to(folder).as_posix() for file in folder.glob("[!.]*/*/*.zip")}


def assert_both_are_told(report: RunReport) -> None:
    """Check for one outcome each of the killed extract and the next one, with the schema change at the former."""
    one, other = of(report)
    assert (one.status, other.status) == (Status.DOWNLOADED, Status.DOWNLOADED)
    assert (one.attempts, other.attempts) == (0, 1)
    assert one.extract.queued_for_processing_date < other.extract.queued_for_processing_date
    assert one.schema_change is not None
    assert (one.schema_change.kind, one.schema_change.removed) == (ChangeKind.BREAKING, ("FirstName",))
    assert (other.schema_change, "FirstName" in (one.columns or ())) == (None, False)


async def test_a_sync_says_how_it_came(tmp_path: Path, moment: Moment) -> None:
    """As the baseline, late, or reissued; the extracts after it are new."""
    when = NOW + DAY
    late, remade = LateExtract(when, 2 * DAY, "Users"), Reissue(when, 2 * DAY, "User Enrollments")
    async with scheduled(tmp_path, data_sets=2, late_extracts=(late,), reissues=(remade,)) as job:
        await kill(job, moment)
        begun = await job.sync()
        await kill(job, moment)
        then = await job.sync(data_set=("Users",))
        await kill(job, moment, "User Enrollments")
        again = await job.sync(data_set=("User Enrollments",))
    assert of(begun)[0].arrival is Arrival.BASELINE
    assert of(then)[0].arrival is Arrival.LATE
    assert of(again, "User Enrollments")[0].arrival is Arrival.REISSUED
    assert {each.arrival for each in (*of(begun)[1:], *of(then)[1:])} == {Arrival.NEW}


@pytest.mark.parametrize("is_taken", [False, True])
async def test_a_sync_tells_of_it_and_of_its_columns(tmp_path: Path, moment: Moment, is_taken: bool) -> None:
    """Even if a loader took it meanwhile; and no later run reports it again."""
    told: list[Event] = []
    async with scheduled(tmp_path, data_sets=1, schema_changes=(BREAKING,)) as job:
        await job.sync(data_set=("Users",))
        take_away(job.to)
        await kill(job, moment)
        taken = take_away(job.to) if is_taken else {}
        report = await job.sync(data_set=("Users",), strict_schema=True, observer=told.append)
        again = await job.sync(data_set=("Users",), strict_schema=True)
    assert_both_are_told(report)
    assert [str(of(report)[0].extract) in event.message for event in told if isinstance(event, Warned)] == [True]
    assert (report.exit_code, again.exit_code, again.outcomes) == (3, 0, [])
    assert {each.path for each in report.outcomes if Path(each.path or "").name not in taken} == published(job.to)
    assert report.document()["totals"]["planned"] == report.count(Status.DOWNLOADED) == 2
    assert report.published_bytes == sum(each.bytes or 0 for each in report.outcomes)


async def test_a_run_that_gets_no_plan_leaves_it_to_the_next_one(tmp_path: Path, moment: Moment) -> None:
    async with scheduled(tmp_path, data_sets=1, schema_changes=(BREAKING,)) as job:
        await job.sync(data_set=("Users",))
        await kill(job, moment)
        job.sandbox.play(Fault.of("status", status=404, on="catalogue", first=2))
        with pytest.raises(CatalogueError):
            await job.sync()
        assert_both_are_told(await job.sync(data_set=("Users",)))


async def test_a_pull_tells_of_it_once_whether_it_asked_for_it_or_not(tmp_path: Path, moment: Moment) -> None:
    async with scheduled(tmp_path, data_sets=2, schema_changes=(BREAKING,)) as job:
        await job.sync(data_set=("Users",))
        await kill(job, moment)
        report = await job.pull(data_set=("User Enrollments",))
        assert [each.extract.data_set for each in report.outcomes] == ["Users", "User Enrollments"]
        await kill(job, moment)
        chosen = await job.pull(data_set=("Users",), wanted=Wanted.ALL)
    assert len(chosen.outcomes) == len({each.extract.identity for each in chosen.outcomes}) > 2
    assert chosen.outcomes[0].attempts == 0
    assert chosen.count(Status.DOWNLOADED) > 1
