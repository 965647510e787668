"""A sync that updates a mirror in the same run: its deliveries are applied, and its report says so."""

from __future__ import annotations

import asyncio
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bds_async import (
    Config,
    ConfigError,
    Finished,
    Mirrored,
    Mirroring,
    ProblemKind,
    PublishAs,
    RunReport,
    Status,
    Stopped,
    SyncOptions,
    TargetBusy,
    TargetError,
    preview_sync,
)
from bds_async.events import Event
from bds_async.mirrors import Target
from bds_async.mirrors.apply import TableWriter
from bds_async.mirrors.run import opened
from bds_async.runs.corrections import accept
from bds_async.sandbox import Fault, HardDelete
from tests.support.mirror_places import Place
from tests.support.scheduled import DAY, NOW, Scheduled, scheduled, through

pytestmark = pytest.mark.usefixtures("quick_retries")
WEEK = 7 * DAY


async def synced(job: Scheduled, place: Place, after: timedelta = timedelta(), **options) -> RunReport:
    return await job.sync(after, mirror=place.into, mirror_schema=place.schema, **options)


async def true_ids(job: Scheduled, name: str = "Users") -> set[int]:
    """The ids of all rows of a data set that existed at the moment of its newest extract."""
    truth = job.truth(name)
    newest = max(extract.queued for extract in truth.extracts)
    return {int(row["UserId"]) for row in await asyncio.to_thread(truth.rows_at, newest)}


async def ids_in(place: Place, table: str = "users") -> set[int]:
    return {row["user_id"] for row in await place.fetch(f'SELECT user_id FROM "{place.schema}".{table}')}


async def failing(job: Scheduled, into: str, error: type[Exception], **options) -> RunReport:
    """The report of a sync whose mirror fails with this error."""
    told: list[Event] = []
    with pytest.raises(error):
        await job.sync(observer=told.append, mirror=into, **options)
    (report,) = [event.report for event in told if isinstance(event, Finished)]
    return report


async def test_what_is_delivered_is_applied_and_reported(tmp_path: Path, place: Place) -> None:
    """Later fulls are delivered too, since only they show which rows were deleted."""
    deleted = HardDelete(NOW + 2 * DAY, 0.1, "Users")
    async with scheduled(tmp_path, data_sets=1, hard_deletes=(deleted,)) as job:
        first = await synced(job, place)
        assert await ids_in(place) == await true_ids(job)
        second = await synced(job, place, WEEK)
        assert await ids_in(place) == await true_ids(job)
    assert (first.exit_code, second.exit_code) == (0, 0)
    assert first.mirror is not None
    assert second.mirror is not None
    assert place.into.endswith(first.mirror.target.removeprefix("duckdb:"))
    applied = sum(table.applied for table in first.mirror.tables)
    assert applied == first.count(Status.DOWNLOADED) > 0
    users = next(table for table in second.mirror.tables if table.table == "users")
    through = next(each.complete_through for each in second.data_sets if each.data_set == "Users")
    assert users.deleted > 0
    assert (users.drift, users.rejected, users.complete_through) == (users.deleted, 0, through)


async def test_a_run_without_news_applies_nothing(tmp_path: Path, place: Place) -> None:
    async with scheduled(tmp_path, data_sets=1) as job:
        await synced(job, place)
        again = await synced(job, place)
    assert (again.exit_code, again.outcomes) == (0, [])
    assert again.mirror is not None
    assert sum(table.applied for table in again.mirror.tables) == 0


async def test_the_observer_sees_how_much_there_is_to_apply_and_each_extract(tmp_path: Path, place: Place) -> None:
    told: list[Event] = []
    async with scheduled(tmp_path, data_sets=1) as job:
        report = await job.sync(observer=told.append, mirror=place.into, mirror_schema=place.schema)
    (begun,) = [event for event in told if isinstance(event, Mirroring)]
    applied = [event.extract for event in told if isinstance(event, Mirrored)]
    assert begun.extracts == len(applied) == report.count(Status.DOWNLOADED)
    assert begun.bytes == sum(extract.bytes or 0 for extract in applied) == report.published_bytes
    assert isinstance(told[-1], Finished)


async def test_a_full_that_is_held_back_is_exit_code_3(tmp_path: Path, place: Place) -> None:
    purge = HardDelete(NOW + 2 * DAY, 0.6, "Users")
    async with scheduled(tmp_path, data_sets=1, hard_deletes=(purge,)) as job:
        await synced(job, place)
        held = await synced(job, place, WEEK)
        allowed = await synced(job, place, delete_limit=100)
    assert (held.exit_code, allowed.exit_code) == (3, 0)
    assert held.mirror is not None
    problems = [problem for table in held.mirror.tables for problem in table.problems]
    assert [problem.kind for problem in problems] == [ProblemKind.HELD]
    assert held.mirror.error is None


async def test_a_failed_extract_does_not_keep_the_others_from_the_mirror(tmp_path: Path, place: Place) -> None:
    async with scheduled(tmp_path, data_sets=2) as job:
        job.sandbox.play(Fault.of("status", status=404, on="download", data_set="Users"))
        report = await synced(job, place)
        assert report.exit_code == 3
        assert report.mirror is not None
        assert "users" not in {table.table for table in report.mirror.tables if table.applied}
        assert sum(table.applied for table in report.mirror.tables) == report.count(Status.DOWNLOADED) > 0
        job.sandbox.play()
        assert (await synced(job, place)).exit_code == 0
        assert await ids_in(place) == await true_ids(job)


async def test_where_nothing_was_delivered_there_is_nothing_to_apply(tmp_path: Path, place: Place) -> None:
    async with scheduled(tmp_path, data_sets=1) as job:
        job.sandbox.play(Fault.of("status", status=500, on="download"))
        report = await synced(job, place, attempts=1)
    assert (report.exit_code, report.count(Status.DOWNLOADED)) == (3, 0)
    assert report.mirror is not None
    assert (report.mirror.tables, report.mirror.error) == ((), None)


async def test_a_pattern_may_match_nothing_that_was_delivered_yet(tmp_path: Path, place: Place) -> None:
    """The choice of data sets is that of the sync."""
    async with scheduled(tmp_path, data_sets=2) as job:
        job.sandbox.play(Fault.of("status", status=404, on="download", data_set="User Enrollments"))
        chosen = ("Users", "User Enrollments")
        report = await synced(job, place, data_set=chosen)
    assert report.exit_code == 3
    assert report.mirror is not None
    assert [table.table for table in report.mirror.tables if table.applied] == ["users"]


async def test_a_gap_that_is_accepted_makes_the_table_complete(tmp_path: Path, place: Place) -> None:
    """No extract comes with it."""
    async with scheduled(tmp_path, differential_retention_days=3.0, data_sets=1) as job:
        await synced(job, place)
        await job.sync(2 * DAY)
        with_gap = await synced(job, place, 6 * DAY)
        assert with_gap.exit_code == 3
        assert await complete_in(place) == through(with_gap)
        accept(job.workspace, ("*",))
        accepted = await synced(job, place)
    assert (accepted.exit_code, accepted.outcomes) == (0, [])
    earlier, later = through(with_gap), through(accepted)
    assert earlier is not None
    assert later is not None
    assert await complete_in(place) == later > earlier


async def complete_in(place: Place) -> datetime:
    ((moment,),) = (
        row.values() for row in await place.fetch(f'SELECT complete_through FROM "{place.schema}"._bds_tables')
    )
    return moment.replace(tzinfo=UTC)


class TestFailures:
    async def test_a_database_that_is_not_there_leaves_the_files_to_the_next_run(
        self, tmp_path: Path, place: Place
    ) -> None:
        async with scheduled(tmp_path, data_sets=1) as job:
            report = await failing(job, "postgresql://me@127.0.0.1:1/x", TargetError)
            assert report.exit_code == 6
            assert report.count(Status.DOWNLOADED) > 0
            assert report.mirror is not None
            assert "cannot be reached" in str(report.mirror.error)
            again = await synced(job, place)
            assert await ids_in(place) == await true_ids(job)
        assert again.mirror is not None
        assert sum(table.applied for table in again.mirror.tables) == report.count(Status.DOWNLOADED)

    async def test_a_mirror_that_another_run_uses_is_75(self, tmp_path: Path) -> None:
        into = f"duckdb:{tmp_path / 'mirror.duckdb'}"
        async with scheduled(tmp_path, data_sets=1) as job, opened(Target.parse(into), job.workspace, "bds"):
            report = await failing(job, into, TargetBusy)
        assert report.exit_code == 75
        assert report.count(Status.DOWNLOADED) > 0

    async def test_what_was_applied_before_it_failed_is_in_the_report(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        original, count = TableWriter.apply, 0

        async def apply(self, *arguments):
            nonlocal count
            count += 1
            if count == 3:
                raise TargetError("The disk is full.")
            return await original(self, *arguments)

        monkeypatch.setattr(TableWriter, "apply", apply)
        async with scheduled(tmp_path, data_sets=1) as job:
            report = await failing(job, f"duckdb:{tmp_path / 'mirror.duckdb'}", TargetError)
        assert report.mirror is not None
        assert report.mirror.error == "The disk is full."
        assert sum(table.applied for table in report.mirror.tables) == 2

    async def test_a_run_that_ends_early_leaves_the_mirror_as_it_is(self, tmp_path: Path) -> None:
        async with scheduled(tmp_path, data_sets=3, bandwidth=500) as job:
            report = await failing(job, f"duckdb:{tmp_path / 'mirror.duckdb'}", Stopped, max_time=1.0)
        assert report.exit_code == 3
        assert report.mirror is not None
        assert report.mirror.tables == ()
        assert "the next one does it" in str(report.mirror.error)
        assert not (tmp_path / "mirror.duckdb").exists()

    async def test_the_time_limit_holds_for_the_mirror_too(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from bds_async import Stopped

        async def apply(self, *arguments):
            await asyncio.sleep(60)

        monkeypatch.setattr(TableWriter, "apply", apply)
        async with scheduled(tmp_path, data_sets=1) as job:
            report = await failing(job, f"duckdb:{tmp_path / 'mirror.duckdb'}", Stopped, max_time=5.0)
        assert report.exit_code == 3
        assert report.count(Status.DOWNLOADED) > 0
        assert 5 <= report.seconds < 20
        assert report.mirror is not None
        assert report.mirror.error == "The run's time of 5 seconds (`max_time`) is up; run again to continue."


class TestOptions:
    def test_a_mirror_implies_each_new_full(self) -> None:
        assert SyncOptions(mirror="duckdb:x").with_fulls
        assert not SyncOptions().with_fulls

    def test_parquet_is_refused(self) -> None:
        with pytest.raises(ConfigError, match="`mirror` reads zips and CSVs"):
            SyncOptions(mirror="duckdb:x", publish_as=PublishAs.PARQUET)

    @pytest.mark.parametrize("limit", [-1, 101, "much"])
    def test_a_limit_is_a_percentage(self, limit: object) -> None:
        with pytest.raises(ConfigError, match="delete_limit"):
            SyncOptions(mirror="duckdb:x", delete_limit=limit)  # type: ignore[arg-type]

    async def test_a_preview_has_the_fulls_and_asks_no_database(self, tmp_path: Path) -> None:
        async with scheduled(tmp_path, data_sets=1) as job:
            await job.sync()
            job.sandbox.advance(WEEK)
            config: Config = job.config
            plain = await preview_sync(config, job.to)
            mirrored = await preview_sync(config, job.to, SyncOptions(mirror="postgresql://me@127.0.0.1:1/x"))
        assert len(mirrored.steps) > len(plain.steps)

    @pytest.mark.parametrize(("into", "package"), [("duckdb:x", "duckdb"), ("postgresql://me@127.0.0.1/x", "asyncpg")])
    async def test_a_missing_package_is_named_before_anything_is_asked(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, into: str, package: str
    ) -> None:
        async with scheduled(tmp_path, data_sets=1) as job:
            monkeypatch.setitem(sys.modules, package, None)
            with pytest.raises(ConfigError, match=f"needs the package {package}: run pip install"):
                await job.sync(mirror=into)
            assert len(job.sandbox.requests) == 0

    @pytest.mark.parametrize("into", ["", "mysql://x", "postgresql://me:hush@127.0.0.1/x"])
    async def test_an_address_that_is_none_is_refused_before_anything_is_asked(self, tmp_path: Path, into: str) -> None:
        async with scheduled(tmp_path, data_sets=1) as job:
            with pytest.raises(ConfigError) as raised:
                await job.sync(mirror=into)
            assert not job.to.exists()
            assert len(job.sandbox.requests) == 0
        assert "hush" not in str(raised.value)
